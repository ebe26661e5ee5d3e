/**
 * One next hop as the kernel takes it (RFC 4271 §9.1.2.1): which gateway on which link leads to an address, by the routes of
 * others, never by the daemon's own; why there is none, in words; and what the answer depends on.
 */
import { formatAddress, isLinkLocal, parseAddress } from '../net/address.ts';
import { addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, prefixFromBytes } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { KernelView } from './kernel-view.ts';
import { neighbourKey } from './neighbour-states.ts';
import { RTN_LOCAL, RTN_UNICAST } from './netlink/constants.ts';
import type { Link } from './netlink/links.ts';
import type { KernelNextHop } from './netlink/routes.ts';
import type { FibNextHop } from './next-hop.ts';
import type { CoveringRoute } from './route-shadow.ts';
import { protocolName, typeWords } from './route-words.ts';
import type { TunnelTable } from './tunnel-plan.ts';
import type { Dependency } from './view-changes.ts';

/** What a next hop comes to. */
export type Resolution =
  | {
      /** At least one; several where the route that leads to the next hop has several. */
      readonly hops: readonly KernelNextHop[];
      /** 0 where it is on a network that this node is connected to, else the metric of the route to it, at least 1. */
      readonly metric: number;
      /** How it is reached, e.g. `directly connected on eth0`. */
      readonly words: string;
    }
  | {
      /** Why it can't be reached. */
      readonly why: string;
    };

/** What an answer depends on: something of the view, or the tunnels to other nodes. */
export type Need = Dependency | 'vxlan';

/** A resolution and what it depends on. */
export interface Answer {
  readonly resolution: Resolution;
  readonly needs: ReadonlySet<Need>;
  /** The address whose covering route counts, as a host prefix. */
  readonly host: Prefix | undefined;
}

/** Device of the kernel for IP in IP, there as soon as its module is loaded. */
const IPIP_DEVICE = 'tunl0';
const NO_GATEWAY: Uint8Array = new Uint8Array(0);
const OWN: Resolution = { why: 'it is an address of this node itself' };

/**
 * What a next hop comes to, by what the view knows now. `ways` are gateways by the address that is reached by them, canonical:
 * of the daemon's own routes those alone count.
 */
export function resolveNextHop(
  view: KernelView,
  tunnels: TunnelTable,
  ways: ReadonlyMap<string, string>,
  hop: FibNextHop,
): Answer {
  return new Attempt(view, tunnels, ways).answer(hop);
}

/** The way into a tunnel. */
interface TunnelDevice {
  readonly gateway: Uint8Array;
  readonly link: Link;
}

/** One resolution in the making: notes on its way what the answer depends on. */
class Attempt {
  private readonly view: KernelView;
  private readonly tunnels: TunnelTable;
  private readonly ways: ReadonlyMap<string, string>;
  private readonly needs = new Set<Need>();
  private host: Prefix | undefined;

  constructor(view: KernelView, tunnels: TunnelTable, ways: ReadonlyMap<string, string>) {
    this.view = view;
    this.tunnels = tunnels;
    this.ways = ways;
  }

  answer(hop: FibNextHop): Answer {
    const resolution = hop.tunnel === undefined ? this.plain(hop) : this.tunnelled(hop, hop.tunnel);
    return { resolution, needs: this.needs, host: this.host };
  }

  private plain(hop: FibNextHop): Resolution {
    if (hop.address === undefined) return this.onInterface(hop.interface, NO_GATEWAY, false);
    const { family, bytes, zone } = parseAddress(hop.address);
    const name = hop.interface ?? zone;
    if (isLinkLocal(bytes)) return this.onInterface(name, bytes, false);
    if (name !== undefined) return this.onInterface(name, bytes, true);
    const gateway = this.ways.get(formatAddress(bytes));
    return gateway === undefined ? this.recursive(family, bytes) : this.byWay(family, bytes, gateway);
  }

  private onInterface(name: string | undefined, gateway: Uint8Array, onlink: boolean): Resolution {
    if (name === undefined) return { why: 'a link-local next hop means nothing without its interface' };
    this.needs.add(`name ${name}`);
    const link = this.view.linkByName(name);
    if (link === undefined) return { why: `there is no interface ${name}` };
    const hop = { gateway, interfaceIndex: link.index, onlink, weight: 1 };
    if (gateway.length > 0 && this.isOwn(gateway, onlink ? undefined : link.index)) return OWN;
    const why = this.linkTrouble(link) ?? this.neighbourTrouble(hop, name);
    if (why !== undefined) return { why };
    return { hops: [hop], metric: 0, words: onlink ? `taken to be on ${name}` : `directly connected on ${name}` };
  }

  /** By a route of the daemon's own to just this address. */
  private byWay(family: Family, address: Uint8Array, gateway: string): Resolution {
    if (this.isOwn(address, undefined)) return OWN;
    const way = this.recursive(family, parseAddress(gateway).bytes);
    if ('why' in way) return { why: `its gateway ${gateway} can't be reached: ${way.why}` };
    return { ...way, metric: Math.max(1, way.metric), words: `by the static route via ${gateway}, ${way.words}` };
  }

