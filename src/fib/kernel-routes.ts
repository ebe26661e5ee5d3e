/**
 * Writes routes to the kernel, and reads those of ours that it has.
 */
import { formatAddress } from '../net/address.ts';
import { FAMILIES } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefixWords } from '../net/prefix.ts';
import { NO_GROUP, UNKNOWN_GROUP, routeChange } from './desired-routes.ts';
import type { DesiredRoutes } from './desired-routes.ts';
import { isUsable } from './kernel-objects.ts';
import type { KernelObjects } from './kernel-objects.ts';
import type { Group, GroupTable } from './group-table.ts';
import { RTM_NEWROUTE, RTN_UNICAST } from './netlink/constants.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import {
  beginNewRoute,
  endRouteToNextHopId,
  endRouteToNextHops,
  newRouteView,
  readRoute,
  writeDeleteRoute,
  writeRouteDump,
} from './netlink/routes.ts';
import type { KernelNextHop, RouteOwner, RouteView } from './netlink/routes.ts';

/** How many routes go into one send(): few enough that the thread can look at its messages in between. */
const SLICE = 200;

/** Routes that the kernel newly refused: how many, and the first of them in words. */
export interface RefusedRoutes {
  count: number;
  first: string;
}

/** A route of ours that has not the metric we use, left by an earlier configuration. */
interface Stray {
  readonly family: Family;
  readonly words: readonly [number, number, number, number];
  readonly length: number;
  readonly owner: RouteOwner;
}

/** Writes and reads routes. */
export class KernelRoutes {
  /** Routes added or replaced, and deleted, so far. */
  written = 0;
  removed = 0;

  private readonly client: NetlinkClient;
  private readonly routes: readonly DesiredRoutes[];
  private readonly groups: GroupTable;
  private readonly objects: KernelObjects;
  private readonly owner: RouteOwner;
  private readonly writer = new MessageWriter(64 * SLICE);
  private readonly attributes = new AttributeReader();
  private readonly view = newRouteView();
  /** The batch: which routes, of which family, and the group that each gets. */
  private readonly ids = new Uint32Array(SLICE);
  private readonly families = new Uint8Array(SLICE);
  private readonly targets = new Uint32Array(SLICE);
  private count = 0;
  private strays: Stray[] = [];

  constructor(
    client: NetlinkClient,
    routes: readonly DesiredRoutes[],
    groups: GroupTable,
    objects: KernelObjects,
    owner: RouteOwner,
  ) {
    this.client = client;
    this.routes = routes;
    this.groups = groups;
    this.objects = objects;
    this.owner = owner;
  }

  /**
   * Brings some of the queued routes into the kernel, and adds to `refused` those that newly fail.
   * Throws {@link NetlinkError}; the routes stay queued then.
   */
  writeQueued(refused: RefusedRoutes): void {
    this.writer.clear();
    this.count = 0;
    for (const family of FAMILIES) {
      while (this.count < SLICE) {
        const id = this.routes[family].take();
        if (id === 0) break;
        this.prepare(family, id);
      }
    }
    try {
      this.execute(refused);
    } catch (error) {
      for (let i = 0; i < this.count; i++) this.routes[this.families[i]].enqueue(this.ids[i]);
      throw error;
    }
  }

