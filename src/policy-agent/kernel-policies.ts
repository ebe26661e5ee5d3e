/**
 * Policies on their way to the kernel: what changed since the last time is taken from the index, rendered, and written in one
 * transaction. While the kernel refuses, what follows is added to what it is asked to take: it may be what mends it.
 */
import type { ModelChanges } from '../policy/model.ts';
import { ApplyLoop } from './apply-loop.ts';
import { RulesetFigures } from './ruleset-figures.ts';
import type { Transaction } from './ruleset-figures.ts';

/** What the table tells. */
export interface TableListener {
  /** Somebody changed the table, and it is again as it should be. */
  repaired(words: string): void;
  /** What is in the way; undefined when nothing is any more. */
  troubled(error: Error | undefined): void;
  /** What the kernel does not take and the table is without, a sentence each. What needs it lets nothing pass. */
  refused(words: readonly string[]): void;
  applied(transaction: Transaction): void;
}

/** The table of the kernel, or what plays it in tests. */
export interface Table {
  /** Resolves when what was wanted at the call is in the kernel. */
  commit(): Promise<void>;
  stop(options: { readonly keep: boolean }): Promise<void>;
}

export interface KernelPoliciesOptions {
  readonly table: (listener: TableListener) => Table;
  /** What is different since the last call; undefined: nothing. */
  readonly take: () => ModelChanges | undefined;
  /** Has the table want it. */
  readonly render: (changes: ModelChanges) => void;
  /** Ends the connections of addresses that nobody here has any more. */
  readonly deleteConnections: (addresses: readonly string[]) => void;
  /** The kernel has it. */
  readonly inForce: (changes: ModelChanges) => void;
  readonly repaired: (words: string) => void;
  readonly troubled: (words: string | undefined) => void;
  /** What the kernel does not take is this now. */
  readonly refused: (words: readonly string[]) => void;
  /** Called with a defect. */
  readonly failed: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface KernelTrouble {
  readonly words: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Waited for beside a transaction that may never end. */
class Refusal {
  readonly promise: Promise<void>;
  happen: () => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => (this.happen = resolve));
  }
}

export class KernelPolicies {
  readonly figures = new RulesetFigures();
  /** When the kernel took something last, in milliseconds since 1970. */
  appliedAt: number | undefined;
  /** What is in the way now. */
  trouble: KernelTrouble | undefined;
  /** What the kernel does not take, while it takes all the rest; a sentence each. */
  refused: readonly string[] = [];

  private readonly options: KernelPoliciesOptions;
  private readonly table: Table;
  private readonly loop: ApplyLoop;
  /** When the first change came that is not rendered yet, by the monotonic clock. */
  private arrived: number | undefined;
  /** Changes that the kernel was asked to take and has not taken yet. */
  private underWay = 0;
  /** Fulfilled while the kernel refuses. */
  private refusal = new Refusal();

  constructor(options: KernelPoliciesOptions) {
    this.options = options;
    this.table = options.table({
      repaired: (words) => {
        this.figures.repairs++;
        options.repaired(words);
      },
      troubled: (error) => this.troubled(error),
      refused: (words) => {
        this.refused = words;
        options.refused(words);
      },
      applied: (transaction) => this.figures.transaction(transaction),
    });
    this.loop = new ApplyLoop({ apply: () => this.apply(), failed: options.failed });
  }

  /** Whether the kernel has all that is known of. */
  get inSync(): boolean {
    return (
      this.appliedAt !== undefined && this.trouble === undefined && this.underWay === 0 && this.arrived === undefined
    );
  }

  /** The index changed. */
  changed(): void {
    this.arrived ??= performance.now();
    this.loop.schedule();
  }

  /** Writes no more; the table stays in the kernel, or goes. */
  async stop(options: { readonly keep: boolean }): Promise<void> {
    // What is under way may wait for a kernel that refuses.
    await Promise.race([this.loop.stop(), this.refusal.promise]);
    await this.table.stop(options);
  }

  private async apply(): Promise<void> {
    const arrived = this.arrived;
    this.arrived = undefined;
    const changes = this.options.take();
    if (changes === undefined) return;
    this.options.render(changes);
    this.underWay++;
    const written = this.table.commit().then(() => this.written(changes, arrived));
    written.catch(this.options.failed);
    await Promise.race([written, this.refusal.promise]);
  }

  private written(changes: ModelChanges, arrived: number | undefined): void {
    this.underWay--;
    this.appliedAt = this.options.now();
    if (arrived !== undefined) this.figures.latency.add((performance.now() - arrived) / 1000);
    // Only now do the rules no longer let new ones begin.
    if (changes.departed.length > 0) this.options.deleteConnections(changes.departed);
    this.options.inForce(changes);
  }

  private troubled(error: Error | undefined): void {
    if (error === undefined) {
      this.trouble = undefined;
      this.refusal = new Refusal();
    } else {
      this.figures.errors++;
      this.trouble = { words: error.message, at: this.options.now() };
      this.refusal.happen();
    }
    this.options.troubled(error?.message);
  }
}