  /** By the route of somebody else that covers the address. */
  private recursive(family: Family, address: Uint8Array): Resolution {
    this.host = prefixFromBytes(family, address, addressBits(family));
    if (this.isOwn(address, undefined)) return OWN;
    const route = this.view.lookUp(this.host);
    if (route === undefined) return { why: 'this node has no route to it' };
    if (route.type === RTN_LOCAL) return OWN;
    if (route.type !== RTN_UNICAST) return { why: typeWords(route) };
    const usable: KernelNextHop[] = [];
    const troubles: string[] = [];
    for (const hop of route.hops) {
      // Where the route has no gateway, the address itself is on the link.
      const direct = hop.gateway.length > 0 ? hop : { ...hop, gateway: address };
      const trouble = this.hopTrouble(direct);
      if (trouble === undefined) usable.push(direct);
      else troubles.push(trouble);
    }
    if (usable.length === 0) {
      return {
        why:
          troubles.length > 0 ? troubles.join('; ') : 'the route to it leads over a next-hop object that drops packets',
      };
    }
    const connected = route.hops.every(({ gateway }) => gateway.length === 0);
    const without = troubles.length === 0 ? '' : `; left out: ${troubles.join('; ')}`;
    return {
      hops: usable,
      metric: connected ? 0 : Math.max(1, route.metric),
      words: `${connected ? this.connectedWords(usable) : this.routeWords(route, usable)}${without}`,
    };
  }

  /** The packets are wrapped: the way to the address counts for the wrapped ones. */
  private tunnelled(hop: FibNextHop, { kind, crossSubnet }: NonNullable<FibNextHop['tunnel']>): Resolution {
    const underlay = this.plain(hop);
    if ('why' in underlay || (crossSubnet && underlay.metric === 0)) return underlay;
    const way = kind === 'ipip' ? this.ipip(hop.address!) : this.vxlan(hop.address!);
    if ('why' in way) return way;
    const { gateway, link } = way;
    const trouble = this.linkTrouble(link);
    if (trouble !== undefined) return { why: trouble };
    return {
      hops: [{ gateway, interfaceIndex: link.index, onlink: true, weight: 1 }],
      metric: underlay.metric,
      words: `through ${link.name} to ${hop.address}, ${underlay.words}`,
    };
  }

  private ipip(address: string): TunnelDevice | { readonly why: string } {
    const gateway = parseAddress(address).bytes;
    if (gateway.length !== 4) return { why: 'IP in IP is between IPv4 addresses only' };
    this.needs.add(`name ${IPIP_DEVICE}`);
    const link = this.view.linkByName(IPIP_DEVICE);
    return link === undefined ? { why: `there is no interface ${IPIP_DEVICE}` } : { gateway, link };
  }

  private vxlan(address: string): TunnelDevice | { readonly why: string } {
    this.needs.add('vxlan');
    const way = this.tunnels.vxlan(address);
    if ('why' in way) return way;
    this.needs.add(`link ${way.interfaceIndex}`);
    const link = this.view.linkByIndex(way.interfaceIndex);
    if (link === undefined) return { why: 'the VXLAN device is gone' };
    return { gateway: way.gateway, link };
  }

  private hopTrouble(hop: KernelNextHop): string | undefined {
    this.needs.add(`link ${hop.interfaceIndex}`);
    const link = this.view.linkByIndex(hop.interfaceIndex);
    if (link === undefined) return `interface ${hop.interfaceIndex} is gone`;
    return this.linkTrouble(link) ?? this.neighbourTrouble(hop, link.name);
  }

  private linkTrouble({ name, up, carrier }: Link): string | undefined {
    if (!up) return `interface ${name} is down`;
    return carrier ? undefined : `interface ${name} has no carrier`;
  }

  private neighbourTrouble({ gateway: address, interfaceIndex }: KernelNextHop, name: string): string | undefined {
    if (address.length === 0) return undefined;
    const key = neighbourKey({ address, interfaceIndex });
    this.needs.add(`neighbour ${key}`);
    if (!this.view.failedNeighbours.has(key)) return undefined;
    return `${formatAddress(address)} on ${name} does not answer (neighbour FAILED)`;
  }

  /** Whether an address is this node's; a link-local one counts on its link. */
  private isOwn(address: Uint8Array, interfaceIndex: number | undefined): boolean {
    const text = formatAddress(address);
    this.needs.add(`own ${text}`);
    return interfaceIndex === undefined ? this.view.ownAddresses.has(text) : this.view.isOwnOn(interfaceIndex, text);
  }

  private connectedWords(hops: readonly KernelNextHop[]): string {
    return `directly connected on ${hops.map((hop) => this.deviceName(hop)).join(' and ')}`;
  }

  private routeWords(route: CoveringRoute, hops: readonly KernelNextHop[]): string {
    const ways = hops.map((hop) => `via ${formatAddress(hop.gateway)} dev ${this.deviceName(hop)}`);
    const { prefix, protocol, metric } = route;
    return `by ${formatPrefix(prefix)} ${ways.join(' and ')} (${protocolName(protocol)}, metric ${metric})`;
  }

  private deviceName({ interfaceIndex }: KernelNextHop): string {
    return this.view.linkByIndex(interfaceIndex)!.name;
  }
}
