/** A set whose members come and go, and what is different of it since somebody asked last. */
import type { SetChange } from './model.ts';
import type { SetSpec } from './rule.ts';

export class TrackedSet {
  readonly spec: SetSpec;
  #size = 0;
  /** What is different from what was told: true was added, false removed. */
  #pending = new Map<string, boolean>();
  #isTold = false;
  readonly #dirty: Set<TrackedSet>;

  /** It puts itself into `dirty` wherever there is something to tell. */
  constructor(spec: SetSpec, dirty: Set<TrackedSet>) {
    this.spec = spec;
    this.#dirty = dirty;
    dirty.add(this);
  }

  get size(): number {
    return this.#size;
  }

  /** A member that was not there is now, or the other way round. */
  flip(member: string, present: boolean): void {
    this.#size += present ? 1 : -1;
    if (!this.#pending.delete(member)) this.#pending.set(member, present);
    this.#dirty.add(this);
  }

  /** Undefined where nothing is different. */
  take(): SetChange | undefined {
    if (this.#isTold && this.#pending.size === 0) return undefined;
    const added: string[] = [];
    const removed: string[] = [];
    for (const [member, present] of this.#pending) (present ? added : removed).push(member);
    this.#isTold = true;
    this.#pending = new Map();
    return { set: this.spec, gone: false, added, removed };
  }

  /** Nobody wants it any more; undefined where nobody was told of it. */
  takeGone(): SetChange | undefined {
    return this.#isTold ? { set: this.spec, gone: true, added: [], removed: [] } : undefined;
  }
}
