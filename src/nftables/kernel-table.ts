/**
 * Keeps a large table of nftables as it should be, object by object: what changed goes into the kernel in one transaction, and
 * what others change in the table is put right at once. No other table is read or touched.
 */
import { NftTransactor } from './nft-transactor.ts';
import type { TransactionSize } from './nft-transactor.ts';
import { NftablesError, runNft } from './nft.ts';
import { RetryPlan } from './retry-plan.ts';
import { TableWatch } from './table-watch.ts';
import type { TableWriter } from './table-writer.ts';
import { WantedTable } from './wanted-table.ts';

export interface KernelTableOptions {
  /** Name of the table, which is of the family inet and nobody else's. */
  readonly name: string;
  /** Somebody changed the table, which is as wanted again. In words, who did. */
  readonly repaired: (words: string) => void;
  /** What keeps the table from being as it should be, whenever that is another thing; undefined when nothing does any more. */
  readonly troubled: (error: NftablesError | undefined) => void;
  /** In words, what nft does not take and the table is without, whenever that is another list. What needs it lets nothing pass. */
  readonly refused?: (words: readonly string[]) => void;
  /** A transaction is in the kernel. */
  readonly applied?: (figures: AppliedFigures) => void;
}

export interface AppliedFigures extends TransactionSize {
  readonly milliseconds: number;
  /** Whether it made the whole table anew. */
  readonly rebuilt: boolean;
}

/** What there was since the start. */
export interface KernelTableCounters {
  transactions: number;
  /** Of these, those that made the whole table anew. */
  rebuilds: number;
  /** Of these, those that put right what others had changed. */
  repairs: number;
  /** Transactions that came to nothing. */
  failures: number;
}

/** How long a transaction that is under way may delay the end, in milliseconds. */
const STOP_PATIENCE = 5000;

/** After so few statements took so many milliseconds, sets of this size are rewritten rather than elements removed, for a time. */
const FEW_STATEMENTS = 50;
const LONG = 200;
const REWRITTEN = 2000;
const REWRITE_TIME = 60_000;

/** How often in a row a table that is not taken is tried at once with less in it: nft names ten statements or more at a time. */
const MOST_REFUSALS = 20;

/** When what nft does not take is tried again, in milliseconds: a module of the kernel, or an interface, may be there by then. */
const REFUSED_AGAIN = 5 * 60_000;

/** Who waits for a commit. */
type Waiter = () => void;

export class KernelTable {
  /** What is wanted, held in full; nothing is sent before the first commit. */
  readonly writer: TableWriter;
  readonly counters: KernelTableCounters = { transactions: 0, rebuilds: 0, repairs: 0, failures: 0 };
  private readonly options: KernelTableOptions;
  private readonly wanted: WantedTable;
  private readonly transactor: NftTransactor;
  private watch: TableWatch | undefined;
  private waiters: Waiter[] = [];
  /** Whether it is not known what the kernel has: at first it may be the table of an earlier run. */
  /** Whether a table is made anew with as few packets lost as can be, which isn't tried again after a failure. */
  private smoothly = true;
  private isUnknown = true;
  /** Who changed the table, since the last transaction that made it anew was begun. */
  private changedBy: string | undefined;
  private readonly retries = new RetryPlan();
  private trouble = '';
  private refused = '';
  /** How often less was tried since something was taken. */
  private refusals = 0;
  /** Set while something is refused, and whether that is tried again with the next transaction. */
  private refusedTimer: NodeJS.Timeout | undefined;
  private isRefusedDue = false;
  /** Until when small sets are rewritten. */
  private rewriteUntil = 0;
  private timer: NodeJS.Timeout | undefined;
  private busy: Promise<void> | undefined;
  private stopped = false;

  constructor(options: KernelTableOptions) {
    this.options = options;
    this.wanted = new WantedTable(options.name);
    this.writer = this.wanted;
    this.transactor = new NftTransactor({ ownPort: (portId) => this.watch?.setOwnPort(portId) });
  }

  /** How much is wanted in the table. */
  get counts(): { readonly sets: number; readonly chains: number; readonly elements: number } {
    return this.wanted.counts;
  }

  /**
   * Resolves when what is wanted now is in the kernel. As long as it can't be, the rules before stay in force, it is tried again,
   * and `troubled` is told why. Does not resolve any more after {@link stop}.
   */
  commit(): Promise<void> {
    return new Promise((resolve) => {
      this.waiters.push(resolve);
      this.retries.changed();
      this.plan();
    });
  }

