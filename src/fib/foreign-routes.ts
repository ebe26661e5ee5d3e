/**
 * A shadow of the routes of one family that are not the daemon's own, in the kernel's order: one row per route, for IPv6
 * one per next hop, as the kernel keeps them. Typed arrays, since a node may carry a full table of somebody else's.
 */
import { IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { PrefixTable } from '../rib/prefix-table.ts';
import { U32Stack, growColumn, grownCapacity } from '../rib/columns.ts';
import { hopIdentity } from './hop-lists.ts';
import type { HopLists } from './hop-lists.ts';
import { RTPROT_KERNEL, RTPROT_REDIRECT } from './netlink/constants.ts';
import type { RouteView } from './netlink/routes.ts';

/** What a new route does to those of the same prefix, table and metric (rtnetlink(7)): `NLM_F_REPLACE`, `NLM_F_APPEND`. */
export type RouteOrder = 'replace' | 'append' | 'prepend';

/** Told of each prefix whose routes change, with the id of the list of next hops that came or went. */
type RouteChange = (prefixId: number, hopList: number) => void;

const INITIAL_ROWS = 256;
const NO_ROWS: readonly number[] = [];

/** The rows of one family. Row 0 is never used. */
export class ForeignRoutes {
  readonly family: Family;
  readonly prefixes: PrefixTable;
  /** Number of rows in use. */
  count = 0;

  /** First row of each prefix, by prefix id. */
  private head = new Uint32Array(INITIAL_ROWS);
  /** Columns by row. Rows of a prefix are chained by metric, then table, then the kernel's order. */
  private nextRow = new Uint32Array(INITIAL_ROWS);
  private prefixOf = new Uint32Array(INITIAL_ROWS);
  private tables = new Uint32Array(INITIAL_ROWS);
  private metrics = new Uint32Array(INITIAL_ROWS);
  private types = new Uint8Array(INITIAL_ROWS);
  private protocols = new Uint8Array(INITIAL_ROWS);
  private hopLists = new Uint32Array(INITIAL_ROWS);
  private end = 1;
  private readonly free = new U32Stack();
  private readonly lists: HopLists;
  private readonly changed: RouteChange;

  constructor(family: Family, lists: HopLists, changed: RouteChange) {
    this.family = family;
    this.prefixes = new PrefixTable(family);
    this.lists = lists;
    this.changed = changed;
  }

  /** Takes a route in as the kernel does. */
  add(route: RouteView, order: RouteOrder): void {
    // So the kernel tells of each route over a next-hop object that was replaced (fib_info_notify_update).
    if (order === 'replace' && route.nextHopId !== 0 && this.has(route)) return;
    if (this.family === IPV6_UNICAST) return this.add6(route, order);
    const list = this.lists.acquire(route);
    const id = this.intern(route);
    const same = this.head[id] === 0 ? NO_ROWS : this.group(id, route);
    if (order === 'replace') {
      // The kernel replaces the first route of the group (net/ipv4/fib_trie.c, fib_table_insert).
      const twin = same.find((row) => this.is(row, route, list));
      if (twin === undefined || twin !== same[0]) {
        for (const row of new Set([same[0], twin])) if (row !== undefined) this.unlink(row);
        this.link(id, route, list, false);
      }
    } else if (!same.some((row) => this.is(row, route, list))) {
      this.link(id, route, list, order === 'append');
    }
    this.lists.release(list);
    this.prefixes.drop(id);
  }

  /** Takes a route out as the kernel does. */
  remove(route: RouteView): void {
    const id = this.prefixes.find(route.a0, route.a1, route.a2, route.a3, route.length);
    if (id === 0) return;
    const wanted = this.identities(route);
    for (const row of this.group(id, route)) {
      const identity = this.identityOf(row);
      const gone = this.family === IPV6_UNICAST ? wanted.includes(identity) : wanted.join() === identity;
      if (!gone || !this.isOfKind(row, route)) continue;
      this.unlink(row);
      if (this.family !== IPV6_UNICAST) return;
    }
  }

  /** Whether there is a route of the same prefix, table and metric. */
  hasAlike(route: RouteView): boolean {
    const id = this.prefixes.find(route.a0, route.a1, route.a2, route.a3, route.length);
    return this.group(id, route).length > 0;
  }

  /** Takes out all rows whose list of next hops is marked and for which `test` holds. */
  removeMarked(marks: Uint8Array, test: (row: number) => boolean): void {
    for (let row = 1; row < this.end; row++) {
      const list = this.hopLists[row];
      if (list !== 0 && marks[list] === 1 && test(row)) this.unlink(row);
    }
  }

  /** Calls `visit` with the prefix id and list of all rows whose list of next hops is marked. */
  forMarked(marks: Uint8Array, visit: (prefixId: number, hopList: number) => void): void {
    for (let row = 1; row < this.end; row++) {
      const list = this.hopLists[row];
      if (list !== 0 && marks[list] === 1) visit(this.prefixOf[row], list);
    }
  }

  /** The rows of a prefix, the preferred ones first within each table. */
  rowsOf(prefixId: number): number[] {
    const rows: number[] = [];
    for (let row = this.head[prefixId]; row !== 0; row = this.nextRow[row]) rows.push(row);
    return rows;
  }

  /** The rows that share prefix, table and metric with `row`, in the kernel's order. */
  alike(row: number): number[] {
    const same = (other: number) =>
      this.tables[other] === this.tables[row] && this.metrics[other] === this.metrics[row];
    return this.rowsOf(this.prefixOf[row]).filter(same);
  }

  prefixOfRow(row: number): Prefix {
    return this.prefixes.prefix(this.prefixOf[row]);
  }

  table(row: number): number {
    return this.tables[row];
  }

  metric(row: number): number {
    return this.metrics[row];
  }

  /** `RTN_*`. */
  type(row: number): number {
    return this.types[row];
  }

  /** `RTPROT_*`. */
  protocol(row: number): number {
    return this.protocols[row];
  }

  hopList(row: number): number {
    return this.hopLists[row];
  }

  /**
   * Whether the kernel joins this row with others alike into one route with several next hops
   * (net/ipv6/ip6_fib.c, rt6_qualify_for_ecmp). Default routers that it learned from advertisements itself it takes in
   * turn instead; here they count as one route, too.
   */
  joins(row: number): boolean {
    return canJoin(this.lists.get(this.hopLists[row]), this.protocols[row]);
  }

  /** Whether a prefix has the same rows in both shadows, which share their lists of next hops. */
  sameRows(prefixId: number, other: ForeignRoutes, otherId: number): boolean {
    let a = this.head[prefixId];
    let b = other.head[otherId];
    for (; a !== 0 && b !== 0; a = this.nextRow[a], b = other.nextRow[b]) {
      const same =
        this.hopLists[a] === other.hopLists[b] &&
        this.metrics[a] === other.metrics[b] &&
        this.tables[a] === other.tables[b] &&
        this.types[a] === other.types[b] &&
        this.protocols[a] === other.protocols[b];
      if (!same) return false;
    }
    return a === b;
  }

  /** Gives all lists of next hops back; the shadow must not be used any more. */
  dispose(): void {
    for (let row = 1; row < this.end; row++) if (this.hopLists[row] !== 0) this.lists.release(this.hopLists[row]);
  }

  /** One row per next hop; those of the same metric with gateways are what the kernel joins into one route. */
  private add6(route: RouteView, order: RouteOrder): void {
    const id = this.intern(route);
    const hops = route.nextHopId === 0 ? route.nextHops : [undefined];
    const added = hops.map((hop) => (hop === undefined ? this.lists.acquire(route) : this.lists.acquireHops([hop])));
    if (order === 'replace') this.makeWay(id, route, added);
    for (const list of added) {
      const twin = this.group(id, route).find((row) => this.isSibling(row, route, list));
      if (twin !== undefined && this.hopLists[twin] !== list) this.unlink(twin);
      // What is there already stays: the kernel tells of all siblings when one is added.
      if (twin === undefined || this.hopLists[twin] !== list) this.link(id, route, list, true);
      this.lists.release(list);
    }
    this.prefixes.drop(id);
  }

  /** Takes out what an IPv6 route replaces (net/ipv6/ip6_fib.c, fib6_add_rt2node). */
  private makeWay(id: number, route: RouteView, added: readonly number[]): void {
    const same = this.group(id, route);
    const joins = added.length > 0 && canJoin(this.lists.get(added[0]), route.protocol);
    const like = same.filter((row) => this.joins(row) === joins);
    const victims = like.length > 0 ? like : same;
    // A route of several next hops goes as a whole, of the others the first one.
    const gone = victims.length > 0 && this.joins(victims[0]) ? victims : victims.slice(0, 1);
    const kept = (row: number) => added.some((list) => this.is(row, route, list));
    for (const row of gone) if (!kept(row)) this.unlink(row);
  }

  /** Whether just this route is there. */
  private has(route: RouteView): boolean {
    const id = this.prefixes.find(route.a0, route.a1, route.a2, route.a3, route.length);
    const identity = this.identities(route).join();
    return this.group(id, route).some((row) => this.isOfKind(row, route) && this.identityOf(row) === identity);
  }

  /** The id of the route's prefix, held so that it stays while rows come and go. */
  private intern(route: RouteView): number {
    const id = this.prefixes.intern(route.a0, route.a1, route.a2, route.a3, route.length);
    this.prefixes.hold(id);
    if (id >= this.head.length) this.head = growColumn(this.head, grownCapacity(this.head.length, id + 1));
    return id;
  }

  /** The rows of a prefix in the route's table with its metric. */
  private group(id: number, { table, metric }: RouteView): number[] {
    return this.rowsOf(id).filter((row) => this.tables[row] === table && this.metrics[row] === metric);
  }

  private is(row: number, route: RouteView, list: number): boolean {
    return this.hopLists[row] === list && this.types[row] === route.type && this.protocols[row] === route.protocol;
  }

  /** As {@link is}, but the weight may differ. */
  private isSibling(row: number, route: RouteView, list: number): boolean {
    return this.isOfKind(row, route) && this.identityOf(row) === this.listIdentity(list);
  }

  /** Whether type and protocol agree. Messages about joined IPv6 routes have the protocol of one of them. */
  private isOfKind(row: number, { type, protocol, family }: RouteView): boolean {
    if (this.types[row] !== type) return false;
    if (this.protocols[row] === protocol) return true;
    return family === IPV6_UNICAST && this.joins(row) && mayJoin(protocol);
  }

  private identityOf(row: number): string {
    return this.listIdentity(this.hopLists[row]);
  }

  private listIdentity(list: number): string {
    const { hops, objectId } = this.lists.get(list);
    return objectId === 0 ? hops.map(hopIdentity).join() : `#${objectId}`;
  }

  private identities(route: RouteView): string[] {
    return route.nextHopId === 0 ? route.nextHops.map(hopIdentity) : [`#${route.nextHopId}`];
  }

  /** Makes a row, before or after those with the same metric and table. */
  private link(id: number, route: RouteView, list: number, after: boolean): void {
    const row = this.free.length > 0 ? this.free.pop() : this.end++;
    if (row >= this.nextRow.length) this.growRows(row + 1);
    this.prefixOf[row] = id;
    this.tables[row] = route.table;
    this.metrics[row] = route.metric;
    this.types[row] = route.type;
    this.protocols[row] = route.protocol;
    this.hopLists[row] = list;
    this.lists.hold(list);
    this.prefixes.hold(id);
    let previous = 0;
    for (let at = this.head[id]; at !== 0 && !this.precedes(row, at, after); at = this.nextRow[at]) previous = at;
    this.nextRow[row] = previous === 0 ? this.head[id] : this.nextRow[previous];
    if (previous === 0) this.head[id] = row;
    else this.nextRow[previous] = row;
    this.count++;
    this.changed(id, list);
  }

  private precedes(row: number, other: number, after: boolean): boolean {
    if (this.metrics[row] !== this.metrics[other]) return this.metrics[row] < this.metrics[other];
    if (this.tables[row] !== this.tables[other]) return this.tables[row] < this.tables[other];
    return !after;
  }

  private unlink(row: number): void {
    const id = this.prefixOf[row];
    const list = this.hopLists[row];
    if (this.head[id] === row) this.head[id] = this.nextRow[row];
    else {
      let previous = this.head[id];
      while (this.nextRow[previous] !== row) previous = this.nextRow[previous];
      this.nextRow[previous] = this.nextRow[row];
    }
    this.count--;
    this.changed(id, list);
    this.hopLists[row] = 0;
    this.free.push(row);
    this.lists.release(list);
    this.prefixes.drop(id);
  }

  private growRows(needed: number): void {
    const capacity = grownCapacity(this.nextRow.length, needed);
    this.nextRow = growColumn(this.nextRow, capacity);
    this.prefixOf = growColumn(this.prefixOf, capacity);
    this.tables = growColumn(this.tables, capacity);
    this.metrics = growColumn(this.metrics, capacity);
    this.types = growColumn(this.types, capacity);
    this.protocols = growColumn(this.protocols, capacity);
    this.hopLists = growColumn(this.hopLists, capacity);
  }
}

function canJoin(list: { readonly hops: readonly { readonly gateway: Uint8Array }[] }, protocol: number): boolean {
  return mayJoin(protocol) && list.hops.length > 0 && list.hops[0].gateway.length > 0;
}

function mayJoin(protocol: number): boolean {
  return protocol !== RTPROT_KERNEL && protocol !== RTPROT_REDIRECT;
}
