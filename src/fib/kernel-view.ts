/**
 * What the kernel has that is not the daemon's: interfaces, addresses, neighbours that don't answer, and routes of others.
 * Built from dumps, kept by notifications; whoever wants to know what changed asks.
 */
import { addressBits } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { NeighbourStates } from './neighbour-states.ts';
import { listAddresses, readAddress } from './netlink/addresses.ts';
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
} from './netlink/constants.ts';
import { listLinks, readLink } from './netlink/links.ts';
import type { Link } from './netlink/links.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import type { MessageReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import { listNeighbours, readNeighbour, writeUseNeighbour } from './netlink/neighbours.ts';
import type { NeighbourAddress } from './netlink/neighbours.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import type { RouteOwner } from './netlink/routes.ts';
import { OwnAddresses } from './own-addresses.ts';
import type { PrefixTable } from '../rib/prefix-table.ts';
import { RangeRoutes } from './range-routes.ts';
import type { RangeChanges } from './range-routes.ts';
import { RouteShadow } from './route-shadow.ts';
import type { CoveringRoute, OwnRoutes, ShadowSurroundings } from './route-shadow.ts';
import { ViewChanges } from './view-changes.ts';
import type { Dependency } from './view-changes.ts';
import { WorkloadRoutes } from './workload-routes.ts';
import type { WorkloadChanges, WorkloadWay } from './workload-routes.ts';

/** What a view is made with. */
export interface KernelViewOptions {
  /** Routes of this table and protocol are the daemon's own and never looked at. */
  readonly owner: RouteOwner;
  /** Globs of the interfaces whose host routes lead to workloads, e.g. `cali*`. */
  readonly workloadInterfaces: readonly string[];
}

/** The view. */
export class KernelView {
  private readonly client: NetlinkClient;
  private readonly attributes = new AttributeReader();
  private readonly routes: RouteShadow;
  private readonly neighbours = new NeighbourStates((key) => this.depend(`neighbour ${key}`));
  private readonly addresses = new OwnAddresses((address) => {
    this.depend(`own ${address}`);
    this.addressesChanged = true;
  });
  private readonly workloads: WorkloadRoutes;
  private readonly workloadInterfaces = new Set<number>();
  private readonly ranges = new RangeRoutes();
  private readonly byIndex = new Map<number, Link>();
  private readonly byName = new Map<string, Link>();
  private changes = new ViewChanges();
  private changeCount = 0;
  private addressesChanged = false;
  private routesMayBeGone = false;
  private lostLinks: number[] = [];

  constructor(client: NetlinkClient, { owner, workloadInterfaces }: KernelViewOptions) {
    this.client = client;
    this.workloads = new WorkloadRoutes(workloadInterfaces);
    this.routes = new RouteShadow(client, owner, this.surroundings());
  }

  /**
   * Reads everything anew, and gives the daemon's own routes to `own`. Throws {@link NetlinkError}; what was not read
   * again stays as it was.
   */
  refresh(own?: OwnRoutes): void {
    this.refreshLinks();
    this.neighbours.replace(listNeighbours(this.client));
    this.routes.refresh(own);
    this.routesMayBeGone = false;
  }

  /**
   * Reads interfaces and addresses anew: for whoever changed some himself and hears no notifications of his own changes.
   * Throws {@link NetlinkError}.
   */
  refreshLinks(): void {
    const links = listLinks(this.client);
    const present = new Set(links.map(({ index }) => index));
    for (const link of this.byIndex.values()) if (!present.has(link.index)) this.removeLink(link);
    for (const link of links) this.setLink(link);
    this.addresses.replace(listAddresses(this.client));
  }

  /** Whether the kernel may have removed routes without a word, so that {@link refresh} is due. */
  get refreshDue(): boolean {
    return this.routesMayBeGone || this.routes.stale;
  }

  /** Takes in one notification; returns whether what is known changed. */
  notify(message: MessageReader): boolean {
    const before = this.changeCount;
    switch (message.type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
        this.notifyLink(message);
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        this.notifyAddress(message);
        break;
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH: {
        const neighbour = readNeighbour(message, this.attributes);
        if (neighbour !== undefined) this.neighbours.update(neighbour, message.type === RTM_DELNEIGH);
        break;
      }
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        this.routes.notifyRoute(message);
        break;
      case RTM_NEWNEXTHOP:
      case RTM_DELNEXTHOP:
        this.routes.notifyObject(message);
        break;
    }
    return this.changeCount !== before;
  }

