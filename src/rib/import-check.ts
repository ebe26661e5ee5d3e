/**
 * Why a received route is not even offered to the import policy: loops (RFC 4271 §9.1.2, RFC 4456 §8).
 */
import { countAs } from '../bgp/messages/attributes/as-path.ts';
import { reflectionLoop } from '../route-reflector/reflection.ts';
import type { RouterIdentity } from '../route-reflector/reflection.ts';
import type { AttributeSets } from './attribute-sets.ts';
import type { PeerInfo } from './peers.ts';
import { SOURCE_EXTERNAL } from './policy.ts';

/** The loop that a route of this set, received from this peer, would make, in words; undefined if there is none. */
export function loopIn(sets: AttributeSets, set: number, peer: PeerInfo, self: RouterIdentity): string | undefined {
  const start = sets.offset[set];
  const end = start + sets.length[set];
  const occurrences = sets.pathLength[set] === 0 ? 0 : countAs(sets.arena, start, end, peer.localAs);
  if (occurrences > peer.allowLocalAs) {
    return `AS_PATH holds our AS ${peer.localAs} (${occurrences} times, allowed ${peer.allowLocalAs})`;
  }
  const originatorId = sets.originatorId[set];
  const clusterListLength = sets.clusterListLength[set];
  if (peer.source === SOURCE_EXTERNAL || (originatorId === 0 && clusterListLength === 0)) return undefined;
  return reflectionLoop(sets.arena, start, end, { originatorId, clusterListLength }, self);
}
