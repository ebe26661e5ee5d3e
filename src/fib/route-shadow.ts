/**
 * The routes of others in the kernel, of both families, with the next-hop objects that they lead over: built from dumps,
 * kept by notifications, and by what the kernel is known to remove without one.
 */
import { FAMILIES, IPV4_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import type { PrefixTable } from '../rib/prefix-table.ts';
import { ForeignNextHops } from './foreign-next-hops.ts';
import type { ObjectChanges } from './foreign-next-hops.ts';
import { ForeignRoutes } from './foreign-routes.ts';
import { HopLists } from './hop-lists.ts';
import type { HopList } from './hop-lists.ts';
import {
  NLM_F_APPEND,
  NLM_F_REPLACE,
  RTM_NEWROUTE,
  RTN_LOCAL,
  RTN_UNICAST,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from './netlink/constants.ts';
import { untilConsistent } from './netlink/dump-all.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { newRouteView, readRoute, writeRouteDump } from './netlink/routes.ts';
import type { KernelNextHop, RouteOwner, RouteView } from './netlink/routes.ts';

/** The route that a packet to some address takes, own routes aside. */
export interface CoveringRoute {
  readonly prefix: Prefix;
  /** `RTN_*`. */
  readonly type: number;
  /** `RTPROT_*`. */
  readonly protocol: number;
  readonly metric: number;
  /** None where packets are not sent anywhere. */
  readonly hops: readonly KernelNextHop[];
}

/** Takes the daemon's own routes out of the dump of its table, so that the kernel needn't be asked twice for it. */
export interface OwnRoutes {
  /** The dump of a family begins, perhaps anew. */
  begin(family: Family): void;
  /** One of them, an `RTM_NEWROUTE` message. */
  read(message: MessageReader): void;
}

/** What the shadow needs to know, and tells. */
export interface ShadowSurroundings {
  /** Whether packets can leave by an interface. */
  works(interfaceIndex: number): boolean;
  /** Whether an interface exists and is up. */
  isUp(interfaceIndex: number): boolean;
  /** Told of each prefix whose routes change, with the next hops that came or went. */
  touched(routes: ForeignRoutes, prefixId: number, hops: readonly KernelNextHop[]): void;
}

/** The shadow. */
export class RouteShadow {
  /** Whether a notification could not be understood without reading everything anew. */
  stale = false;

  private readonly client: NetlinkClient;
  private readonly owner: RouteOwner;
  private readonly tables: readonly number[];
  private readonly surroundings: ShadowSurroundings;
  private readonly lists = new HopLists();
  private readonly objects: ForeignNextHops;
  private readonly attributes = new AttributeReader();
  private readonly route = newRouteView();
  private readonly routes: ForeignRoutes[];

  constructor(client: NetlinkClient, owner: RouteOwner, surroundings: ShadowSurroundings) {
    this.client = client;
    this.owner = owner;
    this.tables = [...new Set([RT_TABLE_LOCAL, RT_TABLE_MAIN, owner.table])];
    this.surroundings = surroundings;
    this.objects = new ForeignNextHops(client);
    this.routes = FAMILIES.map((family) => this.newRoutes(family));
  }

  /** Reads everything anew; returns whether the answers are whole. Throws {@link NetlinkError}. */
  refresh(own?: OwnRoutes): boolean {
    this.touchObjects(this.objects.refresh());
    let whole = true;
    for (const family of FAMILIES) whole = this.refreshFamily(family, own) && whole;
    this.stale = !whole;
    return whole;
  }

  /** Takes in an `RTM_NEWROUTE` or `RTM_DELROUTE` notification. */
  notifyRoute(message: MessageReader): void {
    if (!this.read(message)) return;
    const { route } = this;
    const routes = this.routes[route.family];
    const replaces = (message.flags & NLM_F_REPLACE) !== 0;
    if (this.isOwn(route)) {
      // A route of ours in the place of somebody else's.
      this.stale ||= replaces && routes.hasAlike(route);
      return;
    }
    if (message.type !== RTM_NEWROUTE) return routes.remove(route);
    if (route.nextHopId !== 0) this.learn(route.nextHopId);
    const order = (message.flags & NLM_F_APPEND) !== 0 ? 'append' : 'prepend';
    routes.add(route, replaces ? 'replace' : order);
  }

  /** Takes in an `RTM_NEWNEXTHOP` or `RTM_DELNEXTHOP` notification. */
  notifyObject(message: MessageReader): void {
    // The third byte is the protocol: the daemon's own objects serve no foreign route.
    if (message.u8(2) !== this.owner.protocol) this.apply(this.objects.notify(message));
  }

  /** Drops the next-hop objects of an interface that went down or lost its carrier, and the routes that lead over them. */
  dropObjectsOf(interfaceIndex: number): void {
    this.apply(this.objects.dropInterface(interfaceIndex));
  }

  /**
   * Drops the IPv4 routes of which the kernel tells nothing (net/ipv4/fib_semantics.c, fib_sync_down_dev): those that lead
   * over this interface and others that are down. `all`: also those to addresses of this node, as when the interface is gone.
   */
  dropRoutesOver(interfaceIndex: number, all: boolean): void {
    const dead = ({ hops }: HopList) =>
      hops.some((hop) => hop.interfaceIndex === interfaceIndex) &&
      hops.every((hop) => hop.interfaceIndex === interfaceIndex || !this.surroundings.isUp(hop.interfaceIndex));
    const marks = this.lists.marks(dead);
    const routes = this.routes[IPV4_UNICAST];
    if (marks !== undefined) routes.removeMarked(marks, (row) => all || routes.type(row) !== RTN_LOCAL);
  }

  /** Has all routes over an interface told as touched. */
  touchRoutesOver(interfaceIndex: number): void {
    this.touchLists((list) => this.resolve(list).some((hop) => hop.interfaceIndex === interfaceIndex));
  }

  /** The route to an address given as a host prefix, or undefined if there is none: the longest match (RFC 4632 §5.1). */
  lookUp(host: Prefix): CoveringRoute | undefined {
    const routes = this.routes[host.family];
    const ids = routes.prefixes.matches(host);
    // As by the rules that every system starts with: the local table, then the others (ip-rule(8)).
    const row = this.firstRow(routes, ids, true) ?? this.firstRow(routes, ids, false);
    return row === undefined ? undefined : this.describe(routes, row);
  }

  /** Next hops of all routes to just this prefix that forward packets. */
  nextHopsOf(prefix: Prefix): readonly KernelNextHop[] {
    const routes = this.routes[prefix.family];
    return routes
      .rowsOf(routes.prefixes.find(...prefix.words, prefix.length))
      .filter((row) => routes.type(row) === RTN_UNICAST && routes.table(row) !== RT_TABLE_LOCAL)
      .flatMap((row) => this.hopsOf(routes, row));
  }

  /** Calls `visit` with each prefix that has routes, as its number in the table of its family. */
  forPrefixes(visit: (prefixes: PrefixTable, id: number) => void): void {
    for (const { prefixes } of this.routes) {
      for (let id = 1; id < prefixes.end; id++) if (prefixes.holders[id] !== 0) visit(prefixes, id);
    }
  }

  private firstRow(routes: ForeignRoutes, ids: readonly number[], local: boolean): number | undefined {
    for (const id of ids) {
      const rows = routes.rowsOf(id).filter((row) => (routes.table(row) === RT_TABLE_LOCAL) === local);
      if (rows.length > 0) return rows.find((row) => routes.table(row) === this.owner.table) ?? rows[0];
    }
    return undefined;
  }

  private describe(routes: ForeignRoutes, first: number): CoveringRoute {
    const alike = routes.alike(first);
    const works = (row: number) => this.hopsOf(routes, row).some((hop) => this.surroundings.works(hop.interfaceIndex));
    // Of several routes to the same prefix, as to a network on two links, the kernel takes one that works.
    const best = alike.find(works) ?? first;
    const rows = routes.joins(best) ? alike.filter((row) => routes.joins(row)) : [best];
    const type = routes.type(best);
    const hops = rows.flatMap((row) => this.hopsOf(routes, row));
    return {
      prefix: routes.prefixOfRow(best),
      type,
      protocol: routes.protocol(best),
      metric: routes.metric(best),
      // The weight of the last one that is left of several says nothing.
      hops: type !== RTN_UNICAST ? [] : hops.length === 1 ? [{ ...hops[0], weight: 1 }] : hops,
    };
  }

  private hopsOf(routes: ForeignRoutes, row: number): readonly KernelNextHop[] {
    return this.resolve(this.lists.get(routes.hopList(row)));
  }

  private resolve({ hops, objectId }: HopList): readonly KernelNextHop[] {
    return objectId === 0 ? hops : this.objects.hopsOf(objectId);
  }

  /** Reads a route message; false if the route is none that counts. */
  private read(message: MessageReader): boolean {
    // Routes for one type of service and source-specific ones (`rtm_tos`, `rtm_src_len`) hold for some packets only.
    if (message.u8(3) !== 0 || message.u8(2) !== 0) return false;
    if (!readRoute(message, this.attributes, this.route) || this.route.cloned) return false;
    if (!this.route.nextHops.every(({ gateway }) => [0, 4, 16].includes(gateway.length))) return false;
    return this.tables.includes(this.route.table);
  }

  private isOwn({ table, protocol }: RouteView): boolean {
    return table === this.owner.table && protocol === this.owner.protocol;
  }

  private learn(objectId: number): void {
    try {
      this.touchObjects(this.objects.learn(objectId));
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.stale = true;
    }
  }

  private apply({ changed, gone }: ObjectChanges): void {
    this.touchObjects(changed);
    // Routes over an object go with it, for IPv4 and with nexthop_compat_mode=0 without a notification.
    const marks = gone.length === 0 ? undefined : this.lists.marks(({ objectId }) => gone.includes(objectId));
    if (marks !== undefined) for (const routes of this.routes) routes.removeMarked(marks, () => true);
  }

  private touchObjects(ids: readonly number[]): void {
    if (ids.length > 0) this.touchLists(({ objectId }) => objectId !== 0 && ids.includes(objectId));
  }

  private touchLists(test: (list: HopList) => boolean): void {
    const marks = this.lists.marks(test);
    if (marks === undefined) return;
    for (const routes of this.routes) routes.forMarked(marks, (id, list) => this.touched(routes, id, list));
  }

  private touched(routes: ForeignRoutes, prefixId: number, list: number): void {
    this.surroundings.touched(routes, prefixId, this.resolve(this.lists.get(list)));
  }

  private newRoutes(family: Family): ForeignRoutes {
    const routes: ForeignRoutes = new ForeignRoutes(family, this.lists, (id, list) => {
      // While a fresh shadow is filled nobody is told; it is compared as a whole afterwards.
      if (this.routes[family] === routes) this.touched(routes, id, list);
    });
    return routes;
  }

  private refreshFamily(family: Family, own: OwnRoutes | undefined): boolean {
    let fresh = this.newRoutes(family);
    let whole: boolean;
    try {
      whole = untilConsistent(() => {
        fresh.dispose();
        fresh = this.newRoutes(family);
        own?.begin(family);
        return this.tables.map((table) => this.dump(family, table, fresh, own)).every((consistent) => consistent);
      });
    } catch (error) {
      fresh.dispose();
      throw error;
    }
    const old = this.routes[family];
    this.routes[family] = fresh;
    this.compare(old, fresh);
    this.compare(fresh, old);
    old.dispose();
    return whole;
  }

  private dump(family: Family, table: number, into: ForeignRoutes, own: OwnRoutes | undefined): boolean {
    const writer = new MessageWriter(64);
    // Protocol 0 means any.
    writeRouteDump(writer, { ...this.owner, table, protocol: 0 }, family);
    const ownProtocol = table === this.owner.table ? this.owner.protocol : -1;
    try {
      return this.client.dump(writer, `list the routes of table ${table}`, (message) => {
        // Own routes may be many: they are told by a byte.
        if (message.type !== RTM_NEWROUTE) return;
        if (message.u8(5) === ownProtocol) return own?.read(message);
        if (this.read(message) && this.route.table === table) into.add(this.route, 'append');
      });
    } catch (error) {
      // An IPv4 table in which nothing was ever put doesn't exist.
      if (error instanceof NetlinkError && error.errno === 'ENOENT') return true;
      throw error;
    }
  }

  /** Tells of the prefixes whose rows `others` doesn't have just so. */
  private compare(routes: ForeignRoutes, others: ForeignRoutes): void {
    const { a0, a1, a2, a3, length, holders } = routes.prefixes;
    for (let id = 1; id < routes.prefixes.end; id++) {
      if (holders[id] === 0) continue;
      const other = others.prefixes.find(a0[id], a1[id], a2[id], a3[id], length[id]);
      if (other !== 0 && routes.sameRows(id, others, other)) continue;
      for (const row of routes.rowsOf(id)) this.touched(routes, id, routes.hopList(row));
    }
  }
}
