/**
 * Keeps the kernel's routes equal to those the RIB wants: takes wishes in at once, and works them off step by step.
 * Knows no clock, timer or thread; the worker around it has those.
 */
import { FAMILIES } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { DesiredRoutes } from './desired-routes.ts';
import { FibListing } from './fib-listing.ts';
import { someOf } from './fib-words.ts';
import { planGroups } from './group-plan.ts';
import { GoneObjects } from './gone-objects.ts';
import { GroupTable } from './group-table.ts';
import { HeldRoutes } from './held-routes.ts';
import { HopSets } from './hop-sets.ts';
import { KernelObjects } from './kernel-objects.ts';
import { KernelRoutes } from './kernel-routes.ts';
import type { RouteOptions } from './kernel-routes.ts';
import { KernelView } from './kernel-view.ts';
import { RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_NEWROUTE } from './netlink/constants.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { NextHopResolver } from './next-hop-resolver.ts';
import { NextHopWatches } from './next-hop-watches.ts';
import { ObjectTable } from './object-table.ts';
import type { KernelGroup } from './object-table.ts';
import { Outcomes } from './outcomes.ts';
import type { EngineListener } from './outcomes.ts';
import { RouteObserver } from './route-observer.ts';
import { NO_GROUP, Targets } from './targets.ts';
import type { VxlanPlan } from './tunnel-plan.ts';
import { VxlanDataplane } from './vxlan-dataplane.ts';
import type {
  FibCounts,
  FibPage,
  FibQuery,
  FibRoute,
  FibTrouble,
  ResilientOptions,
  RouteUpdates,
} from './worker-messages.ts';
import { WORDS_PER_ROUTE } from './worker-messages.ts';

/** What the engine is made with. */
export interface FibEngineOptions extends RouteOptions {
  readonly maxPaths: number;
  readonly resilient: ResilientOptions | undefined;
  readonly workloadInterfaces: readonly string[];
}

/** The FIB without its thread. */
export class FibEngine {
  /** Whether what the kernel has must be read anew before anything is written: set when an answer got lost. */
  stale = false;
  /** Whether the first sync is over: the kernel has what was wanted at its end, and no leftovers. */
  synced = false;
  readonly view: KernelView;
  readonly resolver: NextHopResolver;
  readonly watches: NextHopWatches;

  private readonly sets = new HopSets();
  private readonly targets: Targets;
  private readonly groups: GroupTable;
  private readonly table: ObjectTable;
  private readonly held: HeldRoutes;
  private readonly tunnels: VxlanDataplane;
  private readonly routes: readonly DesiredRoutes[];
  private readonly objects: KernelObjects;
  private readonly writer: KernelRoutes;
  private readonly observer: RouteObserver;
  private readonly listing: FibListing;
  private readonly listener: EngineListener;
  /** Whether objects may have to be rewritten and routes moved, made anew, or deleted. */
  private planDue = false;
  private lacking = false;
  private compareDue = false;
  private tunnelsDue = false;
  /** What could not be done about the tunnels the last time. */
  private tunnelTroubles: readonly FibTrouble[] = [];
  private failedNextHops = 0;
  private readonly outcomes: Outcomes;
  private readonly damagedObjects = new Set<KernelGroup>();
  private readonly goneObjects = new GoneObjects();

  constructor(options: FibEngineOptions, client: NetlinkClient, listener: EngineListener) {
    const { owner, maxPaths, resilient, workloadInterfaces } = options;
    const { sets } = this;
    this.listener = listener;
    this.outcomes = new Outcomes(listener);
    this.targets = new Targets((part, whole) => sets.isStrictSubset(sets.sets[part]!, sets.sets[whole]!));
    this.view = new KernelView(client, { owner, workloadInterfaces });
    this.tunnels = new VxlanDataplane(client);
    this.resolver = new NextHopResolver(this.view, this.tunnels);
    this.watches = new NextHopWatches(this.resolver, (index) => this.view.linkByIndex(index)?.name);
    this.groups = new GroupTable(sets, this.targets, this.resolver, maxPaths);
    this.table = new ObjectTable(this.targets, sets);
    this.held = new HeldRoutes(this.table, sets, this.resolver);
    this.routes = FAMILIES.map((family) => new DesiredRoutes(family, this.targets));
    const written = { protocol: owner.protocol, resilient };
    this.objects = new KernelObjects(client, this.table, this.groups, sets, written, (trouble) => this.report(trouble));
    this.writer = new KernelRoutes(client, this.routes, this.targets, sets, this.table, options);
    this.observer = new RouteObserver(client, this.routes, sets, this.table, options);
    this.listing = new FibListing(this.routes, this.groups, sets, this.table, this.resolver, this.view);
  }

  /** Reads what the kernel has, of ours and of others. Throws {@link NetlinkError}. */
  start(): void {
    this.objects.probe();
    this.observer.observe(true, (own) => this.view.refresh(own));
    this.held.start(this.view);
  }

