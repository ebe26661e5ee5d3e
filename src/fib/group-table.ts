/**
 * Groups of next hops as the RIB defined them, and the sets of the kernel's next hops that they resolve to.
 */
import type { HopSet, HopSets, Member } from './hop-sets.ts';
import { formatNextHop, nextHopKey } from './next-hop.ts';
import type { FibNextHop } from './next-hop.ts';
import type { Resolution } from './next-hop-resolver.ts';
import { BLACKHOLE_INDEX, BLACKHOLE_SET, NO_GROUP } from './targets.ts';
import type { Targets } from './targets.ts';

/** The RIB's id for a group whose routes drop packets; it needs no definition. */
export const BLACKHOLE_GROUP = 1;

const HELD_DOWN = 'the BGP session with it was lost, its routes are being replaced';

/** A group. */
export interface Group {
  /** Index in route columns, never 0. */
  readonly index: number;
  readonly hops: readonly FibNextHop[];
  /** What the next hops resolve to; the empty set if none of them does. */
  set: HopSet;
  /** Why next hops are left out, in words. */
  trouble: string | undefined;
  /** Whether it was resolved before. */
  resolved: boolean;
}

/** The part of the resolver that groups need. */
export interface Resolver {
  resolve(hop: FibNextHop): Resolution;
  track(hop: FibNextHop): void;
  untrack(hop: FibNextHop): void;
}

/** What came of resolving groups. */
export interface Resolved {
  /** Whether a group that routes may have resolves to something else than before. */
  moved: boolean;
  /** Next hops that newly can't be used, and why, in words. */
  readonly unusable: string[];
}

/** All groups. */
export class GroupTable {
  /** By index; holes for 0 and for free indices. */
  readonly groups: (Group | undefined)[];
  /** Groups to resolve. */
  readonly pending = new Set<Group>();
  /** Of what kind the kernel's groups are to be, see {@link HopSet.type}. */
  type = '';

  private readonly sets: HopSets;
  private readonly targets: Targets;
  private readonly resolver: Resolver;
  private readonly maxPaths: number;
  private readonly byRibId = new Map<number, Group>();
  private readonly byHop = new Map<string, Set<Group>>();
  /** Keys of the next hops of groups that can't be used. */
  private readonly unusable = new Set<string>();
  private readonly free: number[] = [];
  private readonly released = new Set<Group>();
  /** Addresses that groups do without. */
  private readonly heldDown = new Set<string>();

  constructor(sets: HopSets, targets: Targets, resolver: Resolver, maxPaths: number) {
    this.sets = sets;
    this.targets = targets;
    this.resolver = resolver;
    this.maxPaths = maxPaths;
    const blackhole = sets.sets[BLACKHOLE_SET]!;
    this.groups = [undefined, { index: BLACKHOLE_INDEX, hops: [], set: blackhole, trouble: undefined, resolved: true }];
  }

  /** Takes a group in. An id that is defined already means an error of the caller; the newer definition counts. */
  define(ribId: number, hops: readonly FibNextHop[]): void {
    this.release(ribId);
    const index = this.free.pop() ?? this.groups.length;
    const group: Group = { index, hops, set: this.sets.empty, trouble: undefined, resolved: false };
    group.set.groups++;
    this.targets.roomForGroup(index);
    this.groups[index] = group;
    this.byRibId.set(ribId, group);
    for (const hop of hops) this.follow(hop, group);
    this.pending.add(group);
  }

  /** Notes that the RIB doesn't use a group any more; it goes once no route wants it. */
  release(ribId: number): void {
    const group = this.byRibId.get(ribId);
    if (group === undefined) return;
    this.byRibId.delete(ribId);
    this.released.add(group);
  }

  /** As {@link release}, for all groups. */
  releaseAll(): void {
    for (const ribId of this.byRibId.keys()) this.release(ribId);
  }

  /** The index of a group of the RIB; that of no group for an id that isn't defined. */
  indexOf(ribId: number): number {
    return ribId === BLACKHOLE_GROUP ? BLACKHOLE_INDEX : (this.byRibId.get(ribId)?.index ?? NO_GROUP);
  }

  /** How many groups the RIB uses. */
  get count(): number {
    return this.byRibId.size;
  }

  /** Whether the kernel refused any next hop, or any group of some. */
  get hasRefused(): boolean {
    for (const member of this.sets.allMembers()) if (member.refused !== undefined) return true;
    return this.sets.sets.some((set) => set?.refused !== undefined);
  }

  /** Marks the groups that have one of these next hops, by {@link nextHopKey}, which resolve differently now. */
  resolveHops(keys: readonly string[]): void {
    let forgiven = false;
    for (const key of keys) {
      for (const group of this.byHop.get(key) ?? []) {
        this.pending.add(group);
        if (this.forgive(group)) forgiven = true;
      }
    }
    // Others do without the same next hop, of which nothing says any more that it is to be tried again.
    if (forgiven) for (const group of this.groups) if (group?.trouble !== undefined) this.pending.add(group);
  }

  /**
   * From now on, or with `down` false no longer, groups do without the next hops at this address, canonical with its zone
   * where it is link-local, unless they have no other.
   */
  holdDown(address: string, down: boolean): void {
    if (down === this.heldDown.has(address)) return;
    if (down) this.heldDown.add(address);
    else this.heldDown.delete(address);
    // Those that the RIB has replaced meanwhile needn't get it back.
    this.collect();
    for (const group of this.groups) {
      if (group?.hops.some((hop) => zonedAddress(hop) === address) === true) this.pending.add(group);
    }
  }

