/**
 * Paths that outlive the session they came over, because their peer restarts (RFC 4724 §4.2).
 *
 * A path is of one of two generations, as its row says, and stale where that is not the one its peer is at. So all paths
 * of a peer become stale at once and for nothing, and each is fresh again as soon as the peer sends it again. Two are enough:
 * what is stale goes before anything else becomes stale.
 */
import type { Family } from '../net/family.ts';
import type { PathTable } from './path-table.ts';
import type { Peers } from './peers.ts';

/** Whether the path of a row in use is stale. */
export function isStale(peers: Peers, table: PathTable, row: number): boolean {
  return table.generation[row] !== peers.pathGeneration[table.prefixes.family][table.peer[row]];
}

/** Makes all paths of a peer in a family stale; none of them may be so already. */
export function markStale(peers: Peers, peer: number, family: Family): void {
  peers.pathGeneration[family][peer] ^= 1;
  peers.stale[family][peer] = peers.received[family][peer];
}

/** The peer has sent the path of this row again. */
export function renew(peers: Peers, table: PathTable, row: number): void {
  if (!isStale(peers, table, row)) return;
  table.generation[row] ^= 1;
  peers.stale[table.prefixes.family][table.peer[row]]--;
}

/** The path of this row is about to be removed. */
export function letGo(peers: Peers, table: PathTable, row: number): void {
  if (isStale(peers, table, row)) peers.stale[table.prefixes.family][table.peer[row]]--;
}
