/**
 * What is to be done to many paths at once: the rows of both tables are walked in slices, for all jobs at a time. So no path
 * needs an entry in an index by peer or next hop, and nobody waits for a table to be walked to its end.
 */
import type { PathTable } from './path-table.ts';

/** Something to be done to the paths there are; those that are added or change meanwhile are right by themselves. */
export interface RowJob {
  /** Does it in the rows `[from, end)`, used and free ones. Returns on how many there was more to do than to look. */
  run(table: PathTable, from: number, end: number): number;
  /** It has been done to all. */
  done(): void;
}

/** What a row costs on which there was something to do, measured in rows that were only looked at. */
export const ROWS_PER_CHANGE = 8;

/** Rows that one job is given at a time, at most. */
const CHUNK = 1024;

/** Where the walk is in one table. */
interface Walk {
  readonly table: PathTable;
  /** The next row, and the one before which to stop. */
  at: number;
  end: number;
  /** The rows before this one are walked after that: they were passed when the last job was not there yet. */
  again: number;
}

export class RowScan {
  private readonly walks: readonly Walk[];
  private readonly jobs = new Set<RowJob>();

  constructor(tables: readonly PathTable[]) {
    this.walks = tables.map((table) => ({ table, at: 1, end: 1, again: 1 }));
  }

  /** Whether {@link step} has rows left. */
  get isRunning(): boolean {
    return this.walks.some(({ at, end }) => at < end);
  }

  /** Takes a job up that is to be done to all rows there are now. */
  start(job: RowJob): void {
    this.jobs.add(job);
    // From where a walk is to the last row, then from the first row to where it is.
    for (const walk of this.walks) {
      const at = walk.at < walk.end ? walk.at : 1;
      [walk.at, walk.end, walk.again] = [at, walk.table.end, at];
    }
    this.endIfDone();
  }

  /** Walks `rows` rows, or fewer where there is something to do. */
  step(rows: number): void {
    if (!this.isRunning) return;
    let left = rows;
    for (const walk of this.walks) {
      while (left > 0 && walk.at < walk.end) {
        const end = Math.min(walk.end, walk.at + Math.min(left, CHUNK));
        left -= end - walk.at;
        for (const job of this.jobs) left -= job.run(walk.table, walk.at, end) * ROWS_PER_CHANGE;
        walk.at = end;
        if (walk.at === walk.end && walk.again > 1) [walk.at, walk.end, walk.again] = [1, walk.again, 1];
      }
    }
    this.endIfDone();
  }

  private endIfDone(): void {
    if (this.isRunning) return;
    for (const job of this.jobs) job.done();
    this.jobs.clear();
  }
}