  /** Marks all groups as to be resolved again. */
  resolveAll(): void {
    for (const group of this.groups)
      if (group !== undefined && group.index !== BLACKHOLE_INDEX) this.pending.add(group);
  }

  /** Has all tried again that the kernel refused. */
  retry(): void {
    for (const member of this.sets.allMembers()) member.refused = undefined;
    for (const group of this.groups) {
      if (group === undefined || (group.trouble === undefined && group.set.refused === undefined)) continue;
      this.pending.add(group);
      group.set.refused = undefined;
    }
  }

  /** Marks the groups as to be resolved again that have a next hop which the kernel refused. */
  resolveRefused(refused: ReadonlySet<Member>): void {
    for (const group of this.groups) {
      if (group?.set.members.some(({ member }) => refused.has(member)) === true) this.pending.add(group);
    }
  }

  /** Resolves all groups that are marked. */
  resolvePending(): Resolved {
    const outcome: Resolved = { moved: false, unusable: [] };
    for (const group of this.pending) {
      if (this.resolve(group, outcome.unusable) && group.resolved) outcome.moved = true;
      group.resolved = true;
    }
    this.pending.clear();
    return outcome;
  }

  /** Forgets the released groups that no route wants. */
  collect(): void {
    for (const group of this.released) {
      if (this.targets.groupUsers[group.index] > 0) continue;
      this.released.delete(group);
      this.pending.delete(group);
      group.set.groups--;
      for (const hop of group.hops) this.unfollow(hop, group);
      this.groups[group.index] = undefined;
      this.targets.setOfGroup[group.index] = 0;
      this.free.push(group.index);
    }
  }

  /** Gives a group the set that its next hops resolve to; returns whether that is another than before. */
  private resolve(group: Group, unusable: string[]): boolean {
    const shares = new Map<Member, number>();
    const troubles: string[] = [];
    const hops = group.hops.slice(0, this.maxPaths);
    const held = this.heldDown.size === 0 ? [] : hops.filter((hop) => this.heldDown.has(zonedAddress(hop)));
    for (const hop of hops) if (!held.includes(hop)) this.use(hop, shares, troubles, unusable);
    if (shares.size === 0) for (const hop of held) this.use(hop, shares, troubles, unusable);
    else for (const hop of held) troubles.push(`${formatNextHop(hop)}: ${HELD_DOWN}`);
    group.trouble = troubles.length > 0 ? troubles.join('; ') : undefined;
    const set = this.sets.intern(this.type, shares);
    this.targets.setOfGroup[group.index] = set.index;
    if (set === group.set) return false;
    group.set.groups--;
    group.set = set;
    set.groups++;
    return true;
  }

  /** Adds what a next hop resolves to, and notes why it can't be used, in `unusable` if that is new. */
  private use(hop: FibNextHop, shares: Map<Member, number>, troubles: string[], unusable: string[]): void {
    const trouble = this.addHop(shares, hop);
    const key = nextHopKey(hop);
    if (trouble === undefined) {
      this.unusable.delete(key);
      return;
    }
    troubles.push(trouble);
    if (!this.unusable.has(key)) unusable.push(trouble);
    this.unusable.add(key);
  }

  /**
   * Adds what a next hop resolves to; several share its weight, and the same one found twice adds up. Returns why it
   * can't be used, or not all of it.
   */
  private addHop(shares: Map<Member, number>, hop: FibNextHop): string | undefined {
    const resolution = this.resolver.resolve(hop);
    if ('why' in resolution) return `${formatNextHop(hop)}: ${resolution.why}`;
    const total = resolution.hops.reduce((sum, { weight }) => sum + weight, 0);
    let trouble: string | undefined;
    for (const each of resolution.hops) {
      const member = this.sets.member(each);
      if (member.refused !== undefined) trouble = member.refused;
      else shares.set(member, (shares.get(member) ?? 0) + (Math.max(1, hop.weight) * each.weight) / total);
    }
    return trouble;
  }

  /** Forgets what the kernel refused of a group; returns whether there was a next hop among it. */
  private forgive(group: Group): boolean {
    group.set.refused = undefined;
    let forgiven = false;
    for (const hop of group.hops) {
      const resolution = this.resolver.resolve(hop);
      for (const each of 'hops' in resolution ? resolution.hops : []) {
        const member = this.sets.member(each);
        forgiven ||= member.refused !== undefined;
        member.refused = undefined;
      }
    }
    return forgiven;
  }

  private follow(hop: FibNextHop, group: Group): void {
    const key = nextHopKey(hop);
    const groups = this.byHop.get(key);
    if (groups === undefined) this.byHop.set(key, new Set([group]));
    else groups.add(group);
    this.resolver.track(hop);
  }

  private unfollow(hop: FibNextHop, group: Group): void {
    const key = nextHopKey(hop);
    const groups = this.byHop.get(key);
    groups?.delete(group);
    if (groups?.size === 0) {
      this.byHop.delete(key);
      this.unusable.delete(key);
    }
    this.resolver.untrack(hop);
  }
}

/** As the daemon names a peer: a link-local address with its zone. */
function zonedAddress({ address = '', interface: link }: FibNextHop): string {
  return link !== undefined && address.startsWith('fe80:') ? `${address}%${link}` : address;
}
