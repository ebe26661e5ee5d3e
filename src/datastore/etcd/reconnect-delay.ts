/** When to try again, so that neither one node nor two thousand of them storm a member of etcd that comes up. */

/** Milliseconds. */
const FIRST = 250;
const LONGEST = 15_000;

/** What worked for this long, in milliseconds, is taken to be well again. */
const WELL = 10_000;

/** Counts failures in a row; clock (milliseconds) and randomness (0 to 1) are the caller's. */
export class ReconnectDelay {
  #failures = 0;
  #workingSince: number | undefined;

  /** It works again, for the time being. */
  works(now: number): void {
    this.#workingSince = now;
  }

  /**
   * Notes a failure, and gives the pause before the next attempt in milliseconds. It doubles from each round through all
   * `members` to the next, up to 15 s; its second half is random.
   */
  failed(now: number, random: number, members = 1): number {
    if (this.#workingSince !== undefined && now - this.#workingSince >= WELL) this.#failures = 0;
    this.#workingSince = undefined;
    const round = Math.floor(this.#failures / members);
    this.#failures += 1;
    return Math.min(LONGEST, FIRST * 2 ** Math.min(round, 16)) * (0.5 + random / 2);
  }
}
