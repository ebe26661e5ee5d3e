/** Milliseconds that may go into reading in one turn of the event loop. */
const DEFAULT_LIMIT = 5;

/**
 * Time that all sessions together may spend on received data in one turn of the event loop. The kernel hands out data
 * faster than it can be worked on; without a bound one fast peer would keep timers and other peers waiting.
 */
export class ReadBudget {
  readonly #limit: number;
  #left: number;
  #scheduled = false;
  #waiting: (() => void)[] = [];

  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
    this.#left = limit;
  }

  /** Whether nothing is left for this turn. */
  get exhausted(): boolean {
    return this.#left <= 0;
  }

  /** Takes off time that was spent, milliseconds. */
  spend(milliseconds: number): void {
    this.#left -= milliseconds;
    this.#schedule();
  }

  /** Calls `resume` in the next turn, in the order of the calls. */
  wait(resume: () => void): void {
    this.#waiting.push(resume);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#left = this.#limit;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resume of waiting) resume();
    });
  }
}
