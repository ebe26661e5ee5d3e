/**
 * Next-hop groups: what the RIB defined, what they resolve to, and which next-hop objects of the kernel stand for them.
 *
 * A group of the RIB is one group object of the kernel, even with a single next hop, so that its next hops can change
 * beneath its routes (linux/nexthop.h: a group can't be replaced by a single next hop). The single next hops are objects
 * that groups share.
 */
import { formatAddress } from '../net/address.ts';
import type { GroupUsers } from './desired-routes.ts';
import { formatNextHop } from './next-hop.ts';
import type { FibNextHop } from './next-hop.ts';
import type { KernelNextHop } from './netlink/routes.ts';

/** Ids of our next-hop objects are in [FIRST_OBJECT_ID, LAST_OBJECT_ID]: away from those that people and others choose. */
const FIRST_OBJECT_ID = 0x53000000;
export const LAST_OBJECT_ID = 0x53ffffff;

/** Whether a next-hop object's id is in the range that this daemon uses. */
export function isOurObjectId(id: number): boolean {
  return id >= FIRST_OBJECT_ID && id <= LAST_OBJECT_ID;
}

/** A single next-hop object. */
export interface Member {
  readonly id: number;
  readonly key: string;
  readonly hop: KernelNextHop;
  /** Whether the kernel has it. */
  written: boolean;
  /** How many groups have it. */
  users: number;
}

/** A member with its share in one group. */
export interface WeightedMember {
  readonly member: Member;
  readonly weight: number;
}

/** A group. */
export interface Group {
  /** Index in route columns, never 0. */
  readonly index: number;
  /** Id of the kernel's object. */
  readonly objectId: number;
  readonly hops: readonly FibNextHop[];
  /** What the next hops resolve to; empty if none of them does. */
  members: readonly WeightedMember[];
  /** Whether the kernel's object has these members. */
  written: boolean;
  /** Why next hops are left out, in words. */
  trouble: string | undefined;
  /** Whether the RIB has released it. */
  released: boolean;
  /** Routes that should have it or have it. */
  users: number;
}

/** Answer of a resolver: the next hop for the kernel, or why there is none. */
export type Resolution = { readonly hop: KernelNextHop } | { readonly why: string };

/** All groups and their members. */
export class GroupTable implements GroupUsers {
  /** By index; a hole for 0 and for free indices. */
  readonly groups: (Group | undefined)[] = [undefined];
  /** Groups to resolve and write, by index. */
  readonly pending = new Set<number>();
  /** Object ids that are not to be given out: of an earlier run's objects that are still there. */
  readonly taken = new Set<number>();

  private readonly byRibId = new Map<number, Group>();
  private readonly members = new Map<string, Member>();
  private readonly freeIndices: number[] = [];
  private readonly freeObjectIds: number[] = [];
  private nextObjectId = FIRST_OBJECT_ID;
  /** Groups that may be deleted from the kernel, and members likewise. */
  private readonly idleGroups = new Set<Group>();
  private readonly idleMembers = new Set<Member>();

  /** Takes a group in. An id that is defined already means an error of the caller; the newer definition counts. */
  define(ribId: number, hops: readonly FibNextHop[]): void {
    this.release(ribId);
    const index = this.freeIndices.pop() ?? this.groups.length;
    const group: Group = {
      index,
      objectId: this.allocateObjectId(),
      hops,
      members: [],
      written: false,
      trouble: undefined,
      released: false,
      users: 0,
    };
    this.groups[index] = group;
    this.byRibId.set(ribId, group);
    this.pending.add(index);
  }

  /** Notes that the RIB doesn't use a group any more; it goes once no route has it. */
  release(ribId: number): void {
    const group = this.byRibId.get(ribId);
    if (group === undefined) return;
    this.byRibId.delete(ribId);
    group.released = true;
    if (group.users === 0) this.idleGroups.add(group);
  }

  /** As {@link release}, for all groups. */
  releaseAll(): void {
    for (const ribId of this.byRibId.keys()) this.release(ribId);
  }

  /** The index of a group of the RIB, or 0 for an id that isn't defined. */
  indexOf(ribId: number): number {
    return this.byRibId.get(ribId)?.index ?? 0;
  }