  /** Ends the watch; removes the table, unless it is to be kept. */
  async stop({ keep }: { readonly keep: boolean }): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.refusedTimer);
    // A transaction that is broken off is done as a whole, or not at all.
    await Promise.race([this.busy, new Promise((resolve) => setTimeout(resolve, STOP_PATIENCE).unref())]);
    this.watch?.close();
    this.watch = undefined;
    await this.transactor.stop();
    if (keep) return;
    try {
      await runNft(['delete', 'table', 'inet', this.options.name]);
    } catch (error) {
      // Without the command there was never a table.
      if (!(error instanceof NftablesError)) throw error;
      if (error.code !== 'NFT_ABSENT' && error.code !== 'NFT_MISSING') this.report(error);
    }
  }

  /** Sees to it that what there is to do will be done. */
  private plan(): void {
    if (this.busy !== undefined || this.stopped) return;
    clearTimeout(this.timer);
    // Before the first commit nothing is wanted, and later nothing is to be done but for commits and what others change.
    if (this.waiters.length === 0 && (!this.isUnknown || this.watch === undefined)) return;
    const wait = this.retries.wait(performance.now(), this.isUnknown);
    if (wait > 0) this.timer = setTimeout(() => this.begin(), wait);
    else this.begin();
  }

  private begin(): void {
    this.busy = this.work().finally(() => {
      this.busy = undefined;
      this.plan();
    });
  }

  private async work(): Promise<void> {
    // Whoever commits in this turn of the event loop takes part.
    await Promise.resolve();
    const { waiters, isUnknown: rebuilt, changedBy } = this;
    this.waiters = [];
    this.isUnknown = false;
    this.changedBy = undefined;
    if (this.isRefusedDue) this.wanted.forgetRefusals();
    this.isRefusedDue = false;
    const started = performance.now();
    try {
      this.watch ??= this.startWatch();
      const size = await this.transactor.apply(
        rebuilt ? this.wanted.everything(this.smoothly) : this.difference(started),
      );
      const milliseconds = performance.now() - started;
      this.smoothly = true;
      this.retries.succeeded();
      if (rebuilt) this.retries.doneLarge(performance.now(), milliseconds);
      if (!rebuilt && size !== undefined) this.look(size, milliseconds);
      if (size !== undefined) this.count({ ...size, milliseconds, rebuilt });
      if (changedBy !== undefined) this.tellRepair(changedBy);
      this.report(undefined);
      this.refusals = 0;
      this.tellRefused();
      for (const resolve of waiters) resolve();
    } catch (error) {
      this.waiters = [...waiters, ...this.waiters];
      this.isUnknown = true;
      this.changedBy ??= changedBy;
      this.counters.failures++;
      const { smoothly } = this;
      this.smoothly = false;
      if (rebuilt && !smoothly && this.canDoWithout(error)) return;
      const isFirst = this.retries.failed(performance.now(), performance.now() - started);
      // At first it may only be that somebody else was at the table; all of it made anew puts that right.
      if (!isFirst) this.report(error);
    }
  }

  /** Whether the table can be made at once without what nft did not take of all of it. */
  private canDoWithout(error: unknown): boolean {
    if (!(error instanceof NftablesError) || error.refusals.length === 0) return false;
    return this.wanted.refuse(error.refusals) && ++this.refusals <= MOST_REFUSALS;
  }

  private tellRefused(): void {
    const { refused } = this.wanted;
    if (refused.length > 0 && !this.stopped) {
      this.refusedTimer ??= setTimeout(() => this.tryRefused(), REFUSED_AGAIN).unref();
    }
    const words = refused.join('\n');
    if (words === this.refused) return;
    this.refused = words;
    this.options.refused?.(refused);
  }

  private tryRefused(): void {
    this.refusedTimer = undefined;
    this.isRefusedDue = this.isUnknown = true;
    this.plan();
  }

  private difference(now: number): Generator<string> {
    return this.wanted.difference(now < this.rewriteUntil ? REWRITTEN : 0);
  }

  /** Few statements that take long remove elements while others have many intervals, all of which nft reads for that. */
  private look({ statements, processorTime }: TransactionSize, milliseconds: number): void {
    // Long they may also take where others have the processors, who would get to do more still.
    if (statements > FEW_STATEMENTS || (processorTime ?? milliseconds) < LONG) return;
    this.rewriteUntil = performance.now() + REWRITE_TIME;
  }

  private startWatch(): TableWatch {
    const changed = (by: string): void => {
      this.changedBy = by;
      this.isUnknown = true;
      this.plan();
    };
    return new TableWatch({
      table: this.options.name,
      changed: (by) => changed(by ?? 'another program'),
      lost: () => changed('perhaps another program, among more changes than could be followed'),
    });
  }

  private count(figures: AppliedFigures): void {
    this.counters.transactions++;
    if (figures.rebuilt) this.counters.rebuilds++;
    this.options.applied?.(figures);
  }

  private tellRepair(by: string): void {
    this.counters.repairs++;
    this.options.repaired(`table inet ${this.options.name} was changed by ${by}`);
  }

  private report(error: unknown): void {
    const trouble = asTrouble(error);
    const words = trouble?.message ?? '';
    if (words === this.trouble) return;
    this.trouble = words;
    this.options.troubled(trouble);
  }
}

/** Also an error of the socket, or of a process that cannot have one more file, is tried again. */
function asTrouble(error: unknown): NftablesError | undefined {
  if (error === undefined || error instanceof NftablesError) return error;
  return new NftablesError('NFT_REFUSED', error instanceof Error ? error.message : 'it is not known why', {
    cause: error,
  });
}
