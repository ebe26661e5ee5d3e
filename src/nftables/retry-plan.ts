/** When work that may fail, and work that is large, is done again. Times are in milliseconds, on a clock that only goes forward. */

/** How long to wait after the second failure in a row; it doubles with each. After the first there is no wait. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** How long at least after a failure, even where something else is wanted now. */
const SHORTEST_WAIT = 250;

/** How many times as long as it took large work rests that follows soon on the same work: who undoes it without end gets no more than this share. */
const REST = 4;
const LONGEST_REST = 10_000;

/** What follows sooner than this, and ten times as long as the work took, follows soon. */
const SOON = 1000;

export class RetryPlan {
  private failures = 0;
  /** From when on it may be done again, and where something else is wanted now. */
  private due = 0;
  private dueIfChanged = 0;
  /** From when on large work may be done again, and when it was done last. */
  private largeDue = 0;
  private lastLarge = -Infinity;

  /** How long to wait with work, which may be large. */
  wait(now: number, isLarge: boolean): number {
    return Math.max(0, this.due - now, isLarge ? this.largeDue - now : 0);
  }

  /** Something else is wanted, which may have better luck. */
  changed(): void {
    this.due = Math.min(this.due, this.dueIfChanged);
  }

  /** Work that took so long failed; returns whether it is the first time in a row. */
  failed(now: number, duration: number): boolean {
    this.failures++;
    if (this.failures === 1) return true;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.failures - 2));
    const rest = REST * duration;
    this.due = now + Math.max(wait, rest);
    this.dueIfChanged = now + Math.max(SHORTEST_WAIT, Math.min(rest, LONGEST_REST));
    return false;
  }

  succeeded(): void {
    this.failures = 0;
    this.due = this.dueIfChanged = 0;
  }

  /** Large work that took so long is done. */
  doneLarge(now: number, duration: number): void {
    const isSoon = now - this.lastLarge < SOON + 10 * duration;
    this.largeDue = isSoon ? now + Math.min(LONGEST_REST, REST * duration) : 0;
    this.lastLarge = now;
  }
}
