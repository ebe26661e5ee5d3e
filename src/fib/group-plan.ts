/**
 * What to do about the kernel's groups after what groups of the RIB resolve to, or what the kernel's groups hold, has
 * changed: a group whose routes all want other next hops than it holds is rewritten, which is one message for all of
 * them. A group on which routes differ stays as it is for those that want what it holds; the others have to move.
 */
import type { DesiredRoutes } from './desired-routes.ts';
import type { HopSet, HopSets } from './hop-sets.ts';
import type { KernelGroup, ObjectTable } from './object-table.ts';
import { EMPTY_SET, OTHER_SET } from './targets.ts';

/** A group of the kernel that is to hold other next hops. */
export interface GroupRewrite {
  readonly object: KernelGroup;
  readonly set: HopSet;
}

/** What to do. */
export interface GroupPlan {
  readonly rewrites: GroupRewrite[];
  /** Groups none of whose routes has a next hop left: without the group the kernel drops them all. */
  readonly drops: KernelGroup[];
}

/** Counts what the routes of each object want: it keeps what it has if any wants that, else goes with the majority. */
class Votes {
  readonly keeps: Uint8Array;
  readonly empty: Uint8Array;
  readonly candidate: Uint32Array;
  private readonly balance: Int32Array;
  private readonly current: Uint32Array;

  constructor(size: number, current: Uint32Array) {
    this.keeps = new Uint8Array(size);
    this.empty = new Uint8Array(size);
    this.candidate = new Uint32Array(size);
    this.balance = new Int32Array(size);
    this.current = current;
  }

  /** The vote of some routes; the majority is found as Boyer and Moore do, with one counter for each object. */
  cast(object: number, set: number, count: number): void {
    if (set === this.current[object]) this.keeps[object] = 1;
    else if (set === EMPTY_SET) this.empty[object] = 1;
    else if (this.candidate[object] === set) this.balance[object] += count;
    else if (this.balance[object] >= count) this.balance[object] -= count;
    else {
      this.candidate[object] = set;
      this.balance[object] = count - this.balance[object];
    }
  }
}

/** Decides for all objects. Costs no more however many routes there are. */
export function planGroups(
  routes: readonly DesiredRoutes[],
  objects: ObjectTable,
  sets: HopSets,
  current: Uint32Array,
): GroupPlan {
  const plan: GroupPlan = { rewrites: [], drops: [] };
  if (!objects.supported) return plan;
  const votes = new Votes(objects.objects.length, current);
  for (const family of routes) family.vote(votes);
  for (const object of objects.objects) {
    if (object === undefined || object.gone || object.id === 0 || votes.keeps[object.index] === 1) continue;
    const candidate = votes.candidate[object.index];
    if (candidate === EMPTY_SET || candidate === OTHER_SET) {
      if (votes.empty[object.index] === 1 && candidate === EMPTY_SET) plan.drops.push(object);
      continue;
    }
    const set = sets.sets[candidate]!;
    // What kind a group is can't be changed, and one that drops packets is none.
    if (set.members.length > 0 && set.type === object.set.type && set.refused === undefined) {
      plan.rewrites.push({ object, set });
    }
  }
  return plan;
}
