/** Profiles by name: those that are written, and where none is, what follows from Namespaces and the like. */
import { BUILT_IN_PROFILES } from './compile-profile.ts';
import type { Profile } from './policy.ts';
import { sameContent } from './same-content.ts';

/** `written`: a Profile of the datastore. */
export type ProfileSource = 'written' | 'derived';

export class ProfileTable {
  readonly #written = new Map<string, Profile>();
  readonly #derived = new Map<string, Profile>(BUILT_IN_PROFILES.map((profile) => [profile.name, profile]));
  readonly #changed: (name: string, before: Profile | undefined, after: Profile | undefined) => void;

  /** `changed` is told where another profile counts than before. */
  constructor(changed: (name: string, before: Profile | undefined, after: Profile | undefined) => void) {
    this.#changed = changed;
  }

  /** Names of those that count. */
  get size(): number {
    let size = this.#written.size;
    for (const name of this.#derived.keys()) if (!this.#written.has(name)) size++;
    return size;
  }

  get(name: string): Profile | undefined {
    return this.#written.get(name) ?? this.#derived.get(name);
  }

  /** Undefined: there is none of the name in this source any more. */
  set(source: ProfileSource, name: string, profile: Profile | undefined): void {
    const before = this.get(name);
    const table = source === 'written' ? this.#written : this.#derived;
    if (profile === undefined) table.delete(name);
    else table.set(name, profile);
    const after = this.get(name);
    if (!sameContent(before, after)) this.#changed(name, before, after);
  }
}
