/**
 * Finds the paths that a change of next hops is about.
 */
import type { AttributeSets } from './attribute-sets.ts';
import { growColumn, grownCapacity } from './columns.ts';
import type { PathTable } from './path-table.ts';
import type { RowJob } from './row-scan.ts';

/** Makes the prefixes dirty that have an accepted path over one of some next hops. */
export class NextHopSearch implements RowJob {
  private readonly sets: AttributeSets;
  /** Whether a next hop is looked for, by id. */
  private wanted = new Uint8Array(64);
  private everything = false;

  constructor(sets: AttributeSets) {
    this.sets = sets;
  }

  /** Looks for these next hops too. */
  add(nextHops: readonly number[]): void {
    this.fit();
    for (const id of nextHops) this.wanted[id] = 1;
  }

  /** Looks for all of them. */
  addAll(): void {
    this.everything = true;
  }

  run(table: PathTable, from: number, end: number): number {
    this.fit();
    const { accepted } = table;
    const { nextHop } = this.sets;
    const { wanted, everything } = this;
    for (let row = from; row < end; row++) {
      const set = accepted[row];
      if (set !== 0 && (everything || wanted[nextHop[set]] === 1)) table.markChanged(row);
    }
    // To mark a prefix costs next to nothing.
    return 0;
  }

  done(): void {
    this.wanted.fill(0);
    this.everything = false;
  }

  private fit(): void {
    const ids = this.sets.nextHops.address.length;
    if (ids > this.wanted.length) this.wanted = growColumn(this.wanted, grownCapacity(this.wanted.length, ids));
  }
}
