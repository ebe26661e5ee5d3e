/**
 * Takes in what the kernel has of our routes: all at once from a dump, and one by one from notifications.
 */
import { FAMILIES } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefixWords } from '../net/prefix.ts';
import type { DesiredRoutes } from './desired-routes.ts';
import type { HopSets, Member } from './hop-sets.ts';
import type { RouteOptions } from './kernel-routes.ts';
import { NLM_F_REPLACE, RTM_DELROUTE, RTM_NEWROUTE, RTN_BLACKHOLE, RTN_UNICAST } from './netlink/constants.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { newRouteView, readRoute, writeDeleteRoute } from './netlink/routes.ts';
import type { KernelNextHop, RouteOwner, RouteView } from './netlink/routes.ts';
import type { ObjectTable } from './object-table.ts';
import type { OwnRoutes } from './route-shadow.ts';
import { BLACKHOLE_OBJECT, NO_OBJECT, UNKNOWN_OBJECT } from './targets.ts';

/** How many routes are deleted at once. */
const SLICE = 200;

/** A route of ours that has not the metric we use, left by an earlier configuration. */
interface Stray {
  readonly family: Family;
  readonly words: readonly [number, number, number, number];
  readonly length: number;
  readonly owner: RouteOwner;
}

/** Reads routes. */
export class RouteObserver implements OwnRoutes {
  /** Routes of ours that were in the kernel at the start. */
  adopted = 0;

  private readonly client: NetlinkClient;
  private readonly routes: readonly DesiredRoutes[];
  private readonly sets: HopSets;
  private readonly objects: ObjectTable;
  private readonly options: RouteOptions;
  private readonly writer = new MessageWriter(64);
  private readonly attributes = new AttributeReader();
  private readonly view = newRouteView();
  private strays: Stray[] = [];
  private adopting = false;

  constructor(
    client: NetlinkClient,
    routes: readonly DesiredRoutes[],
    sets: HopSets,
    objects: ObjectTable,
    options: RouteOptions,
  ) {
    this.client = client;
    this.routes = routes;
    this.sets = sets;
    this.objects = objects;
    this.options = options;
  }

  /**
   * Compares the kernel's routes with those known and queues those that differ; with `adopt` they are taken as an earlier
   * run's. `refresh` gives all of them to what it is called with, and throws what this then throws.
   * Returns the first one that was as it should be and isn't any more.
   */
  observe(adopt: boolean, refresh: (own: OwnRoutes) => void): string | undefined {
    this.strays = [];
    this.adopting = adopt;
    refresh(this);
    let damaged: string | undefined;
    for (const family of FAMILIES) {
      const routes = this.routes[family];
      if (adopt) this.adopted += routes.table.count;
      const id = routes.endObservation();
      if (id !== 0) damaged ??= this.prefix(family, id);
    }
    // BIRD's have another metric. They tell of an earlier run as well.
    if (adopt) this.adopted += this.strays.length;
    return damaged;
  }

  /** See {@link OwnRoutes.begin}. */
  begin(family: Family): void {
    this.strays = this.strays.filter((stray) => stray.family !== family);
    this.routes[family].beginObservation();
  }

  /** See {@link OwnRoutes.read}. */
  read(message: MessageReader): void {
    const { view } = this;
    const { table, protocol, metric } = this.options.owner;
    if (!readRoute(message, this.attributes, view, false)) return;
    // Kernels before 4.20 give all routes whatever was asked for.
    if (view.table !== table || view.protocol !== protocol || view.cloned) return;
    if (view.metric !== metric) {
      this.strays.push(stray(view, this.options.owner));
      return;
    }
    const object = this.objectOf(view);
    this.routes[view.family].observe(view.a0, view.a1, view.a2, view.a3, view.length, object, this.adopting);
  }

  /** Takes in a notification about a route. Returns a route of ours that is not as it should be by that. */
  notified(message: MessageReader): string | undefined {
    const { view, options } = this;
    const { table, protocol, metric } = options.owner;
    if (!readRoute(message, this.attributes, view, false)) return undefined;
    if (view.table !== table || view.metric !== metric || view.cloned) return undefined;
    const { family, a0, a1, a2, a3, length } = view;
    const routes = this.routes[family];
    if (view.protocol === protocol) {
      const object = message.type === RTM_DELROUTE ? NO_OBJECT : this.objectOf(view);
      return this.named(family, routes.told(a0, a1, a2, a3, length, object));
    }
    const id = routes.table.find(a0, a1, a2, a3, length);
    if (id === 0) return undefined;
    // A route of somebody else in the place of ours, for which the kernel tells nothing about ours.
    if (message.type === RTM_NEWROUTE && (message.flags & NLM_F_REPLACE) !== 0) {
      return this.named(family, routes.told(a0, a1, a2, a3, length, NO_OBJECT));
    }
    if (message.type === RTM_DELROUTE && routes.hasFailed(id)) routes.enqueue(id);
    return undefined;
  }

  /** Whether there are routes of ours that have another metric than the one we use. */
  get hasStrays(): boolean {
    return this.strays.length > 0;
  }

  /** Deletes routes of ours that have another metric than the one we use. Throws {@link NetlinkError}. */
  deleteStrays(): void {
    this.writer.clear();
    for (const { family, words, length, owner } of this.strays.splice(0, SLICE)) {
      writeDeleteRoute(this.writer, owner, family, ...words, length);
    }
    this.client.execute(this.writer, () => {});
  }

  /** The number for what a route has. */
  private objectOf(view: RouteView): number {
    if (view.type === RTN_BLACKHOLE) return BLACKHOLE_OBJECT;
    const source = this.options.preferredSource[view.family];
    if (view.type !== RTN_UNICAST || !sameBytes(view.preferredSource, source)) return UNKNOWN_OBJECT;
    if (view.nextHopId !== 0) return this.objects.indexOf(view.nextHopId);
    return this.objects.inlineOf(this.setOf(view.nextHops)).index;
  }

  private setOf(hops: readonly KernelNextHop[]) {
    const shares = new Map<Member, number>();
    for (const hop of hops) {
      const member = this.sets.member(hop);
      shares.set(member, (shares.get(member) ?? 0) + hop.weight);
    }
    return this.sets.intern('', shares);
  }

  private named(family: Family, id: number): string | undefined {
    return id === 0 ? undefined : this.prefix(family, id);
  }

  private prefix(family: Family, id: number): string {
    const { a0, a1, a2, a3, length } = this.routes[family].table;
    return formatPrefixWords(family, a0[id], a1[id], a2[id], a3[id], length[id]);
  }
}

function stray(view: RouteView, owner: RouteOwner): Stray {
  const { family, length, metric } = view;
  return { family, words: [view.a0, view.a1, view.a2, view.a3], length, owner: { ...owner, metric } };
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined) return a.length === 0;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