  linkByName(name: string): Link | undefined {
    return this.byName.get(name);
  }

  linkByIndex(index: number): Link | undefined {
    return this.byIndex.get(index);
  }

  /** All addresses of this node, canonical, link-local ones without zone. */
  get ownAddresses(): ReadonlySet<string> {
    return this.addresses.all;
  }

  /** Whether an interface has this address, given canonical. */
  isOwnOn(interfaceIndex: number, address: string): boolean {
    return this.addresses.isOn(interfaceIndex, address);
  }

  /** The route to an address given as a host prefix, own routes aside; undefined if there is none. */
  lookUp(host: Prefix): CoveringRoute | undefined {
    return this.routes.lookUp(host);
  }

  /** The neighbours that don't answer, by `neighbourKey`. */
  get failedNeighbours(): ReadonlyMap<string, NeighbourAddress> {
    return this.neighbours.failed;
  }

  /** From now on, a neighbour that failed counts as such until it answers, even if the kernel forgets it meanwhile. */
  watchNeighbour(key: string): void {
    this.neighbours.watched.add(key);
  }

  unwatchNeighbour(key: string): void {
    this.neighbours.watched.delete(key);
  }

  /** Has the kernel look for neighbours again. Throws {@link NetlinkError} if it can't be asked. */
  probeNeighbours(neighbours: readonly NeighbourAddress[]): void {
    const writer = new MessageWriter(256);
    for (const neighbour of neighbours) writeUseNeighbour(writer, neighbour);
    // A link that is gone or down refuses; its notification says the rest.
    this.client.execute(writer, () => {});
  }

  /** Indices of the interfaces that went down or lost their carrier since the last call, be they up again or not. */
  takeLostLinks(): readonly number[] {
    const { lostLinks } = this;
    if (lostLinks.length > 0) this.lostLinks = [];
    return lostLinks;
  }

  /** What changed for next hops since the last call; undefined if nothing did. */
  takeChanges(): ViewChanges | undefined {
    if (this.changes.empty) return undefined;
    const { changes } = this;
    this.changes = new ViewChanges();
    return changes;
  }

  /** Says by other globs which interfaces are those of workloads. */
  setWorkloadInterfaces(globs: readonly string[]): void {
    this.workloads.setInterfaces(globs);
    for (const { index, name } of this.byIndex.values()) this.classify(index, name);
  }

  /** The routes to workloads that came and went since the last call, all at first; undefined if none did. */
  takeWorkloadChanges(): WorkloadChanges | undefined {
    return this.workloads.take((prefix) => this.wayToWorkload(prefix));
  }

  /** Says within which ranges prefixes that have routes are told. */
  setRanges(ranges: readonly Prefix[]): void {
    this.ranges.setRanges(ranges);
    this.routes.forPrefixes((prefixes, id) => this.touchInRange(prefixes, id));
  }

  /** The prefixes within ranges that got routes, or lost them, since the last call; undefined if none did. */
  takeRangeChanges(): RangeChanges | undefined {
    return this.ranges.take((prefix) => this.routes.nextHopsOf(prefix).length > 0);
  }

  /** Whether the addresses of this node changed since the last call. */
  takeAddressesChanged(): boolean {
    const changed = this.addressesChanged;
    this.addressesChanged = false;
    return changed;
  }

  private surroundings(): ShadowSurroundings {
    return {
      isUp: (index) => this.byIndex.get(index)?.up === true,
      works: (index) => {
        const link = this.byIndex.get(index);
        return link !== undefined && link.up && link.carrier;
      },
      touched: ({ family, prefixes }, id, hops) => {
        const { a0, a1, a2, a3, length } = prefixes;
        this.changeCount++;
        this.changes.touch(family, a0[id], a1[id], a2[id], a3[id], length[id]);
        const ofWorkload = length[id] === addressBits(family) && hops.some((hop) => this.isOfWorkload(hop));
        if (ofWorkload) this.workloads.touch(prefixes.prefix(id));
        this.touchInRange(prefixes, id);
      },
    };
  }

