/**
 * Keeps the kernel's routes equal to those the RIB wants: takes wishes in at once, and works them off step by step.
 * Knows no clock, timer or thread; the worker around it has those.
 */
import { FAMILIES } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { DesiredRoutes, NO_GROUP } from './desired-routes.ts';
import { KernelObjects } from './kernel-objects.ts';
import { KernelRoutes } from './kernel-routes.ts';
import type { RefusedRoutes } from './kernel-routes.ts';
import { GroupTable } from './group-table.ts';
import type { Group } from './group-table.ts';
import { RouteLookupResolver } from './route-lookup-resolver.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import type { RouteOwner } from './netlink/routes.ts';
import type { FibCounts, FibTrouble, FibRoute, RouteUpdates } from './worker-messages.ts';
import { WORDS_PER_ROUTE } from './worker-messages.ts';

/** What the engine is made with. */
export interface FibEngineOptions {
  readonly owner: RouteOwner;
  readonly maxPaths: number;
}

/** The FIB without its thread. */
export class FibEngine {
  /** Whether what the kernel has must be read anew before anything is written: set when an answer got lost. */
  stale = false;
  /** Whether the first sync is over: the kernel has what was wanted at its end, and no leftovers. */
  synced = false;

  private readonly groups = new GroupTable();
  private readonly routes: readonly DesiredRoutes[] = FAMILIES.map((family) => new DesiredRoutes(family, this.groups));
  private readonly resolver: RouteLookupResolver;
  private readonly objects: KernelObjects;
  private readonly kernel: KernelRoutes;
  private readonly report: (trouble: FibTrouble) => void;
  /** Whether routes of ours that nobody wants are deleted; not before the RIB has said all that it wants. */
  private sweeping = false;
  private changed: Group[] = [];
  private refused: RefusedRoutes = { count: 0, first: '' };

  /** `report` is told of everything that can't be done, once. */
  constructor(options: FibEngineOptions, client: NetlinkClient, report: (trouble: FibTrouble) => void) {
    const { owner, maxPaths } = options;
    this.report = report;
    this.resolver = new RouteLookupResolver(client);
    this.objects = new KernelObjects(client, this.groups, this.resolver, { protocol: owner.protocol, maxPaths });
    this.kernel = new KernelRoutes(client, this.routes, this.groups, this.objects, owner);
  }

  /** Reads what the kernel has of ours. Throws {@link NetlinkError}. */
  start(): void {
    this.objects.probe();
    this.resolver.refresh();
    this.kernel.observe(false);
  }

  /** Takes in groups and routes: definitions first, then routes, then releases. */
  update(updates: RouteUpdates): void {
    for (const { id, hops } of updates.definitions) this.groups.define(id, hops);
    const { words } = updates;
    for (let i = 0; i < words.length; i += WORDS_PER_ROUTE) {
      const family = words[i] >>> 8;
      const group = words[i + 5] === 0 ? NO_GROUP : this.groups.indexOf(words[i + 5]);
      this.routes[family].want(words[i + 1], words[i + 2], words[i + 3], words[i + 4], words[i] & 0xff, group);
    }
    for (const id of updates.releases) this.groups.release(id);
  }

  /** From now on, routes of ours that nobody wants are deleted. */
  endOfInitialSync(): void {
    this.sweeping = true;
    for (const routes of this.routes) routes.sweep();
  }

  /** Does a few milliseconds of work; returns whether there is more. */
  step(): boolean {
    if (this.stale) return false;
    try {
      return this.work();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.stale = true;
      this.report({ code: 'FIB_KERNEL', message: `${error.message}; the routes are read and compared again` });
      return false;
    }
  }

  /** Reads what the kernel has now and queues what differs. */
  resync(): void {
    try {
      this.resolver.refresh();
      this.objects.observe();
      this.kernel.observe(this.sweeping);
      this.stale = false;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.stale = true;
      this.report({ code: 'FIB_KERNEL', message: error.message });
    }
  }

  /** Tries again what failed. */
  retry(): void {
    this.resolver.forget();
    this.groups.resolveTroubled();
    for (const routes of this.routes) routes.retry();
  }

