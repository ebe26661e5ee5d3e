/** When to try again what failed: sooner at first, then ever more seldom. */

/** Shortest and longest pause between two attempts, in milliseconds. */
const FIRST = 1000;
const LONGEST = 60_000;

/** Counts the pauses; the clock is the caller's, in milliseconds. */
export class Backoff {
  private pause = FIRST;
  private due: number | undefined;
  private failures = 0;

  /**
   * How long to wait before the next attempt; undefined if nothing failed. `failures` counts all that newly failed so
   * far: more of them than at the last call start the pauses over.
   */
  wait(now: number, troubled: boolean, failures: number): number | undefined {
    if (!troubled || failures !== this.failures) {
      this.pause = FIRST;
      this.due = undefined;
      this.failures = failures;
    }
    if (!troubled) return undefined;
    this.due ??= now + this.pause;
    return Math.max(0, this.due - now);
  }

  /** Notes that it was tried again. */
  tried(): void {
    this.due = undefined;
    this.pause = Math.min(LONGEST, 2 * this.pause);
  }
}
