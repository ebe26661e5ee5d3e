/**
 * Sets of next hops as the kernel takes them: ordered, without repetition, with weights. Groups that resolve to the same
 * next hops have the same set, and so do objects of the kernel that hold the same.
 */
import { formatAddress } from '../net/address.ts';
import type { KernelNextHop } from './netlink/routes.ts';
import type { KernelGroup } from './object-table.ts';
import { BLACKHOLE_SET, EMPTY_SET } from './targets.ts';

/** Greatest weight of a next hop (linux/nexthop.h keeps it less one in a byte). */
const MAX_WEIGHT = 256;

/** A single next hop. */
export interface Member {
  /** Id of the kernel's object, 0 if it has none. */
  id: number;
  readonly key: string;
  readonly hop: KernelNextHop;
  /** How many sets have it. */
  users: number;
  /** The kernel's words, if it refused it. */
  refused: string | undefined;
}

/** A member with its share of the flows. */
export interface WeightedMember {
  readonly member: Member;
  /** 1..256. */
  readonly weight: number;
}

/** A set of next hops. */
export interface HopSet {
  readonly index: number;
  readonly key: string;
  /** Of what kind the kernel's group is: empty for a plain one, else the parameters of a resilient one. */
  readonly type: string;
  readonly members: readonly WeightedMember[];
  /** The kernel's objects that hold just this. */
  readonly objects: KernelGroup[];
  /** How many groups resolve to it. */
  groups: number;
  /** The kernel's words, if it refused a group of these. */
  refused: string | undefined;
}

/** All sets and members. */
export class HopSets {
  /** By index, holes where it is free. */
  readonly sets: (HopSet | undefined)[] = [newSet(EMPTY_SET, 'none'), newSet(BLACKHOLE_SET, 'blackhole')];
  private readonly byKey = new Map<string, HopSet>();
  private readonly members = new Map<string, Member>();
  private readonly free: number[] = [];

  /** The set of no next hop. */
  get empty(): HopSet {
    return this.sets[EMPTY_SET]!;
  }

  /** The member for a next hop; its weight doesn't matter. */
  member(hop: KernelNextHop): Member {
    const key = memberKey(hop);
    const known = this.members.get(key);
    if (known !== undefined) return known;
    const member: Member = { id: 0, key, hop, users: 0, refused: undefined };
    this.members.set(key, member);
    return member;
  }

  /** All members. */
  allMembers(): Iterable<Member> {
    return this.members.values();
  }

  /** The set of these members, in any order; weights of any size are brought into range. */
  intern(type: string, shares: ReadonlyMap<Member, number>): HopSet {
    if (shares.size === 0) return this.empty;
    const members = inRange(shares);
    const key = `${type}|${members.map(({ member, weight }) => `${member.key}*${weight}`).join(' ')}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const index = this.free.pop() ?? this.sets.length;
    const set: HopSet = { ...newSet(index, key), type, members };
    for (const { member } of members) member.users++;
    this.sets[index] = set;
    this.byKey.set(key, set);
    return set;
  }

  /** Whether all next hops of one set are in another that has more. */
  isStrictSubset(part: HopSet, whole: HopSet): boolean {
    if (part.members.length >= whole.members.length) return false;
    const all = new Set(whole.members.map(({ member }) => member));
    return part.members.every(({ member }) => all.has(member));
  }

  /** Forgets the sets that nothing has, and returns the members that are in no set any more, forgotten as well. */
  collect(): Member[] {
    for (let index = BLACKHOLE_SET + 1; index < this.sets.length; index++) {
      const set = this.sets[index];
      if (set === undefined || set.groups > 0 || set.objects.length > 0) continue;
      for (const { member } of set.members) member.users--;
      this.sets[index] = undefined;
      this.byKey.delete(set.key);
      this.free.push(index);
    }
    // That the kernel refused one is remembered until it is tried again.
    const unused = [...this.members.values()].filter(({ users, refused }) => users === 0 && refused === undefined);
    for (const { key } of unused) this.members.delete(key);
    return unused;
  }
}

/** Text that two next hops share only if they are the same but for their weight. */
function memberKey({ gateway, interfaceIndex, onlink }: KernelNextHop): string {
  const address = gateway.length > 0 ? formatAddress(gateway) : '';
  return `${address}%${interfaceIndex}${onlink ? '!' : ''}`;
}

function newSet(index: number, key: string): HopSet {
  return { index, key, type: '', members: [], objects: [], groups: 0, refused: undefined };
}

/** One order for all sets: by interface, then by gateway. */
function compare(a: Member, b: Member): number {
  if (a.hop.interfaceIndex !== b.hop.interfaceIndex) return a.hop.interfaceIndex - b.hop.interfaceIndex;
  return a.key < b.key ? -1 : 1;
}

/** Whole weights from 1 to 256 in the proportion of the shares, in the one order. */
function inRange(shares: ReadonlyMap<Member, number>): WeightedMember[] {
  const entries = [...shares].toSorted(([a], [b]) => compare(a, b));
  if (entries.length === 1) return [{ member: entries[0][0], weight: 1 }];
  const scale = scaleOf([...shares.values()]);
  return entries.map(([member, share]) => ({ member, weight: Math.max(1, Math.round(share * scale)) }));
}

/** What shares are multiplied with: the least number that makes them whole, unless the greatest gets too large by it. */
function scaleOf(shares: readonly number[]): number {
  const most = MAX_WEIGHT / Math.max(...shares);
  for (let scale = 1; scale <= most; scale++) {
    if (shares.every((share) => Math.abs(share * scale - Math.round(share * scale)) < 1e-6)) return scale;
  }
  return most;
}