  /** Compares the kernel's routes with those known; those not wanted are queued if `sweep`. Throws {@link NetlinkError}. */
  observe(sweep: boolean): void {
    const byObject = this.groupsByObject();
    this.strays = [];
    for (const family of FAMILIES) {
      const routes = this.routes[family];
      routes.beginObservation();
      // A dump that the kernel marks as inconsistent is taken once more; what it lacked would be written anew, no worse.
      if (!this.dump(family, byObject)) this.dump(family, byObject);
      routes.endObservation(sweep);
    }
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

  /** Settles a route at once if the kernel has what it can have, else adds it to the batch. */
  private prepare(family: Family, id: number): void {
    const routes = this.routes[family];
    const wanted = routes.wanted[id];
    const group = wanted === NO_GROUP ? undefined : this.groups.groups[wanted];
    const target = group !== undefined && isUsable(group) ? wanted : NO_GROUP;
    const change = routeChange(routes.kernel[id], target);
    if (change === 'none') {
      routes.settle(id, target, this.whyNot(group, target));
      return;
    }
    const { a0, a1, a2, a3, length } = routes.table;
    if (change === 'delete') {
      writeDeleteRoute(this.writer, this.owner, family, a0[id], a1[id], a2[id], a3[id], length[id]);
    } else {
      beginNewRoute(this.writer, this.owner, change === 'replace', family, a0[id], a1[id], a2[id], a3[id], length[id]);
      if (this.objects.supported) endRouteToNextHopId(this.writer, group!.objectId);
      else endRouteToNextHops(this.writer, family, kernelHops(group!));
    }
    this.ids[this.count] = id;
    this.families[this.count] = family;
    this.targets[this.count++] = target;
  }

  private execute(refused: RefusedRoutes): void {
    const failures = new Map<number, string>();
    this.client.execute(this.writer, (index, errno, extAck) => {
      const words = this.judge(index, errno, extAck);
      if (words !== undefined) failures.set(index, words);
    });
    for (let i = 0; i < this.count; i++) {
      const id = this.ids[i];
      const routes = this.routes[this.families[i]];
      const failure = failures.get(i);
      const wanted = routes.wanted[id];
      const group = wanted === NO_GROUP ? undefined : this.groups.groups[wanted];
      const error = failure ?? this.whyNot(group, this.targets[i]);
      const kernel = failure === undefined ? this.targets[i] : routes.kernel[id];
      if (failure === undefined && this.targets[i] === NO_GROUP) this.removed++;
      else if (failure === undefined) this.written++;
      const prefix = failure === undefined ? '' : this.prefix(i);
      if (!routes.settle(id, kernel, error) || failure === undefined) continue;
      if (refused.count++ === 0) refused.first = `${prefix}: ${failure}`;
    }
    this.count = 0;
  }

  /** Why the kernel refused a message of the batch, in words; undefined if it comes to the same as success. */
  private judge(index: number, errno: number, extAck: string | undefined): string | undefined {
    const routes = this.routes[this.families[index]];
    const target = this.targets[index];
    const verb = target === NO_GROUP ? 'delete' : 'add';
    const error = new NetlinkError(`${verb} route ${this.prefix(index)}`, errno, extAck);
    if (target === NO_GROUP) return error.errno === 'ESRCH' ? undefined : error.message;
    if (error.errno === 'EEXIST' && routes.kernel[this.ids[index]] === NO_GROUP) {
      return `another program's route to it is in table ${this.owner.table} with metric ${this.owner.metric}`;
    }
    // The kernel drops objects whose link goes down; the group is then to be written again, and its routes after it.
    if (extAck !== undefined && /nexthop id does not exist/i.test(extAck)) {
      const group = this.groups.groups[target]!;
      group.written = false;
      this.groups.pending.add(target);
    }
    return error.message;
  }

  private prefix(index: number): string {
    const { family, a0, a1, a2, a3, length } = this.routes[this.families[index]].table;
    const id = this.ids[index];
    return formatPrefixWords(family, a0[id], a1[id], a2[id], a3[id], length[id]);
  }

  /** Why a wanted route is not to be had although nothing failed. */
  private whyNot(group: Group | undefined, target: number): string | undefined {
    return group === undefined || target !== NO_GROUP
      ? undefined
      : (group.trouble ?? 'its next hops are not written yet');
  }

  /** Gives all routes of one family to {@link observe}; false if they changed meanwhile. */
  private dump(family: Family, byObject: ReadonlyMap<number | string, number>): boolean {
    this.writer.clear();
    writeRouteDump(this.writer, this.owner, family);
    try {
      return this.client.dump(this.writer, 'list routes', (message) => this.read(message, byObject));
    } catch (error) {
      // A table exists only once there is a route in it.
      if (error instanceof NetlinkError && error.errno === 'ENOENT') return true;
      throw error;
    }
  }

  private read(message: MessageReader, byObject: ReadonlyMap<number | string, number>): void {
    const { view } = this;
    if (message.type !== RTM_NEWROUTE || !readRoute(message, this.attributes, view)) return;
    // Kernels before 4.20 give all routes whatever was asked for.
    if (view.table !== this.owner.table || view.protocol !== this.owner.protocol || view.cloned) return;
    if (view.metric !== this.owner.metric) {
      this.strays.push(stray(view, this.owner));
      return;
    }
    const key = view.nextHopId === 0 ? hopsKey(view.nextHops) : view.nextHopId;
    const group = view.type === RTN_UNICAST ? byObject.get(key) : undefined;
    this.routes[view.family].observe(view.a0, view.a1, view.a2, view.a3, view.length, group ?? UNKNOWN_GROUP);
  }

  /** Groups by the id of the kernel's object, or by their next hops where there are no objects. */
  private groupsByObject(): Map<number | string, number> {
    const map = new Map<number | string, number>();
    for (const group of this.groups.groups) {
      if (group !== undefined)
        map.set(this.objects.supported ? group.objectId : hopsKey(kernelHops(group)), group.index);
    }
    return map;
  }
}

function stray(view: RouteView, owner: RouteOwner): Stray {
  const { family, length, metric } = view;
  return { family, words: [view.a0, view.a1, view.a2, view.a3], length, owner: { ...owner, metric } };
}

function kernelHops(group: Group): KernelNextHop[] {
  return group.members.map(({ member, weight }) => ({ ...member.hop, weight }));
}

/** Text that two lists of next hops share only if they are the same; the weight of a single one means nothing. */
function hopsKey(hops: readonly KernelNextHop[]): string {
  return hops
    .map((hop) => `${formatGateway(hop.gateway)}%${hop.interfaceIndex}*${hops.length === 1 ? 1 : hop.weight}`)
    .join();
}

function formatGateway(gateway: Uint8Array): string {
  return gateway.length === 4 || gateway.length === 16 ? formatAddress(gateway) : '';
}
