/**
 * Objects that the kernel has no more, and with them no route that had one: taken note of when it is told, and brought to
 * the routes, of which each has to be looked at for that, once what matters more is done.
 */
import type { DesiredRoutes } from './desired-routes.ts';
import type { KernelGroup } from './object-table.ts';

/** Collects them. */
export class GoneObjects {
  /** Who else took them, in words, by index. */
  private readonly words = new Map<number, string | undefined>();

  /** Adds some; `words` unless the daemon itself took them. */
  add(groups: readonly KernelGroup[], words?: string): void {
    for (const { index } of groups) this.words.set(index, words);
  }

  /** A comparison with the kernel has told the routes. */
  clear(): void {
    this.words.clear();
  }

  /** Tells the routes. Returns who took objects of routes that were as they should be, undefined if nobody else did. */
  forget(routes: readonly DesiredRoutes[]): string | undefined {
    if (this.words.size === 0) return undefined;
    const damaged = routes.map((each) => each.forgetObjects(this.words)).some((id) => id !== 0);
    const words = [...this.words.values()].find((each) => each !== undefined);
    this.words.clear();
    return damaged ? words : undefined;
  }
}
