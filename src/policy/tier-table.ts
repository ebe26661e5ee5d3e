/** Tiers by name; the built-in ones are always there. */
import type { Tier } from './policy.ts';
import { sameContent } from './same-content.ts';
import { BUILT_IN_TIERS } from './tiers.ts';

export class TierTable {
  readonly #tiers = new Map<string, Tier>(BUILT_IN_TIERS.map((tier) => [tier.name, tier]));
  readonly #changed: (name: string) => void;

  constructor(changed: (name: string) => void) {
    this.#changed = changed;
  }

  /** The place of policies whose tier can't be read is no tier of the cluster. */
  get size(): number {
    return this.#tiers.size - 1;
  }

  get(name: string): Tier | undefined {
    return this.#tiers.get(name);
  }

  /** Undefined: there is no resource of the name any more. */
  set(name: string, tier: Tier | undefined): void {
    const now = tier ?? BUILT_IN_TIERS.find((builtIn) => builtIn.name === name);
    if (sameContent(this.#tiers.get(name), now)) return;
    if (now === undefined) this.#tiers.delete(name);
    else this.#tiers.set(name, now);
    this.#changed(name);
  }
}
