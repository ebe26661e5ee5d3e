/**
 * Why a received route is not even offered to the import policy: loops (RFC 4271 §9.1.2, RFC 4456 §8).
 */
import { countAs } from '../bgp/messages/attributes/as-path.ts';
import { hasClusterId } from '../bgp/messages/attributes/attribute-summary.ts';
import { formatU32 } from '../net/address.ts';
import type { AttributeSets } from './attribute-sets.ts';
import type { PeerInfo } from './peers.ts';
import { SOURCE_EXTERNAL } from './policy.ts';

/** This router's identity in reflection. */
export interface RouterIdentity {
  /** BGP identifier as an unsigned number. */
  readonly routerId: number;
  /** Cluster id of the reflector (RFC 4456 §7), the router id unless configured. */
  readonly clusterId: number;
}

/** The loop that a route of this set, received from this peer, would make, in words; undefined if there is none. */
export function loopIn(sets: AttributeSets, set: number, peer: PeerInfo, self: RouterIdentity): string | undefined {
  const start = sets.offset[set];
  const end = start + sets.length[set];
  // The path of an iBGP route may hold our AS only if somebody let it in: RFC 4271 §9.1.2 makes no difference.
  const occurrences = sets.pathLength[set] === 0 ? 0 : countAs(sets.arena, start, end, peer.localAs);
  if (occurrences > peer.allowLocalAs) {
    return `AS_PATH holds our AS ${peer.localAs} ${occurrences} times, allowed ${peer.allowLocalAs}`;
  }
  if (peer.source === SOURCE_EXTERNAL) return undefined;
  if (sets.originatorId[set] === self.routerId && self.routerId !== 0) {
    return `ORIGINATOR_ID ${formatU32(self.routerId)} is our router id`;
  }
  if (sets.clusterListLength[set] > 0 && hasClusterId(sets.arena, start, end, self.clusterId)) {
    return `CLUSTER_LIST holds our cluster id ${formatU32(self.clusterId)}`;
  }
  return undefined;
}
