/** A neighbour as the RIB knows it: where its routes come from, and what it is told. */
import type { Negotiated } from '../bgp/fsm/negotiate.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { PeerInfo } from '../rib/peers.ts';
import type { GroupProfile } from '../rib/update-group.ts';
import { sourceOf } from '../route-reflector/reflection.ts';
import type { PeerKind } from '../route-reflector/reflection.ts';
import type { Policies } from './neighbour-policies.ts';
import { selfNextHops } from './self-next-hops.ts';

export interface RibPeer {
  readonly neighbour: Neighbour;
  readonly policies: Policies;
  readonly negotiated: Negotiated;
}

/** Where routes of the neighbour come from. */
export function peerInfo({ neighbour, policies, negotiated }: RibPeer): PeerInfo {
  return {
    address: neighbour.address,
    source: sourceOf(kindOf(neighbour, negotiated)),
    routerId: negotiated.peerRouterId,
    localAs: neighbour.localAs,
    allowLocalAs: neighbour.allowLocalAs,
    importPolicy: policies.import,
  };
}

/** What the neighbour is told; `localAddress` is this side's of the connection. */
export function groupProfile(
  { neighbour, policies, negotiated }: RibPeer,
  localAddress: string | undefined,
  more: Pick<GroupProfile, 'clusterId' | 'localPrefScale'>,
): GroupProfile {
  return {
    ...more,
    to: kindOf(neighbour, negotiated),
    localAs: neighbour.localAs,
    nextHopMode: neighbour.nextHopMode,
    selfNextHop: selfNextHops(localAddress ?? neighbour.localAddress, neighbour, negotiated.families),
    normalMetric: policies.localPref.normalMetric,
    exportPolicy: policies.export,
    families: negotiated.families,
    addPaths: negotiated.addPaths.send,
    fourOctetAs: negotiated.fourOctetAs,
    maxMessage: negotiated.extendedMessage ? 65_535 : 4096,
  };
}

function kindOf({ reflectorClient }: Neighbour, { external }: Negotiated): PeerKind {
  if (external) return 'external';
  return reflectorClient ? 'client' : 'internal';
}
