/** Peers as the API shows them. */
import type { MessageCounts, NotificationReport, PeerDetail, PeerFamily, PeerSummary } from '../../api/types.ts';
import { toPastTimestamp } from '../../api/timestamps.ts';
import { describeCapability } from '../../bgp/messages/capabilities/capability-codec.ts';
import type { Negotiated } from '../../bgp/fsm/negotiate.ts';
import type { Notification } from '../../bgp/messages/error.ts';
import { describeNotification } from '../../bgp/messages/notification.ts';
import { formatU32 } from '../../net/address.ts';
import { FAMILY_NAMES } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import type { Neighbour } from '../../peering/neighbour.ts';
import type { NeighbourSession } from '../neighbour-session.ts';
import type { Router } from '../router.ts';

/** The node that a neighbour is, or the BGPPeer that it comes from. */
export function peerName({ nodeName, source }: Neighbour): string | null {
  return nodeName ?? (source.startsWith('BGPPeer ') ? source.slice('BGPPeer '.length) : null);
}

/** One line about a peer. `now` in milliseconds since 1970. */
export function peerSummary(router: Router, peer: NeighbourSession, now: number): PeerSummary {
  const { neighbour, session } = peer;
  const { statistics } = session;
  const established = session.state === 'Established';
  return {
    address: neighbour.key,
    name: peerName(neighbour),
    type: neighbour.type,
    source: neighbour.source,
    asn: neighbour.peerAs,
    localAsn: neighbour.localAs,
    session: neighbour.external ? 'external' : 'internal',
    state: session.state,
    admin: router.isDisabled(neighbour.key) ? 'down' : 'up',
    postponed: router.postponed.get(neighbour.key) ?? null,
    since: toPastTimestamp(statistics.stateSince, now),
    uptimeSeconds: established ? Math.max(0, now - statistics.stateSince) / 1000 : 0,
    families: Object.fromEntries(
      neighbour.families.map((family) => [FAMILY_NAMES[family], familyCounts(router, peer, family)]),
    ),
    flaps: statistics.flaps,
    pendingPrefixes: peer.peer < 0 ? 0 : router.advertising.waiting(peer.peer),
    messages: { received: receivedCounts(peer), sent: sentCounts(peer) },
    lastError: lastTrouble(peer, now),
  };
}

/** Why the session is not there, or ended the last time. */
export function lastTrouble({ neighbour, lastError: error }: NeighbourSession, now: number): PeerSummary['lastError'] {
  if (neighbour.heldDown !== undefined) return { words: neighbour.heldDown, at: toPastTimestamp(now, now) };
  return error === undefined ? null : { words: error.words, at: toPastTimestamp(error.at, now) };
}

function familyCounts(router: Router, { peer, endOfRib, session }: NeighbourSession, family: Family): PeerFamily {
  if (peer < 0) return { received: 0, accepted: 0, advertised: 0, endOfRib: false };
  const stale = router.rib.peers.stale[family][peer];
  return {
    received: router.rib.peers.received[family][peer],
    accepted: router.rib.peers.accepted[family][peer],
    ...(stale > 0 && { stale }),
    advertised: router.advertising.toldCount(peer, family),
    endOfRib: endOfRib.has(family),
    ...addPaths(session.negotiated, family),
  };
}

function addPaths(negotiated: Negotiated | undefined, family: Family): Pick<PeerFamily, 'addPaths'> {
  const send = negotiated?.addPaths.send.includes(family) ?? false;
  const receive = negotiated?.addPaths.receive.includes(family) ?? false;
  if (send && receive) return { addPaths: 'both' };
  if (send) return { addPaths: 'send' };
  return receive ? { addPaths: 'receive' } : {};
}

function receivedCounts({ session, received }: NeighbourSession): MessageCounts {
  return { ...countsOf(session.statistics.received), ...received };
}

function sentCounts({ session }: NeighbourSession): MessageCounts {
  return { ...countsOf(session.statistics.sent), withdrawUpdates: 0, withdrawnPrefixes: 0, discarded: 0 };
}

function countsOf(
  counts: NeighbourSession['session']['statistics']['sent'],
): Omit<MessageCounts, 'withdrawUpdates' | 'withdrawnPrefixes' | 'discarded'> {
  const { open, update, notification, keepalive, routeRefresh } = counts;
  return {
    open,
    update,
    notification,
    keepalive,
    routeRefresh,
    total: open + update + notification + keepalive + routeRefresh,
  };
}

/** All there is to know about a peer. */
export function peerDetail(router: Router, peer: NeighbourSession, now: number): PeerDetail {
  const { neighbour, session } = peer;
  const { negotiated, statistics } = session;
  const filters = [...neighbour.filters];
  const named = filters.length === 0 ? 'no BGPFilter' : `BGPFilter ${filters.join(', ')}`;
  const pools =
    'then the default rules of Calico: own blocks, and what is inside an IPPool that may be exported; nothing else';
  return {
    ...peerSummary(router, peer, now),
    reason: neighbour.reason,
    port: neighbour.port,
    passive: neighbour.passive,
    localAddress: session.localAddress ?? neighbour.localAddress ?? null,
    localPort: session.localPort ?? null,
    remotePort: session.remotePort ?? null,
    localRouterId: formatU32(router.rib.self.routerId),
    routerId: negotiated === undefined ? null : formatU32(negotiated.peerRouterId),
    timers: {
      configured: {
        holdSeconds: neighbour.holdTime,
        keepaliveSeconds: neighbour.keepaliveTime ?? neighbour.holdTime / 3,
        connectRetrySeconds: session.config.connectRetryTime,
      },
      negotiated:
        negotiated === undefined
          ? null
          : { holdSeconds: negotiated.holdTime, keepaliveSeconds: negotiated.keepaliveTime },
    },
    capabilities: {
      ours: session.open.capabilities.map(describeCapability),
      theirs: (negotiated?.peerCapabilities ?? []).map(describeCapability),
    },
    security: { md5: neighbour.password.kind !== 'none', gtsmHops: neighbour.ttlSecurity ?? null },
    policy: {
      import: { filters, words: `${named}, then everything is accepted (Calico's default)` },
      export: { filters, words: `${named}, ${pools}` },
    },
    lastNotificationSent: notificationReport(statistics.lastNotificationSent, now),
    lastNotificationReceived: notificationReport(statistics.lastNotificationReceived, now),
  };
}

function notificationReport(
  last: { notification: Notification; at: number } | undefined,
  now: number,
): NotificationReport | null {
  if (last === undefined) return null;
  const { code, subcode } = last.notification;
  return { code, subcode, words: describeNotification(last.notification), at: toPastTimestamp(last.at, now) };
}