  /** Takes in groups and routes: definitions first, then routes, then releases. */
  update({ definitions, words, releases }: RouteUpdates): void {
    for (const { id, hops } of definitions) this.groups.define(id, hops);
    // So that routes which the kernel has just so need not be looked at again.
    if (this.groups.pending.size > 0 && !this.tunnelsDue) this.resolveGroups();
    let ribId = 0;
    let group = NO_GROUP;
    for (let i = 0; i < words.length; i += WORDS_PER_ROUTE) {
      // Neighbouring routes mostly have the same one.
      if (words[i + 5] !== ribId) {
        ribId = words[i + 5];
        group = this.groups.indexOf(ribId);
      }
      const routes = this.routes[words[i] >>> 8];
      routes.want(words[i + 1], words[i + 2], words[i + 3], words[i + 4], words[i] & 0xff, group);
    }
    for (const id of releases) this.groups.release(id);
  }

  /** Has groups do without a next hop, as far as they have others, until that is taken back. */
  holdDown(address: string, down: boolean): void {
    this.groups.holdDown(address, down);
  }

  /** Says which VXLAN devices there should be. */
  setVxlan(plans: readonly VxlanPlan[]): void {
    this.tunnels.set(plans);
    this.tunnelsDue = true;
  }

  /** See {@link NextHopResolver.setWays}. */
  setWays(ways: ReadonlyMap<string, string>): void {
    this.resolver.setWays(ways);
    this.react();
  }

  /** From now on, routes of an earlier run that nobody wants are deleted, and all others made as wanted. */
  endOfInitialSync(): void {
    if (!this.targets.holding) return;
    this.held.stop();
    this.targets.release();
    this.planDue = true;
  }

  /** Takes in a notification of the kernel. {@link react} is to be called after all that have arrived. */
  notified(message: MessageReader): void {
    const { type } = message;
    if (type === RTM_NEWROUTE || type === RTM_DELROUTE) {
      const prefix = this.observer.notified(message);
      if (prefix !== undefined) this.outcomes.damaged('another program had changed it');
    } else if (type === RTM_NEWNEXTHOP || type === RTM_DELNEXTHOP) this.objectNotified(message);
    this.view.notify(message);
    this.dropLostLinks();
    if (this.tunnels.notify(message)) this.tunnelsDue = true;
  }

  /** Draws the consequences of what was told by {@link notified}. */
  react(): void {
    const keys = this.resolver.changes();
    this.groups.resolveHops(keys);
    if (this.held.changed(keys)) this.planDue = true;
    this.watches.changed(keys);
  }

  /** Whether what the kernel has should be read anew soon: it may have dropped routes without a word. */
  get doubtful(): boolean {
    return this.compareDue || this.objects.doubtful || this.writer.doubtful || this.view.refreshDue;
  }