  private touchInRange(prefixes: PrefixTable, id: number): void {
    const { a0, a1, a2, a3, length } = prefixes;
    const inRange = this.ranges.covers(prefixes.family, a0[id], a1[id], a2[id], a3[id], length[id]);
    if (inRange) this.ranges.touch(prefixes.prefix(id));
  }

  private wayToWorkload(prefix: Prefix): WorkloadWay | undefined {
    const hop = this.routes.nextHopsOf(prefix).find((one) => this.isOfWorkload(one));
    const link = hop === undefined ? undefined : this.byIndex.get(hop.interfaceIndex);
    return link === undefined ? undefined : { interface: link.name, metric: this.routes.lookUp(prefix)?.metric ?? 0 };
  }

  private isOfWorkload({ interfaceIndex }: { readonly interfaceIndex: number }): boolean {
    return this.workloadInterfaces.has(interfaceIndex);
  }

  private depend(dependency: Dependency): void {
    this.changes.dependencies.add(dependency);
    this.changeCount++;
  }

  private notifyLink(message: MessageReader): void {
    const link = readLink(message, this.attributes);
    if (link === undefined) return;
    if (message.type === RTM_NEWLINK) return this.setLink(link);
    const known = this.byIndex.get(link.index);
    if (known !== undefined) this.removeLink(known);
  }

  private setLink(link: Link): void {
    const { index, name, up, carrier } = link;
    const before = this.byIndex.get(index);
    this.byIndex.set(index, link);
    this.byName.set(name, link);
    if (before?.name !== name) this.rename(index, before?.name, name);
    if (before !== undefined && before.up === up && before.carrier === carrier) return;
    this.depend(`link ${index}`);
    this.depend(`name ${name}`);
    if (before !== undefined) this.lost(before, link);
  }

  private removeLink(link: Link): void {
    const { index, name } = link;
    this.lost(link, { ...link, up: false, carrier: false });
    this.routes.dropRoutesOver(index, true);
    // A dump that tells that IPv6 routes over it are gone may come later, when nothing says any more whose they were.
    if (this.workloadInterfaces.has(index)) this.routes.touchRoutesOver(index);
    this.byIndex.delete(index);
    if (this.byName.get(name)?.index === index) this.byName.delete(name);
    this.workloadInterfaces.delete(index);
    this.depend(`link ${index}`);
    this.depend(`name ${name}`);
  }

  /** Drops what the kernel drops, mostly without a word, when a link goes down or loses its carrier. */
  private lost(before: Link, { index, up, carrier }: Link): void {
    if (before.up && before.carrier && !(up && carrier)) {
      this.neighbours.forgetInterface(index);
      this.routes.dropObjectsOf(index);
      this.lostLinks.push(index);
    }
    if (!before.up || up) return;
    this.routes.dropRoutesOver(index, false);
    this.routesMayBeGone ||= !this.workloadInterfaces.has(index);
  }

  private rename(index: number, before: string | undefined, name: string): void {
    if (before !== undefined) {
      if (this.byName.get(before)?.index === index) this.byName.delete(before);
      this.depend(`name ${before}`);
      // Next hops are told with the names of their links.
      this.depend(`link ${index}`);
    }
    this.depend(`name ${name}`);
    this.classify(index, name);
  }

  /** Finds out whether an interface is one of a workload. */
  private classify(index: number, name: string): void {
    const wasWorkload = this.workloadInterfaces.delete(index);
    const isWorkload = this.workloads.matches(name);
    // Touching takes effect only while the interface counts as a workload's.
    if (wasWorkload || isWorkload) this.workloadInterfaces.add(index);
    if (wasWorkload !== isWorkload) this.routes.touchRoutesOver(index);
    if (!isWorkload) this.workloadInterfaces.delete(index);
  }

  private notifyAddress(message: MessageReader): void {
    const address = readAddress(message, this.attributes);
    if (address === undefined) return;
    const deleted = message.type === RTM_DELADDR;
    this.addresses.update(address, deleted);
    if (!deleted || address.address.length !== 4) return;
    // Routes with the address as their preferred source go without a word (net/ipv4/fib_semantics.c, fib_sync_down_addr),
    // and with the last address of an interface all routes over it.
    this.routesMayBeGone = true;
    if (!this.addresses.hasIpv4(address.interfaceIndex)) this.routes.dropRoutesOver(address.interfaceIndex, true);
  }
}
