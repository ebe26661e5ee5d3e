/** Metrics of sessions. Names and labels that begin with `bgp_` are GoBGP's, so that dashboards made for it work. */
import { FAMILY_NAMES } from '../../net/family.ts';
import type { MessageCounts, PeerFamily, PeerSummary } from '../types.ts';
import type { DaemonSnapshot } from './daemon-snapshot.ts';
import type { MetricRow, Sample } from './metric-row.ts';

/** Message counters: suffix of the metric, words for its help, field. */
const MESSAGES: readonly (readonly [suffix: string, words: string, field: keyof MessageCounts])[] = [
  ['open', 'OPEN messages', 'open'],
  ['update', 'UPDATE messages', 'update'],
  ['notification', 'NOTIFICATION messages', 'notification'],
  ['keepalive', 'KEEPALIVE messages', 'keepalive'],
  ['refresh', 'ROUTE-REFRESH messages', 'routeRefresh'],
  ['message', 'messages of all types', 'total'],
  ['withdraw_update', 'UPDATE messages that withdraw prefixes', 'withdrawUpdates'],
  ['withdraw_prefix', 'prefixes withdrawn', 'withdrawnPrefixes'],
  ['discarded', 'messages or routes in them ignored for an error', 'discarded'],
];

const DIRECTIONS = [
  ['received', 'received from the peer'],
  ['sent', 'sent to the peer'],
] as const;

const messageRows: readonly MetricRow<DaemonSnapshot>[] = DIRECTIONS.flatMap(([direction, words]) =>
  MESSAGES.map(([suffix, what, field]) =>
    perPeer(
      `bgp_${direction}_${suffix}_total`,
      `Number of ${what} ${words}.`,
      (peer) => peer.messages[direction][field],
      'counter',
    ),
  ),
);

const ROUTES: readonly (readonly [field: 'received' | 'accepted' | 'advertised', help: string])[] = [
  ['received', 'Routes received from the peer, before the import filters; 0 while the session is down.'],
  ['accepted', 'Routes received from the peer and accepted; 0 while the session is down.'],
  ['advertised', 'Routes advertised to the peer; 0 while the session is down.'],
];

const routeRows: readonly MetricRow<DaemonSnapshot>[] = ROUTES.map(([field, help]) => ({
  name: `bgp_routes_${field}`,
  help,
  type: 'gauge',
  labels: ['peer', 'route_family'],
  read: ({ peers }) => peers.flatMap((peer) => familySamples(peer, field)),
}));

function familySamples(peer: PeerSummary, field: keyof PeerFamily): Sample[] {
  const samples: Sample[] = [];
  for (const family of FAMILY_NAMES) {
    const counts = peer.families[family];
    if (counts !== undefined) samples.push([Number(counts[field]), peer.address, family]);
  }
  return samples;
}

function perPeer(
  name: string,
  help: string,
  value: (peer: PeerSummary) => number,
  type: 'gauge' | 'counter' = 'gauge',
): MetricRow<DaemonSnapshot> {
  return { name, help, type, labels: ['peer'], read: ({ peers }) => peers.map((peer) => [value(peer), peer.address]) };
}

export const SESSION_METRICS: readonly MetricRow<DaemonSnapshot>[] = [
  {
    name: 'bgp_peer_state',
    help: 'Always 1; the labels say in which state the session is.',
    type: 'gauge',
    labels: ['peer', 'session_state', 'admin_state'],
    read: ({ peers }) => peers.map((peer) => [1, peer.address, peer.state.toUpperCase(), peer.admin.toUpperCase()]),
  },
  perPeer(
    'bgp_peer_uptime',
    'Seconds since the session was established; 0 while it is not.',
    (peer) => peer.uptimeSeconds,
  ),
  perPeer('bgp_peer_flop_count', 'How often the session was lost since the daemon started.', (peer) => peer.flaps),
  perPeer('bgp_peer_out_queue_count', 'Prefixes still to be sent to the peer.', (peer) => peer.pendingPrefixes),
  ...routeRows,
  ...messageRows,
  {
    name: 'starling_peer_up',
    help: '1 when the session is established, else 0.',
    type: 'gauge',
    labels: ['peer', 'type'],
    read: ({ peers }) => peers.map((peer) => [peer.state === 'Established' ? 1 : 0, peer.address, peer.type]),
  },
  {
    name: 'starling_peer_info',
    help: 'Always 1; the labels say what the peer is. Join on `peer`.',
    type: 'gauge',
    labels: ['peer', 'name', 'type', 'source', 'asn', 'session'],
    read: ({ peers }) =>
      peers.map((peer) => [1, peer.address, peer.name ?? '', peer.type, peer.source, String(peer.asn), peer.session]),
  },
];
