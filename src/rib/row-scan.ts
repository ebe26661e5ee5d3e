/**
 * Finds the paths that a change of next hops is about, without an index of paths by next hop: the rows of both tables are
 * walked once, in slices.
 */
import { growColumn, grownCapacity } from './columns.ts';
import type { AttributeSets } from './attribute-sets.ts';
import type { PathTable } from './path-table.ts';

/** Where the walk is in one table. */
interface Walk {
  readonly table: PathTable;
  /** The next row, and the one before which to stop. */
  at: number;
  end: number;
  /** The rows before this one are walked after that: they were passed when what is looked for was not known yet. */
  again: number;
}

/** Makes the prefixes dirty that have an accepted path over one of some next hops. */
export class RowScan {
  private readonly sets: AttributeSets;
  private readonly walks: readonly Walk[];
  /** Whether a next hop is looked for, by id. */
  private wanted = new Uint8Array(64);
  private everything = false;

  constructor(sets: AttributeSets, tables: readonly PathTable[]) {
    this.sets = sets;
    this.walks = tables.map((table) => ({ table, at: 1, end: 1, again: 1 }));
  }

  /** Whether {@link step} has rows left. */
  get isRunning(): boolean {
    return this.walks.some(({ at, end }) => at < end);
  }

  /** Looks for these next hops too. Paths that are added or change from now on become dirty by themselves. */
  find(nextHops: readonly number[]): void {
    if (nextHops.length === 0) return;
    this.fit();
    for (const id of nextHops) this.wanted[id] = 1;
    this.start();
  }

  /** Looks for all paths. */
  findAll(): void {
    this.everything = true;
    this.start();
  }

  /** Walks `rows` rows at most. */
  step(rows: number): void {
    if (!this.isRunning) return;
    this.fit();
    let left = rows;
    for (const walk of this.walks) {
      while (left > 0 && walk.at < walk.end) {
        const end = Math.min(walk.end, walk.at + left);
        this.walk(walk.table, walk.at, end);
        left -= end - walk.at;
        walk.at = end;
        if (walk.at === walk.end && walk.again > 1) [walk.at, walk.end, walk.again] = [1, walk.again, 1];
      }
    }
    if (this.isRunning) return;
    this.wanted.fill(0);
    this.everything = false;
  }

  private fit(): void {
    const ids = this.sets.nextHops.address.length;
    if (ids > this.wanted.length) this.wanted = growColumn(this.wanted, grownCapacity(this.wanted.length, ids));
  }

  /** From where a walk is to the last row, then from the first row to where it is. */
  private start(): void {
    for (const walk of this.walks) {
      const at = walk.at < walk.end ? walk.at : 1;
      [walk.at, walk.end, walk.again] = [at, walk.table.end, at];
    }
  }

  private walk(table: PathTable, from: number, end: number): void {
    const { accepted, prefix } = table;
    const { nextHop } = this.sets;
    const { wanted, everything } = this;
    for (let row = from; row < end; row++) {
      const set = accepted[row];
      if (set !== 0 && (everything || wanted[nextHop[set]] === 1)) table.markDirty(prefix[row]);
    }
  }
}
