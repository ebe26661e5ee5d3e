/**
 * When changes are told to the kernel: one that comes alone at once, those of a stream together, so that however many there
 * are, telling them takes a limited share of the time.
 */

/** Least time between the beginnings of two rounds, in milliseconds. */
const INTERVAL = 5;

/** How long a round rests after its end, in its own length. */
const REST = 3;

/** Longest rest, in milliseconds: a round may be long once, as the first is. */
const LONGEST_REST = 250;

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
  /** When the next round may begin. */
  private restedAt = -Infinity;
  private stopped = false;

  constructor(options: ApplyLoopOptions) {
    this.options = options;
  }

  /** Something changed. What changes in the same turn of the event loop is told together in any case. */
  schedule(): void {
    this.due = true;
    if (this.busy !== undefined || this.waiting || this.stopped) return;
    this.waiting = true;
    const wait = this.restedAt - performance.now();
    if (wait > 0) setTimeout(() => this.begin(), wait).unref();
    else setImmediate(() => this.begin());
  }

  /** Begins no more rounds; resolves when none is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.busy;
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
    const began = performance.now();
    try {
      await this.options.apply();
    } catch (error) {
      this.options.failed(error);
    }
    const ended = performance.now();
    this.restedAt = Math.max(began + INTERVAL, ended + Math.min(LONGEST_REST, REST * (ended - began)));
  }
}
