/**
 * Routes of an earlier run keep all their next hops until all peers have told their routes again: peers come back one by
 * one, and a route that only the first of them has told is no reason to send all packets there. A next hop that died is
 * taken out of them all the same.
 */
import type { Resolver } from './group-table.ts';
import type { HopSet, HopSets, Member } from './hop-sets.ts';
import type { KernelView } from './kernel-view.ts';
import { formatAddress, isLinkLocal } from '../net/address.ts';
import { nextHopKey } from './next-hop.ts';
import type { FibNextHop } from './next-hop.ts';
import type { KernelGroup, ObjectTable } from './object-table.ts';

/** A group that was there at the start, and its next hops. */
interface HeldGroup {
  readonly group: KernelGroup;
  /** What a group of the kernel is needed for: the rest of next hops that adopted routes carry themselves. */
  rest: HopSet;
  readonly hops: readonly { readonly hop: FibNextHop; readonly member: Member; readonly weight: number }[];
}

/** Follows the next hops of all groups that were there at the start. */
export class HeldRoutes {
  private readonly objects: ObjectTable;
  private readonly sets: HopSets;
  private readonly resolver: Resolver;
  private held: HeldGroup[] = [];

  constructor(objects: ObjectTable, sets: HopSets, resolver: Resolver) {
    this.objects = objects;
    this.sets = sets;
    this.resolver = resolver;
  }

  /** Holds all groups that there are. */
  start(view: Pick<KernelView, 'linkByIndex'>): void {
    for (const group of this.objects.objects) {
      if (group === undefined || group.gone) continue;
      const hops = group.set.members.map(({ member, weight }) => ({ hop: hopOf(member, view), member, weight }));
      for (const { hop } of hops) this.resolver.track(hop);
      this.held.push({ group, hops, rest: this.sets.empty });
      this.sets.empty.groups++;
    }
    this.update();
  }

  /** Looks again at the groups that have one of these next hops. Returns whether one is held in another way by that. */
  changed(keys: readonly string[]): boolean {
    if (this.held.length === 0) return false;
    const all = new Set(keys);
    return this.update(({ hops }) => hops.some(({ hop }) => all.has(nextHopKey(hop))));
  }

  /** Holds nothing any more. */
  stop(): void {
    for (const held of this.held) {
      this.need(held, this.sets.empty);
      for (const { hop } of held.hops) this.resolver.untrack(hop);
    }
    this.held = [];
  }

  private update(which: (held: HeldGroup) => boolean = () => true): boolean {
    let changed = false;
    for (const held of this.held) {
      if (held.group.gone || !which(held)) continue;
      const resolving = held.hops.filter(({ hop, member }) => this.resolves(hop, member));
      const shares = new Map(resolving.map(({ member, weight }) => [member, weight]));
      const set = this.sets.intern(held.group.set.type, shares);
      changed = this.objects.hold(held.group, set) || changed;
      this.need(held, held.group.id === 0 && set !== held.group.set ? set : this.sets.empty);
    }
    return changed;
  }

  private need(held: HeldGroup, rest: HopSet): void {
    held.rest.groups--;
    held.rest = rest;
    rest.groups++;
  }

  private resolves(hop: FibNextHop, member: Member): boolean {
    const resolution = this.resolver.resolve(hop);
    return 'hops' in resolution && resolution.hops.some((each) => this.sets.member(each) === member);
  }
}

/** The next hop as the RIB would say it. */
function hopOf({ hop }: Member, view: Pick<KernelView, 'linkByIndex'>): FibNextHop {
  const link = view.linkByIndex(hop.interfaceIndex)?.name;
  if (hop.gateway.length === 0) return { weight: 1, ...(link !== undefined && { interface: link }) };
  const address = formatAddress(hop.gateway);
  const named = link !== undefined && (hop.onlink || isLinkLocal(hop.gateway));
  return { address, weight: 1, ...(named && { interface: link }) };
}
