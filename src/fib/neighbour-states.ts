/**
 * Which neighbours don't answer.
 *
 * An entry that the kernel marked as failed counts as such until the neighbour has answered: while the kernel tries again
 * (NUD_INCOMPLETE), and when it clears away the entry of a neighbour that somebody still asks about.
 */
import { readU32 } from '../net/address.ts';
import { NUD_DELAY, NUD_FAILED, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, NUD_STALE } from './netlink/constants.ts';
import type { Neighbour, NeighbourAddress } from './netlink/neighbours.ts';

const USABLE = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PERMANENT | NUD_NOARP;

/** Text that stands for a neighbour. */
export function neighbourKey({ interfaceIndex, address }: NeighbourAddress): string {
  let key = String(interfaceIndex);
  for (let i = 0; i + 4 <= address.length; i += 4) key += `.${readU32(address, i)}`;
  return key;
}

/** The neighbours that don't answer, by {@link neighbourKey}. */
export class NeighbourStates {
  readonly failed = new Map<string, NeighbourAddress>();
  /** Keys of the neighbours that somebody asks about. */
  readonly watched = new Set<string>();

  private readonly changed: (key: string) => void;

  /** `changed` is told of each neighbour that fails or answers again. */
  constructor(changed: (key: string) => void) {
    this.changed = changed;
  }

  /** Takes in an entry, or that one was deleted. */
  update(neighbour: Neighbour, deleted: boolean): void {
    const { state, address, interfaceIndex } = neighbour;
    if (state === NUD_FAILED && !deleted) return this.fail({ address, interfaceIndex });
    if (this.failed.size === 0) return;
    const key = neighbourKey(neighbour);
    const recovered = deleted ? !this.watched.has(key) : (state & USABLE) !== 0;
    if (recovered && this.failed.delete(key)) this.changed(key);
  }

  /** Takes in all entries there are. */
  replace(neighbours: readonly Neighbour[]): void {
    const missing = new Set(this.failed.keys());
    for (const neighbour of neighbours) {
      if (missing.size > 0) missing.delete(neighbourKey(neighbour));
      this.update(neighbour, false);
    }
    for (const key of missing) {
      if (!this.watched.has(key) && this.failed.delete(key)) this.changed(key);
    }
  }

  /** Starts afresh on a link: who failed on it before it went down may be there when it is up again. */
  forgetInterface(index: number): void {
    for (const [key, { interfaceIndex }] of this.failed) {
      if (interfaceIndex === index && this.failed.delete(key)) this.changed(key);
    }
  }

  private fail(neighbour: NeighbourAddress): void {
    const key = neighbourKey(neighbour);
    if (this.failed.has(key)) return;
    this.failed.set(key, neighbour);
    this.changed(key);
  }
}
