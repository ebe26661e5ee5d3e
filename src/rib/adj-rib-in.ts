/**
 * Adj-RIB-In of all peers (RFC 4271 §3.2): what comes in and goes out of the rows of a {@link PathTable}, with the references
 * to attribute sets and the counters of peers. Prefixes whose best path may be another one become dirty.
 */
import type { AttributeSets } from './attribute-sets.ts';
import type { PathTable } from './path-table.ts';
import type { Peers } from './peers.ts';
import { REJECTED } from './policy.ts';
import type { RouteView } from './policy.ts';
import type { RowJob } from './row-scan.ts';
import { letGo, renew } from './stale-paths.ts';

export class AdjRibIn {
  private readonly sets: AttributeSets;
  private readonly peers: Peers;

  constructor(sets: AttributeSets, peers: Peers) {
    this.sets = sets;
    this.peers = peers;
  }

  /** Takes a peer's path in for the prefix in `view`, in place of the one with the same identifier. */
  insert(table: PathTable, view: RouteView, peer: number, pathId: number, set: number, accepted: number): void {
    const { sets, peers } = this;
    const { family } = table.prefixes;
    const prefix = table.prefixes.intern(view.a0, view.a1, view.a2, view.a3, view.length);
    table.fitPrefixes();
    let row = table.find(prefix, peer, pathId);
    if (row === 0) {
      row = table.insert(prefix, peer, pathId);
      table.generation[row] = peers.pathGeneration[family][peer];
      peers.received[family][peer]++;
    } else {
      renew(peers, table, row);
      if (table.received[row] === set && table.accepted[row] === accepted) return;
    }
    sets.retain(set);
    sets.release(table.received[row]);
    table.received[row] = set;
    this.setAccepted(table, row, accepted);
  }

  /** Takes a peer's path out for the prefix in `view`, if there is one. */
  withdraw(table: PathTable, view: RouteView, peer: number, pathId: number): void {
    const prefix = table.prefixes.find(view.a0, view.a1, view.a2, view.a3, view.length);
    if (prefix === 0) return;
    const row = table.find(prefix, peer, pathId);
    if (row !== 0) this.removeRow(table, row);
  }

  /** Stores the outcome of import; the prefix becomes dirty unless the path counted neither before nor now. */
  setAccepted(table: PathTable, row: number, accepted: number): void {
    const before = table.accepted[row];
    if (before === accepted) return;
    const counter = this.peers.accepted[table.prefixes.family];
    if (before === REJECTED) counter[table.peer[row]]++;
    else if (accepted === REJECTED) counter[table.peer[row]]--;
    if (accepted !== REJECTED) this.sets.retain(accepted);
    this.sets.release(before);
    table.accepted[row] = accepted;
    table.markChanged(row);
  }

  /** Removes a path, whether it still counts or is gone. */
  removeRow(table: PathTable, row: number): void {
    letGo(this.peers, table, row);
    const accepted = table.accepted[row];
    if (accepted !== REJECTED) table.markChanged(row);
    this.sets.release(accepted);
    this.sets.release(table.received[row]);
    table.remove(row);
  }
}

/** Removes the paths that are gone. */
export class Removal implements RowJob {
  private readonly adjRibIn: AdjRibIn;
  private readonly peers: Peers;

  constructor(adjRibIn: AdjRibIn, peers: Peers) {
    this.adjRibIn = adjRibIn;
    this.peers = peers;
  }

  run(table: PathTable, from: number, end: number): number {
    const { received, peer, generation } = table;
    const { family } = table.prefixes;
    const current = this.peers.pathGeneration[family];
    const kept = this.peers.keptGeneration[family];
    let removed = 0;
    for (let row = from; row < end; row++) {
      const source = peer[row];
      // `isGone`, without looking for the columns for each row.
      if (received[row] === 0 || generation[row] === current[source] || generation[row] === kept[source]) continue;
      this.adjRibIn.removeRow(table, row);
      removed++;
    }
    return removed;
  }

  done(): void {
    this.peers.forgetGonePaths();
  }
}
