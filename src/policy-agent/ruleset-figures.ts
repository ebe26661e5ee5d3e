/** Counts what is done to the kernel's table, for metrics. */
import type { RulesetCounters } from '../api/agent-view.ts';

/** Seconds; from a transaction of a single element to the first one of a large node. */
const BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A transaction that the kernel took. */
export interface Transaction {
  readonly milliseconds: number;
  readonly statements: number;
  readonly bytes: number;
  /** Whether it wrote the whole table. */
  readonly rebuilt: boolean;
}

class Durations {
  readonly bounds = BOUNDS;
  readonly counts: number[] = Array.from({ length: BOUNDS.length + 1 }, () => 0);
  sum = 0;

  add(seconds: number): void {
    const index = BOUNDS.findIndex((bound) => seconds <= bound);
    this.counts[index < 0 ? BOUNDS.length : index]++;
    this.sum += seconds;
  }
}

export class RulesetFigures implements RulesetCounters {
  transactions = 0;
  statements = 0;
  bytes = 0;
  rebuilds = 0;
  repairs = 0;
  errors = 0;
  readonly apply = new Durations();
  readonly latency = new Durations();

  transaction({ milliseconds, statements, bytes, rebuilt }: Transaction): void {
    this.transactions++;
    this.statements += statements;
    this.bytes += bytes;
    if (rebuilt) this.rebuilds++;
    this.apply.add(milliseconds / 1000);
  }
}
