/** Where a route's packets go, as the RIB says it. */

/** A next hop of a route: a gateway, an interface, or a gateway on an interface. */
export interface FibNextHop {
  /** Canonical address of the gateway; left out for a route to the link itself. */
  readonly address?: string;
  /**
   * Name of the interface: needed for a link-local gateway and for a route to the link itself. With any other gateway
   * it says that the gateway is on that link although no address of the interface covers it.
   */
  readonly interface?: string;
  /** Share of the flows relative to the route's other next hops, 1..256. */
  readonly weight: number;
  /** Packets are wrapped on their way to `address`; `crossSubnet`: only where it is on no network this node is connected to. */
  readonly tunnel?: { readonly kind: 'ipip' | 'vxlan'; readonly crossSubnet: boolean };
}

/** Text that two next hops share only if they are the same but for their weight. */
export function nextHopKey(hop: FibNextHop): string {
  const tunnel = hop.tunnel === undefined ? '' : `/${hop.tunnel.kind}${hop.tunnel.crossSubnet ? '?' : ''}`;
  return `${hop.address ?? ''}%${hop.interface ?? ''}${tunnel}`;
}

/** The next hop as people write it. */
export function formatNextHop(hop: FibNextHop): string {
  const device = hop.interface === undefined ? [] : [`dev ${hop.interface}`];
  return [...(hop.address === undefined ? [] : [hop.address]), ...device].join(' ');
}
