/** Which prefixes within some ranges have routes: told as they come and go. */
import type { Family } from '../net/family.ts';
import { formatPrefix, prefixContains, wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

/** What has a route that had none, and the contrary. */
export interface RangeChanges {
  readonly added: readonly Prefix[];
  readonly removed: readonly Prefix[];
}

export class RangeRoutes {
  private ranges: readonly Prefix[] = [];
  private masks: readonly (readonly [number, number, number, number])[] = [];
  /** What was told of, and what may have changed since, by text. */
  private readonly told = new Map<string, Prefix>();
  private readonly touched = new Map<string, Prefix>();

  /** From now on it is about these ranges; what is within them has to be touched once more. */
  setRanges(ranges: readonly Prefix[]): void {
    this.ranges = ranges;
    this.masks = ranges.map(({ length }) => [
      wordMask(length),
      wordMask(length - 32),
      wordMask(length - 64),
      wordMask(length - 96),
    ]);
    for (const [key, prefix] of this.told) this.touched.set(key, prefix);
  }

  /** Whether a prefix lies within a range. Allocates nothing. */
  covers(family: Family, a0: number, a1: number, a2: number, a3: number, length: number): boolean {
    for (let i = 0; i < this.ranges.length; i++) {
      const range = this.ranges[i];
      if (range.family !== family || range.length > length) continue;
      const [m0, m1, m2, m3] = this.masks[i];
      const [r0, r1, r2, r3] = range.words;
      if ((((a0 ^ r0) & m0) | ((a1 ^ r1) & m1) | ((a2 ^ r2) & m2) | ((a3 ^ r3) & m3)) === 0) return true;
    }
    return false;
  }

  /** Notes that the routes of a prefix within a range may have changed. */
  touch(prefix: Prefix): void {
    this.touched.set(formatPrefix(prefix), prefix);
  }

  /** What changed since the last call, with `hasRoute` as what holds now; undefined if nothing did. */
  take(hasRoute: (prefix: Prefix) => boolean): RangeChanges | undefined {
    if (this.touched.size === 0) return undefined;
    const added: Prefix[] = [];
    const removed: Prefix[] = [];
    for (const [key, prefix] of this.touched) {
      const has = this.ranges.some((range) => prefixContains(range, prefix)) && hasRoute(prefix);
      if (has === this.told.has(key)) continue;
      if (has) this.told.set(key, prefix);
      else this.told.delete(key);
      (has ? added : removed).push(prefix);
    }
    this.touched.clear();
    return added.length + removed.length === 0 ? undefined : { added, removed };
  }
}
