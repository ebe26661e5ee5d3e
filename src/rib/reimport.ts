/**
 * Evaluates Adj-RIB-In of some peers anew: another import policy, or a peer that is another one than before.
 */
import type { AdjRibIn } from './adj-rib-in.ts';
import { growColumn, grownCapacity } from './columns.ts';
import { loopIn } from './import-check.ts';
import type { PathTable } from './path-table.ts';
import { REJECTED } from './policy.ts';
import { isInScope, joinScopes } from './policy-change.ts';
import type { ChangeScope } from './policy-change.ts';
import type { Rib } from './rib.ts';
import type { RowJob } from './row-scan.ts';
import { isGone, isStale } from './stale-paths.ts';

export class Reimport implements RowJob {
  private readonly rib: Rib;
  private readonly adjRibIn: AdjRibIn;
  /** Whether a peer's paths are to be evaluated, by its index. */
  private wanted = new Uint8Array(64);
  /** Which of them, by family, by the peer's index. */
  private readonly scopes = new Map<number, readonly [ChangeScope, ChangeScope]>();

  constructor(rib: Rib, adjRibIn: AdjRibIn) {
    this.rib = rib;
    this.adjRibIn = adjRibIn;
  }

  /** Paths of this peer too, those of the prefixes in `scopes`, by family. */
  add(peer: number, scopes: readonly [ChangeScope, ChangeScope]): void {
    if (peer >= this.wanted.length) this.wanted = growColumn(this.wanted, grownCapacity(this.wanted.length, peer + 1));
    this.wanted[peer] = 1;
    const [ipv4, ipv6] = this.scopes.get(peer) ?? [[], []];
    this.scopes.set(peer, [joinScopes(ipv4, scopes[0]), joinScopes(ipv6, scopes[1])]);
  }

  run(table: PathTable, from: number, end: number): number {
    const { received, peer } = table;
    const { wanted, scopes } = this;
    const { peers } = this.rib;
    const { family } = table.prefixes;
    let count = 0;
    for (let row = from; row < end; row++) {
      if (received[row] === 0 || wanted[peer[row]] !== 1 || isGone(peers, table, row)) continue;
      if (!isInScope(scopes.get(peer[row])![family], table.prefixes, table.prefix[row])) continue;
      this.reimportRow(table, row);
      count++;
    }
    return count;
  }

  done(): void {
    this.wanted.fill(0);
    this.scopes.clear();
  }

  private reimportRow(table: PathTable, row: number): void {
    const { rib } = this;
    const { peers, sets } = rib;
    const { family } = table.prefixes;
    const peer = table.peer[row];
    const info = peers.info[peer]!;
    const set = table.received[row];
    const before = table.accepted[row];
    rib.load(table.prefixes.prefix(table.prefix[row]));
    rib.view.source = info.source;
    const looped = loopIn(sets, set, info, rib.self) !== undefined;
    const accepted = looped ? REJECTED : rib.applyImport(info.importPolicy, set, peer);
    this.adjRibIn.setAccepted(table, row, accepted);
    if (isStale(peers, table, row)) {
      peers.staleAccepted[family][peer] += (accepted === REJECTED ? 0 : 1) - (before === REJECTED ? 0 : 1);
    }
    // The peer itself may have changed in a way that best-path selection sees.
    if (accepted !== REJECTED) table.markChanged(row);
  }
}
