/**
 * Paths that outlive the session they came over because their peer restarts (RFC 4724 §4.2), and paths that are to go.
 *
 * Each path has the number of a generation, as its row says. Those of the generation its peer is at are fresh, those of the
 * one that the peer keeps from before are stale, and all others are gone: they count no more and are not selected, and their
 * rows are removed in slices. So all paths of a peer become stale or gone at once and for nothing, and each is fresh again as
 * soon as the peer sends it again.
 */
import type { Family } from '../net/family.ts';
import type { PathTable } from './path-table.ts';
import type { Peers } from './peers.ts';

/** Whether the path of a row in use is stale. */
export function isStale(peers: Peers, table: PathTable, row: number): boolean {
  const { family } = table.prefixes;
  const [generation, peer] = [table.generation[row], table.peer[row]];
  return generation !== peers.pathGeneration[family][peer] && generation === peers.keptGeneration[family][peer];
}

/** Whether the path of a row in use is one that its peer has no more. */
export function isGone(peers: Peers, table: PathTable, row: number): boolean {
  const { family } = table.prefixes;
  const generation = table.generation[row];
  const peer = table.peer[row];
  return generation !== peers.pathGeneration[family][peer] && generation !== peers.keptGeneration[family][peer];
}

/** Makes all paths of a peer in a family stale; none of them may be so already. */
export function markStale(peers: Peers, peer: number, family: Family): void {
  const generation = peers.pathGeneration[family][peer];
  peers.keptGeneration[family][peer] = generation;
  // Numbers come round after 256; see `Peers.noteGeneration`.
  peers.pathGeneration[family][peer] = (generation + 1) & 0xff;
  peers.noteGeneration(peer, family);
  peers.stale[family][peer] = peers.received[family][peer];
  peers.staleAccepted[family][peer] = peers.accepted[family][peer];
}

/** The stale paths of a peer in a family are gone. Returns whether there were any. */
export function giveUpStale(peers: Peers, peer: number, family: Family): boolean {
  const stale = peers.stale[family][peer];
  peers.keptGeneration[family][peer] = peers.pathGeneration[family][peer];
  if (stale === 0) return false;
  peers.received[family][peer] -= stale;
  peers.accepted[family][peer] -= peers.staleAccepted[family][peer];
  peers.stale[family][peer] = 0;
  peers.staleAccepted[family][peer] = 0;
  peers.hasGonePaths = true;
  return true;
}

/** The peer has sent the path of this row again. */
export function renew(peers: Peers, table: PathTable, row: number): void {
  const { family } = table.prefixes;
  const peer = table.peer[row];
  const generation = peers.pathGeneration[family][peer];
  if (table.generation[row] === generation) return;
  const accepted = table.accepted[row] === 0 ? 0 : 1;
  if (table.generation[row] === peers.keptGeneration[family][peer]) {
    peers.stale[family][peer]--;
    peers.staleAccepted[family][peer] -= accepted;
  } else {
    peers.received[family][peer]++;
    peers.accepted[family][peer] += accepted;
    // It may have been decided without this path.
    table.markChanged(row);
  }
  table.generation[row] = generation;
}

/** The path of this row is about to be removed: it counts no more. */
export function letGo(peers: Peers, table: PathTable, row: number): void {
  const { family } = table.prefixes;
  const peer = table.peer[row];
  const generation = table.generation[row];
  const isFresh = generation === peers.pathGeneration[family][peer];
  if (!isFresh && generation !== peers.keptGeneration[family][peer]) return;
  const accepted = table.accepted[row] === 0 ? 0 : 1;
  peers.received[family][peer]--;
  peers.accepted[family][peer] -= accepted;
  if (isFresh) return;
  peers.stale[family][peer]--;
  peers.staleAccepted[family][peer] -= accepted;
}