  /** Whether anything failed that {@link retry} could mend. */
  get troubled(): boolean {
    return this.counts.failed > 0 || this.groups.groups.some((group) => group?.trouble !== undefined);
  }

  get counts(): FibCounts {
    const sum = (count: (routes: DesiredRoutes) => number) =>
      this.routes.reduce((total, routes) => total + count(routes), 0);
    return {
      desired: sum((routes) => routes.desired),
      installed: sum((routes) => routes.installed),
      failed: sum((routes) => routes.failed),
      pending: sum((routes) => routes.pending),
      written: this.kernel.written,
      removed: this.kernel.removed,
    };
  }

  /** Deletes everything of ours, at once. */
  clear(): void {
    for (const routes of this.routes) routes.wantNone();
    this.sweeping = true;
    this.groups.releaseAll();
    while (this.step());
  }

  /** All routes that are wanted or in the kernel, which is asked anew; or just the one of `prefix`, as far as known. */
  list(prefix?: Prefix): FibRoute[] {
    if (prefix === undefined) {
      this.resync();
      return this.routes.flatMap((routes) => this.listFamily(routes));
    }
    const routes = this.routes[prefix.family];
    const id = routes.table.find(...prefix.words, prefix.length);
    return id === 0 ? [] : [this.describe(routes, id)];
  }

  private listFamily(routes: DesiredRoutes): FibRoute[] {
    const list: FibRoute[] = [];
    for (let id = 1; id < routes.table.end; id++) {
      if (routes.table.holders[id] > 0) list.push(this.describe(routes, id));
    }
    return list;
  }

  private describe(routes: DesiredRoutes, id: number): FibRoute {
    const group = this.groups.groups[routes.wanted[id]];
    const error = routes.error(id) ?? group?.trouble;
    return {
      family: routes.table.family,
      prefix: formatPrefix(routes.table.prefix(id)),
      nextHops: group?.hops ?? [],
      state: stateOf(routes, id),
      inKernel: routes.kernel[id] !== NO_GROUP,
      ...(error === undefined ? {} : { error }),
    };
  }

  private work(): boolean {
    if (this.groups.pending.size > 0) return this.writeGroups();
    if (this.routes.some((routes) => routes.pending > 0)) {
      this.kernel.writeQueued(this.refused);
      return true;
    }
    this.reportRefused();
    if (this.sweeping && this.kernel.hasStrays) {
      this.kernel.deleteStrays();
      return true;
    }
    if (this.objects.hasUnused(this.sweeping)) this.objects.deleteUnused(this.sweeping);
    this.synced = this.sweeping;
    return false;
  }

  /** Once for all that was refused since the queue was last empty. */
  private reportRefused(): void {
    const { count, first } = this.refused;
    if (count === 0) return;
    this.refused = { count: 0, first: '' };
    this.report({ code: 'FIB_ROUTE', message: refusedWords(count, first), routes: count });
  }

  private writeGroups(): boolean {
    const { changed, rewritten, troubled } = this.objects.writePending();
    this.changed.push(...changed);
    if (rewritten.length > 0) for (const routes of this.routes) routes.forgetGroups(this.marks(rewritten));
    for (const group of troubled) {
      this.report({ code: 'FIB_NEXT_HOP', message: `next hop left out: ${group.trouble}` });
    }
    if (this.groups.pending.size > 0 || this.changed.length === 0) return true;
    // One pass over all routes for all groups that changed.
    const marks = this.marks(this.changed);
    this.changed = [];
    for (const routes of this.routes) routes.enqueueGroups(marks);
    return true;
  }

  private marks(groups: readonly Group[]): Uint8Array {
    const marks = new Uint8Array(this.groups.groups.length);
    for (const group of groups) marks[group.index] = 1;
    return marks;
  }
}

function stateOf(routes: DesiredRoutes, id: number): FibRoute['state'] {
  if (routes.wanted[id] === NO_GROUP) return 'leftover';
  if (routes.wanted[id] === routes.kernel[id]) return 'installed';
  return routes.error(id) === undefined ? 'pending' : 'failed';
}

function refusedWords(count: number, first: string): string {
  return count === 1
    ? `a route is not in the kernel as it should be: ${first}`
    : `${count} routes are not in the kernel as they should be, the first: ${first}`;
}