  addUser(index: number): void {
    const group = this.groups[index]!;
    if (group.users++ === 0) this.idleGroups.delete(group);
  }

  removeUser(index: number): void {
    const group = this.groups[index]!;
    if (--group.users === 0 && group.released) this.idleGroups.add(group);
  }

  /**
   * Gives a group the members that its next hops resolve to. Returns whether they differ from those before, so that
   * the kernel's object has to be written.
   */
  resolve(group: Group, maxPaths: number, resolve: (hop: FibNextHop) => Resolution): boolean {
    const weights = new Map<Member, number>();
    const troubles: string[] = [];
    for (const hop of group.hops.slice(0, maxPaths)) {
      const resolution = resolve(hop);
      if ('why' in resolution) {
        troubles.push(`${formatNextHop(hop)}: ${resolution.why}`);
        continue;
      }
      // The kernel takes a next hop only once in a group: two paths over the same one add up.
      const member = this.member(resolution.hop);
      weights.set(member, Math.min(256, (weights.get(member) ?? 0) + Math.max(1, Math.min(256, hop.weight))));
    }
    group.trouble = troubles.length > 0 ? troubles.join('; ') : undefined;
    return this.setMembers(
      group,
      [...weights].map(([member, weight]) => ({ member, weight })),
    );
  }

  /** Takes members that the kernel refused out of a group. */
  dropMembers(group: Group, refused: ReadonlyMap<Member, string>): void {
    const troubles = group.members.flatMap(({ member }) => refused.get(member) ?? []);
    if (troubles.length === 0) return;
    group.trouble = [...(group.trouble === undefined ? [] : [group.trouble]), ...troubles].join('; ');
    this.setMembers(
      group,
      group.members.filter(({ member }) => !refused.has(member)),
    );
  }

  /** All members, for comparison with the kernel's. */
  allMembers(): Iterable<Member> {
    return this.members.values();
  }

  /** Marks all groups as to be resolved again. */
  resolveAll(): void {
    for (const group of this.groups) if (group !== undefined) this.pending.add(group.index);
  }

  /** Marks those groups as to be resolved again that lack a next hop. */
  resolveTroubled(): void {
    for (const group of this.groups) if (group?.trouble !== undefined) this.pending.add(group.index);
  }

  /** Whether any object waits to be deleted. */
  get hasIdle(): boolean {
    return this.idleGroups.size > 0 || this.idleMembers.size > 0;
  }

  /** Forgets the objects that nothing uses and returns the ids of those that the kernel has, groups first. */
  takeIdle(): number[] {
    const ids: number[] = [];
    for (const group of this.idleGroups) {
      this.setMembers(group, []);
      this.groups[group.index] = undefined;
      this.pending.delete(group.index);
      this.freeIndices.push(group.index);
      this.freeObjectIds.push(group.objectId);
      ids.push(group.objectId);
    }
    this.idleGroups.clear();
    for (const member of this.idleMembers) {
      this.members.delete(member.key);
      this.freeObjectIds.push(member.id);
      if (member.written) ids.push(member.id);
    }
    this.idleMembers.clear();
    return ids;
  }

  private setMembers(group: Group, members: readonly WeightedMember[]): boolean {
    const before = group.members;
    const same =
      members.length === before.length &&
      members.every((entry, i) => entry.member === before[i].member && entry.weight === before[i].weight);
    for (const { member } of members) if (member.users++ === 0) this.idleMembers.delete(member);
    for (const { member } of before) if (--member.users === 0) this.idleMembers.add(member);
    group.members = members;
    if (!same) group.written = false;
    return !same;
  }

  private member(hop: KernelNextHop): Member {
    const gateway = hop.gateway.length > 0 ? formatAddress(hop.gateway) : '';
    const key = `${gateway}%${hop.interfaceIndex}${hop.onlink ? '!' : ''}`;
    const known = this.members.get(key);
    if (known !== undefined) return known;
    const member: Member = { id: this.allocateObjectId(), key, hop, written: false, users: 0 };
    this.members.set(key, member);
    this.idleMembers.add(member);
    return member;
  }

  private allocateObjectId(): number {
    const free = this.freeObjectIds.pop();
    if (free !== undefined) return free;
    while (this.taken.has(this.nextObjectId)) this.nextObjectId++;
    return this.nextObjectId++;
  }
}
