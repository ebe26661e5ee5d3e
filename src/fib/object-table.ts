/**
 * The kernel's groups of next hops as far as they are ours, by the numbers that routes refer to. Where the kernel has
 * no next-hop objects, or a route doesn't use one, an entry stands for the next hops that routes carry themselves.
 */
import type { HopSet, HopSets, Member } from './hop-sets.ts';
import { FIRST_OBJECT, HELD_OBJECT, HELD_PART, HELD_WHOLE, NOT_HELD, OTHER_SET, UNKNOWN_OBJECT } from './targets.ts';
import type { Targets } from './targets.ts';

/** Ids of our objects are in [FIRST_OBJECT_ID, LAST_OBJECT_ID]: away from those that people and others choose. */
const FIRST_OBJECT_ID = 0x53000000;
export const LAST_OBJECT_ID = 0x53ffffff;

/** Whether a next-hop object's id is in the range that this daemon uses. */
export function isOurObjectId(id: number): boolean {
  return id >= FIRST_OBJECT_ID && id <= LAST_OBJECT_ID;
}

/** A group of the kernel. */
export interface KernelGroup {
  readonly index: number;
  /** Id of the object, 0 where routes carry the next hops themselves. */
  readonly id: number;
  set: HopSet;
  /** Whether the kernel has it no more; then its index is free once no route is thought to have it. */
  gone: boolean;
}

/** All groups that the kernel has of ours, and the members beneath them. */
export class ObjectTable {
  /** By index, holes where it is free. */
  readonly objects: (KernelGroup | undefined)[] = Array.from({ length: FIRST_OBJECT });
  /** Groups by the id of the kernel's object. */
  readonly byId = new Map<number, KernelGroup>();
  /** Members by the id of the kernel's object; several ids may stand for the same one. */
  readonly memberById = new Map<number, Member>();
  /** Whether the kernel has next-hop objects (Linux 5.3); if not, routes carry their next hops themselves. */
  supported = true;

  private readonly targets: Targets;
  private readonly sets: HopSets;
  private readonly inline = new Map<HopSet, KernelGroup>();
  private readonly free: number[] = [];
  /** Ids in our range that are not to be given out. */
  private readonly taken = new Set<number>();
  private nextId = FIRST_OBJECT_ID;

  constructor(targets: Targets, sets: HopSets) {
    this.targets = targets;
    this.sets = sets;
  }

  /** Takes in a group that the kernel has under this id. */
  add(id: number, set: HopSet): KernelGroup {
    const group = this.entry(id, set);
    this.byId.set(id, group);
    this.attach(group, set);
    return group;
  }

  /** The entry for routes that carry these next hops themselves. */
  inlineOf(set: HopSet): KernelGroup {
    const known = this.inline.get(set);
    if (known !== undefined) return known;
    const group = this.entry(0, set);
    this.inline.set(set, group);
    // Where there are objects such a route is never as it should be, but its next hops are known.
    this.attach(group, set);
    return group;
  }

  /** The index of what a route with this next-hop object has. */
  indexOf(objectId: number): number {
    return this.byId.get(objectId)?.index ?? UNKNOWN_OBJECT;
  }

  /** Notes that a group holds other next hops now. */
  change(group: KernelGroup, set: HopSet): void {
    if (group.set === set) return;
    this.detach(group);
    group.set = set;
    this.attach(group, set);
  }

  /** Notes that the kernel has a group no more. */
  remove(group: KernelGroup): void {
    if (group.gone) return;
    group.gone = true;
    this.detach(group);
    this.byId.delete(group.id);
    this.targets.setOfObject[group.index] = OTHER_SET;
    this.unhold(group.index);
  }

  /** The group that routes are given for a set, if there is one: of several one that routes have. */
  usable({ objects }: HopSet): KernelGroup | undefined {
    if (!this.supported || objects.length < 2) return this.supported && objects[0]?.id === 0 ? undefined : objects[0];
    const written = objects.filter(({ id }) => id !== 0);
    return written.find(({ index }) => this.targets.objectUsers[index] > 0) ?? written[0];
  }

  /**
   * Holds adopted routes with this entry to `set`, those of its next hops that resolve. Returns whether that is another
   * than before.
   */
  hold(group: KernelGroup, set: HopSet): boolean {
    const { heldHow, heldSet } = this.targets;
    const changed = heldSet[group.index] !== set.index;
    heldSet[group.index] = set.index;
    if (group.id !== 0) heldHow[group.index] = HELD_OBJECT;
    else heldHow[group.index] = set === group.set ? HELD_WHOLE : HELD_PART;
    return changed;
  }

  /** Frees entries that are gone, and those for carried next hops, once no route has them. */
  collect(): void {
    for (let index = FIRST_OBJECT; index < this.objects.length; index++) {
      const group = this.objects[index];
      if (group === undefined || this.targets.objectUsers[index] > 0) continue;
      if (group.id === 0 && (this.supported || group.set.groups === 0)) {
        this.inline.delete(group.set);
        this.remove(group);
      }
      if (!group.gone) continue;
      this.objects[index] = undefined;
      this.free.push(index);
    }
  }

  /** Groups that no route has and no new route needs. */
  unused(): KernelGroup[] {
    return this.objects.filter(
      (group): group is KernelGroup =>
        group !== undefined &&
        !group.gone &&
        group.id !== 0 &&
        this.targets.objectUsers[group.index] === 0 &&
        (group.set.groups === 0 || this.usable(group.set) !== group),
    );
  }

  /** Keeps an id from being given out. */
  take(id: number): void {
    this.taken.add(id);
  }

  /** Allows an id to be given out again. */
  giveBack(id: number): void {
    this.taken.delete(id);
  }

  /** An id that no object has. */
  allocateId(): number {
    for (;;) {
      const id = this.nextId;
      this.nextId = id === LAST_OBJECT_ID - 1 ? FIRST_OBJECT_ID : id + 1;
      if (!this.taken.has(id) && !this.byId.has(id) && !this.memberById.has(id)) return id;
    }
  }

  private entry(id: number, set: HopSet): KernelGroup {
    const index = this.free.pop() ?? this.objects.length;
    const group: KernelGroup = { index, id, set, gone: false };
    this.objects[index] = group;
    this.targets.roomForObject(index);
    this.unhold(index);
    return group;
  }

  private unhold(index: number): void {
    this.targets.heldHow[index] = NOT_HELD;
    this.targets.heldSet[index] = this.sets.empty.index;
  }

  private attach(group: KernelGroup, set: HopSet): void {
    set.objects.push(group);
    this.targets.setOfObject[group.index] = group.id === 0 && this.supported ? OTHER_SET : set.index;
  }

  private detach(group: KernelGroup): void {
    const { objects } = group.set;
    const at = objects.indexOf(group);
    if (at >= 0) objects.splice(at, 1);
  }
}
