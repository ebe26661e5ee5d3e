/**
 * Routes in words: what is wanted, what the kernel has, and why they differ.
 */
import { formatAddress } from '../net/address.ts';
import { FAMILIES } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { DesiredRoutes } from './desired-routes.ts';
import type { Group, GroupTable, Resolver } from './group-table.ts';
import type { HopSet, HopSets } from './hop-sets.ts';
import type { KernelView } from './kernel-view.ts';
import { formatNextHop } from './next-hop.ts';
import type { ObjectTable } from './object-table.ts';
import { BLACKHOLE_OBJECT, BLACKHOLE_SET, NO_OBJECT, UNKNOWN_OBJECT } from './targets.ts';
import type { FibPage, FibQuery, FibRoute } from './worker-messages.ts';

/** A position in a listing is a family and a prefix id in one number: ids have 32 bits. */
const FAMILY_SPAN = 0x1_0000_0000;
const HELD = 'kept as before the restart until all peers have told their routes';

/** Lists routes. */
export class FibListing {
  private readonly routes: readonly DesiredRoutes[];
  private readonly groups: GroupTable;
  private readonly sets: HopSets;
  private readonly objects: ObjectTable;
  private readonly resolver: Resolver;
  private readonly view: Pick<KernelView, 'linkByIndex'>;

  constructor(
    routes: readonly DesiredRoutes[],
    groups: GroupTable,
    sets: HopSets,
    objects: ObjectTable,
    resolver: Resolver,
    view: Pick<KernelView, 'linkByIndex'>,
  ) {
    this.routes = routes;
    this.groups = groups;
    this.sets = sets;
    this.objects = objects;
    this.resolver = resolver;
    this.view = view;
  }

  /** The route of just this prefix. */
  find(prefix: Prefix): FibRoute | undefined {
    const routes = this.routes[prefix.family];
    const id = routes.table.find(...prefix.words, prefix.length);
    return id === 0 ? undefined : this.describe(routes, id);
  }

  /** The next routes after a position. */
  page({ family, after, limit, differencesOnly = false }: FibQuery): FibPage {
    const page: FibRoute[] = [];
    for (const each of FAMILIES) {
      if (family !== undefined && family !== each) continue;
      const routes = this.routes[each];
      const base = each * FAMILY_SPAN;
      for (let id = Math.max(1, after - base + 1); id < routes.table.end; id++) {
        if (routes.table.holders[id] === 0) continue;
        if (differencesOnly && routes.state(id) === 'installed') continue;
        // One is left over: there is a next page.
        if (page.length === limit) return { routes: page, next: base + id - 1 };
        page.push(this.describe(routes, id));
      }
    }
    return { routes: page, next: null };
  }

  private describe(routes: DesiredRoutes, id: number): FibRoute {
    const group = this.groups.groups[routes.wanted[id]];
    const kernel = routes.kernel[id];
    const state = routes.state(id);
    const error = state === 'failed' ? (routes.error(id) ?? group?.trouble) : group?.trouble;
    return {
      family: routes.table.family,
      prefix: formatPrefix(routes.table.prefix(id)),
      nextHops: group?.hops ?? [],
      wanted: group === undefined ? [] : this.words(group.set),
      actual: this.actual(kernel),
      state: state === 'held' ? 'pending' : state,
      inKernel: kernel !== NO_OBJECT,
      ...(error === undefined ? {} : { error }),
      notes: [...(state === 'held' ? [HELD] : []), ...this.notes(group)],
    };
  }

  private actual(object: number): string[] {
    if (object === NO_OBJECT) return [];
    if (object === BLACKHOLE_OBJECT) return this.words(this.sets.sets[BLACKHOLE_SET]!);
    const group = object === UNKNOWN_OBJECT ? undefined : this.objects.objects[object];
    return group === undefined || group.gone ? ['next hops that are not known'] : this.words(group.set);
  }

  private words(set: HopSet): string[] {
    if (set.index === BLACKHOLE_SET) return ['blackhole'];
    return set.members.map(({ member, weight }) => {
      const { gateway, interfaceIndex, onlink } = member.hop;
      const address = gateway.length === 0 ? [] : [formatAddress(gateway)];
      const link = this.view.linkByIndex(interfaceIndex)?.name ?? String(interfaceIndex);
      return [...address, `dev ${link}`, `weight ${weight}`, ...(onlink ? ['onlink'] : [])].join(' ');
    });
  }

  private notes(group: Group | undefined): string[] {
    return (group?.hops ?? []).map((hop) => {
      const resolution = this.resolver.resolve(hop);
      if ('why' in resolution) return `${formatNextHop(hop)}: left out: ${resolution.why}`;
      return `${formatNextHop(hop)}: ${resolution.words}`;
    });
  }
}
