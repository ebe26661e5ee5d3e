/**
 * When changes are told to the kernel: one that comes alone at once, those of a stream together, so that however many there
 * are, telling them takes a limited share of the time.
 */

/** Least time between the beginnings of two rounds, in milliseconds. */
const INTERVAL = 5;

/** How much rest a round asks for, in its own length: in a stream, rounds take a third of the time. */
const REST = 2;

/** How much rest may be owed without anybody waiting, in milliseconds: a few changes close together are no stream. */
const CREDIT = 50;

/** Longest wait, in milliseconds: a round may be long once, as the first is. */
const LONGEST_WAIT = 100;

export interface ApplyLoopOptions {
  /** Tells the kernel all that changed until now; resolves when it has it. */
  readonly apply: () => Promise<void>;
  /** Called with what `apply` throws, which is a defect. */
  readonly failed: (error: unknown) => void;
}

export class ApplyLoop {
  private readonly options: ApplyLoopOptions;
  private waiting = false;
  private busy: Promise<void> | undefined;
  private due = false;
  /** When the last round began and ended. */
  private began = -Infinity;
  private ended = -Infinity;
  /** Rest owed when it ended. */
  private owed = 0;
  private stopped = false;

  constructor(options: ApplyLoopOptions) {
    this.options = options;
  }

  /** Something changed. What changes in the same turn of the event loop is told together in any case. */
  schedule(): void {
    this.due = true;
    if (this.busy !== undefined || this.waiting || this.stopped) return;
    this.waiting = true;
    const wait = this.nextRound() - performance.now();
    if (wait > 0) setTimeout(() => this.begin(), wait).unref();
    else setImmediate(() => this.begin());
  }

  /** Begins no more rounds; resolves when none is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.busy;
  }

  private nextRound(): number {
    const rested = this.ended + Math.min(LONGEST_WAIT, this.owed - CREDIT);
    return Math.max(this.began + INTERVAL, rested);
  }

  private begin(): void {
    this.waiting = false;
    if (this.stopped) return;
    this.busy = this.round().finally(() => {
      this.busy = undefined;
      if (this.due) this.schedule();
    });
  }

  private async round(): Promise<void> {
    this.due = false;
    this.began = performance.now();
    const owed = Math.max(0, this.owed - (this.began - this.ended));
    try {
      await this.options.apply();
    } catch (error) {
      this.options.failed(error);
    }
    this.ended = performance.now();
    this.owed = Math.min(CREDIT + LONGEST_WAIT, owed + REST * (this.ended - this.began));
  }
}