  /** Whether the first thing that {@link step} does is to bring groups of next hops in line. */
  get urgent(): boolean {
    return !this.stale && (this.groups.pending.size > 0 || this.planDue);
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
      this.compareDue = this.writer.doubtful = false;
      // Ahead of the routes that refer to them, and of the links that they go with.
      if (this.objects.observe()) this.planDue = true;
      this.lacking = true;
      const damaged = this.observer.observe(false, (own) => this.view.refresh(own));
      if (damaged !== undefined) this.outcomes.damaged('a comparison found it changed');
      this.goneObjects.clear();
      this.dropLostLinks();
      this.react();
      this.stale = false;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.stale = true;
      this.report({ code: 'FIB_KERNEL', message: error.message });
    }
  }

  /** As {@link resync}, after notifications got lost. */
  overrun(): void {
    this.tunnelsDue = true;
    this.resync();
  }

  /** Tries again what the kernel refused, be it of next hops that no group of the RIB has and adopted routes are held to. */
  retry(): void {
    if (this.tunnelTroubles.length > 0) this.tunnelsDue = true;
    this.groups.retry();
    this.planDue ||= this.targets.holding;
    for (const routes of this.routes) routes.retry();
  }

  /** How many routes and next hops newly failed so far. */
  get failures(): number {
    return this.failedNextHops + this.outcomes.refused;
  }

  /** Whether the kernel refused anything. */
  get refused(): boolean {
    return this.tunnelTroubles.length > 0 || this.groups.hasRefused || this.routes.some((routes) => routes.hasRefused);
  }

  /** What is in the way of the tunnels now, in words. */
  get tunnelProblems(): string[] {
    return this.tunnelTroubles.map(({ message }) => message);
  }

  get counts(): FibCounts {
    const sum = (count: (routes: DesiredRoutes) => number) =>
      this.routes.reduce((total, routes) => total + count(routes), 0);
    return {
      desired: sum((routes) => routes.desired),
      installed: sum((routes) => routes.installed),
      failed: sum((routes) => routes.failed),
      pending: sum((routes) => routes.pending),
      written: this.writer.written,
      removed: this.writer.removed,
      repaired: this.outcomes.repaired,
      adopted: this.observer.adopted,
      groups: this.groups.count,
      groupWrites: this.objects.groupWrites,
    };
  }

  /** Deletes everything of ours, at once. */
  clear(): void {
    for (const routes of this.routes) routes.wantNone();
    this.endOfInitialSync();
    this.groups.releaseAll();
    while (this.step());
    // Once more where the exchange with the kernel failed.
    if (this.stale) this.resync();
    while (this.step());
    this.tunnels.clear();
  }

  /** The route of just this prefix, as far as is known without asking the kernel. */
  find(prefix: Prefix): FibRoute | undefined {
    return this.listing.find(prefix);
  }

  /** Some of the routes that are wanted or in the kernel, which is asked anew for the first page. */
  page(query: FibQuery): FibPage {
    if (query.after === 0) this.resync();
    return this.listing.page(query);
  }

  private work(): boolean {
    if (this.tunnelsDue) return this.syncTunnels();
    if (this.groups.pending.size > 0) return this.resolveGroups();
    if (this.planDue) return this.plan();
    if (this.lacking) {
      this.lacking = false;
      this.objects.write(this.objects.missing().map((set) => ({ set })));
      return true;
    }
    if (this.routes.some((routes) => routes.reconsiderSome())) return true;
    if (this.routes.some((routes) => routes.pending > 0)) {
      this.writer.writeQueued(this.outcomes.current);
      return true;
    }
    this.outcomes.report();
    // Before the RIB has said all that it wants, what seems to be unused may be wanted yet.
    if (this.targets.holding) return false;
    if (this.observer.hasStrays) {
      this.observer.deleteStrays();
      return true;
    }
    this.objects.deleteUnused();
    this.synced = true;
    return false;
  }

  private syncTunnels(): boolean {
    const known = new Set(this.tunnelProblems);
    this.tunnelTroubles = this.tunnels.sync();
    for (const trouble of this.tunnelTroubles) {
      if (known.has(trouble.message)) continue;
      this.failedNextHops++;
      this.report(trouble);
    }
    // Of changes by this process there are no notifications.
    this.view.refreshLinks();
    this.dropLostLinks();
    this.resolver.tunnelsChanged();
    this.react();
    // Not before all of it is done: what an answer that got lost leaves undone is done the next time.
    this.tunnelsDue = false;
    return true;
  }

  private resolveGroups(): boolean {
    const { moved, unusable } = this.groups.resolvePending();
    this.lacking = true;
    if (moved) this.planDue = true;
    if (unusable.length > 0) {
      this.failedNextHops += unusable.length;
      this.report({ code: 'FIB_NEXT_HOP', message: `next hop left out: ${someOf(unusable)}` });
    }
    return true;
  }

  /** Rewrites the kernel's groups where that does for all their routes, and queues the routes that have to move. */
  private plan(): boolean {
    this.planDue = false;
    this.lacking = true;
    const { rewrites, drops } = planGroups(this.routes, this.table, this.sets, this.targets.setOfObject);
    // Before anything that has to look at each route.
    this.objects.write(rewrites);
    for (const { object, set } of rewrites) {
      if (object.set === set && this.damagedObjects.has(object)) this.groupRepaired(object);
    }
    this.damagedObjects.clear();
    for (const group of drops) {
      this.writer.removed += this.targets.objectUsers[group.index];
      this.objects.drop(group);
    }
    this.goneObjects.add(drops);
    const words = this.goneObjects.forget(this.routes);
    if (words !== undefined) this.outcomes.damaged(words);
    for (const routes of this.routes) routes.reconsiderAll();
    return true;
  }

  /** A group that somebody else had changed is as it should be again, and with it the routes that have it. */
  private groupRepaired({ index }: KernelGroup): void {
    const [prefix = ''] = this.routes.flatMap(({ table }, family) => {
      const id = this.routes[family].withObject(index);
      return id === 0 ? [] : [formatPrefix(table.prefix(id))];
    });
    this.outcomes.groupRepaired(prefix, this.targets.objectUsers[index]);
    this.outcomes.damaged('another program had changed its next hops');
  }

  private objectNotified(message: MessageReader): void {
    const { changed, gone, unclear } = this.objects.notified(message);
    for (const group of changed) this.damagedObjects.add(group);
    this.goneObjects.add(gone, 'another program had deleted its next hops');
    if (changed.length > 0 || gone.length > 0) this.planDue = true;
    if (unclear || gone.length > 0) this.compareDue = true;
  }

  /** Takes into account what the kernel dropped with links, which may be up again by now. */
  private dropLostLinks(): void {
    for (const index of this.view.takeLostLinks()) {
      const { changed, gone } = this.objects.linkLost(index);
      this.goneObjects.add(gone, 'the kernel had dropped it when its link went down');
      if (changed.length === 0 && gone.length === 0) continue;
      this.planDue = true;
      // What was told late may have been written again since.
      this.compareDue = true;
    }
  }

  private report(trouble: FibTrouble): void {
    this.listener.trouble(trouble);
  }
}
