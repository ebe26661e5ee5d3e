/**
 * What routes are compared by: numbers that say which set of next hops each group resolves to and each of the kernel's
 * objects holds. A route is as it should be if both are the same set.
 */
import { growColumn, grownCapacity } from '../rib/columns.ts';

/** As a group: no route is wanted. */
export const NO_GROUP = 0;
/** As a group: packets are dropped. */
export const BLACKHOLE_INDEX = 1;
/** As an object: the kernel has no route, one that drops packets, or one whose next hops are not known. */
export const NO_OBJECT = 0;
export const BLACKHOLE_OBJECT = 1;
export const UNKNOWN_OBJECT = 2;
export const FIRST_OBJECT = 3;
/** As a set: no next hop, packets are dropped, and what no group resolves to. */
export const EMPTY_SET = 0;
export const BLACKHOLE_SET = 1;
export const OTHER_SET = 0xffffffff;

/** How a route that was adopted is held until all peers have told theirs. */
export const NOT_HELD = 0;
/** It has one of our objects, which is rewritten to the part of its next hops that still resolves. */
export const HELD_OBJECT = 1;
/** It carries its next hops itself, and all of them resolve. */
export const HELD_WHOLE = 2;
/** It carries its next hops itself, and not all of them resolve. */
export const HELD_PART = 3;

const CAPACITY = 64;

/** Columns by group and by object. */
export class Targets {
  /** By group: the set that it resolves to. */
  setOfGroup = new Uint32Array(CAPACITY);
  /** By group: how many routes want it. */
  groupUsers = new Uint32Array(CAPACITY);
  /** By object: the set that it holds, {@link OTHER_SET} where its routes have to be written in any case. */
  setOfObject = new Uint32Array(CAPACITY);
  /** By object: how many of the kernel's routes have it. */
  objectUsers = new Uint32Array(CAPACITY);
  /** By object: how adopted routes that have it are held. */
  heldHow = new Uint8Array(CAPACITY);
  /** By object: the set of those of its next hops that resolve, {@link EMPTY_SET} if it is not held. */
  heldSet = new Uint32Array(CAPACITY);
  /** Whether adopted routes are held: until the RIB has said all that it wants. */
  holding = true;

  private readonly isSubset: (part: number, whole: number) => boolean;
  private readonly known = new Map<number, boolean>();

  /** `isSubset` says whether one set is a strict subset of another; it is asked once for each pair. */
  constructor(isSubset: (part: number, whole: number) => boolean) {
    this.isSubset = isSubset;
    this.setOfGroup[BLACKHOLE_INDEX] = BLACKHOLE_SET;
    this.setOfObject[BLACKHOLE_OBJECT] = BLACKHOLE_SET;
    this.setOfObject[UNKNOWN_OBJECT] = OTHER_SET;
  }

  /** Makes room for a group. */
  roomForGroup(index: number): void {
    if (index < this.setOfGroup.length) return;
    const capacity = grownCapacity(this.setOfGroup.length, index + 1);
    this.setOfGroup = growColumn(this.setOfGroup, capacity);
    this.groupUsers = growColumn(this.groupUsers, capacity);
  }

  /** Makes room for an object. */
  roomForObject(index: number): void {
    if (index < this.setOfObject.length) return;
    const capacity = grownCapacity(this.setOfObject.length, index + 1);
    this.setOfObject = growColumn(this.setOfObject, capacity);
    this.objectUsers = growColumn(this.objectUsers, capacity);
    this.heldHow = growColumn(this.heldHow, capacity);
    this.heldSet = growColumn(this.heldSet, capacity);
  }

  /** The set that a route should have: `wanted` is its group, `kernel` its object. */
  target(wanted: number, kernel: number, adopted: boolean): number {
    return this.holding && adopted ? this.held(wanted, kernel) : this.setOfGroup[wanted];
  }

  /** Says that adopted routes are not held any longer. */
  release(): void {
    this.holding = false;
    this.known.clear();
  }

  /** As {@link target}, for an adopted route while it is held. */
  private held(wanted: number, kernel: number): number {
    const how = this.heldHow[kernel];
    const held = this.heldSet[kernel];
    // What carries its next hops itself can't be narrowed without taking it over.
    if (wanted === NO_GROUP) return how === HELD_OBJECT && held !== EMPTY_SET ? held : this.setOfObject[kernel];
    if (held === EMPTY_SET || !this.subset(this.setOfGroup[wanted], held)) return this.setOfGroup[wanted];
    return how === HELD_WHOLE ? this.setOfObject[kernel] : held;
  }

  private subset(part: number, whole: number): boolean {
    const key = part * 0x1_0000_0000 + whole;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const answer = this.isSubset(part, whole);
    this.known.set(key, answer);
    return answer;
  }
}
