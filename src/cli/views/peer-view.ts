/** `starling peer show`. */
import { isIPv6 } from 'node:net';
import type { MessageCounts, NotificationReport, PeerDetail, Trouble } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatTable } from '../output/table.ts';
import { formatAgo, formatCount, formatDuration, formatFields } from '../output/words.ts';
import { colourOf, stateOf } from './peer-list-view.ts';

export function renderPeer(peer: PeerDetail, style: Style): string {
  const name = peer.name === null ? '' : ` (${peer.name})`;
  const { agoSeconds, time } = peer.since;
  const state = `${paint(stateOf(peer), colourOf(peer), style)} for ${formatDuration(agoSeconds)} (since ${time})`;
  const fields = formatFields(
    [
      ['State', state],
      ['Why it exists', reasonWords(peer)],
      ...(peer.postponed === null ? [] : [['Not done', peer.postponed.words] as [string, string]]),
      ['AS', `${peer.asn}, here ${peer.localAsn}: ${peer.session}`],
      ['Router id', `${peer.routerId ?? 'not known yet'}, here ${peer.localRouterId}`],
      ['Connection', connectionWords(peer)],
      ['Timers', timerWords(peer)],
      ['Security', securityWords(peer)],
      ['Import', peer.policy.import.words],
      ['Export', peer.policy.export.words],
      ['Capabilities', ...capabilityWords(peer)],
      ['Flaps', `${peer.flaps} since the daemon started`],
      ['Last error', troubleWords(peer.lastError)],
      ['NOTIFICATION sent', notificationWords(peer.lastNotificationSent)],
      ['... received', notificationWords(peer.lastNotificationReceived)],
    ],
    '  ',
  );
  const title = paint(`Peer ${peer.address}${name}`, 'bold', style);
  return `${title}\n${fields}\n${familyTable(peer, style)}\n${messageTable(peer, style)}`;
}

function reasonWords({ reason, source, type }: PeerDetail): string {
  const known = reason.replaceAll('"', '').includes(source);
  return `${reason} (${known ? '' : `${source}, `}${type} peer)`;
}

function connectionWords({ localAddress, localPort, address, remotePort, port, passive }: PeerDetail): string {
  const peer = endpoint(address, remotePort ?? port);
  if (remotePort !== null) return `${endpoint(localAddress ?? '', localPort ?? 0)} to ${peer}`;
  const from = localAddress === null ? '' : ` from ${localAddress}`;
  return passive ? `none; waits for ${address} to connect` : `none; connects to ${peer}${from}`;
}

function endpoint(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

function timerWords({ timers: { configured, negotiated } }: PeerDetail): string {
  const words = `hold ${configured.holdSeconds} s, keepalive ${configured.keepaliveSeconds} s`;
  const retry = `connect retry ${configured.connectRetrySeconds} s`;
  if (negotiated === null) return `${words} configured, ${retry}`;
  return `hold ${negotiated.holdSeconds} s, keepalive ${negotiated.keepaliveSeconds} s (configured: ${words}), ${retry}`;
}

function securityWords({ security: { md5, gtsmHops } }: PeerDetail): string {
  const words = [
    md5 ? ['TCP MD5'] : [],
    gtsmHops === null ? [] : [`GTSM, at most ${formatCount(gtsmHops, 'hop')}`],
  ].flat();
  return words.length === 0 ? 'none' : words.join('; ');
}

function capabilityWords({ capabilities: { ours, theirs }, state }: PeerDetail): string[] {
  const unknown = state === 'Established' || state === 'OpenConfirm' ? 'none' : 'not known: no session';
  return [`here: ${ours.join(', ') || 'none'}`, `peer: ${theirs.join(', ') || unknown}`];
}

function troubleWords(trouble: Trouble | null): string {
  return trouble === null ? 'none' : `${formatAgo(trouble.at)}: ${trouble.words}`;
}

function notificationWords(notification: NotificationReport | null): string {
  if (notification === null) return 'none';
  const { code, subcode, words, at } = notification;
  return `${formatAgo(at)}: ${words} (${code}/${subcode})`;
}

function familyTable({ families }: PeerDetail, style: Style): string {
  const rows = Object.entries(families).map(([family, { received, accepted, advertised, endOfRib, addPaths }]) => [
    family,
    received,
    accepted,
    advertised,
    endOfRib ? 'received' : 'not yet',
    addPaths === 'both' ? 'send, receive' : (addPaths ?? '-'),
  ]);
  const columns = [
    { title: 'FAMILY' },
    { title: 'RECEIVED', right: true },
    { title: 'ACCEPTED', right: true },
    { title: 'ADVERTISED', right: true },
    { title: 'END-OF-RIB' },
    { title: 'ADD-PATH' },
  ] as const;
  return formatTable(columns, rows, style);
}

const MESSAGES: readonly (readonly [title: string, field: keyof MessageCounts])[] = [
  ['OPEN', 'open'],
  ['UPDATE', 'update'],
  ['NOTIFICATION', 'notification'],
  ['KEEPALIVE', 'keepalive'],
  ['ROUTE-REFRESH', 'routeRefresh'],
  ['TOTAL', 'total'],
  ['WITHDRAWN', 'withdrawnPrefixes'],
  ['DISCARDED', 'discarded'],
];

function messageTable({ messages }: PeerDetail, style: Style): string {
  const columns = [{ title: 'MESSAGES' }, ...MESSAGES.map(([title]) => ({ title, right: true as const }))];
  const rows = (['received', 'sent'] as const).map((direction) => [
    direction,
    ...MESSAGES.map(([, field]) => messages[direction][field]),
  ]);
  return formatTable(columns, rows, style);
}
