/** Parts of a neighbour that follow from the two ends of its session, whatever resource the neighbour comes from. */
import { parseU32 } from '../net/address.ts';
import { IPV4_UNICAST } from '../net/family.ts';
import type { Node } from '../resources/kinds/node.ts';
import { formatPeerIP } from '../resources/peer-address.ts';
import type { PeerAddress } from '../resources/peer-address.ts';
import type { Neighbour } from './neighbour.ts';
import type { Self } from './self.ts';

/** The port of BGP (RFC 4271 §8.2.1). */
export const BGP_PORT = 179;

/**
 * Seconds. The 240 of BIRD, and so of Calico's nodes, leave the traffic to a dead node lost for up to four minutes; 90 is
 * what RFC 4271 §10 suggests.
 */
export const HOLD_TIME = 90;

/** The longest hold time there is, in seconds (RFC 4271 §4.2: two octets). */
export const MAX_HOLD_TIME = 65535;

/** Seconds for graceful restart, as BIRD's and so Calico's. */
export const RESTART_TIME = 120;

/** Identity of a neighbour: the address, and the port where it is not the usual one. */
export function neighbourKey({ address, family }: PeerAddress, port: number): string {
  return formatPeerIP({ address, family, port: port === BGP_PORT ? undefined : port });
}

/**
 * Source address of sessions to a neighbour: the node's address of the same family. A link-local neighbour is talked to
 * from a link-local address, which the kernel knows.
 */
export function localAddressFor({ address, family }: PeerAddress, { addresses }: Self): string | undefined {
  if (address.includes('%')) return undefined;
  return family === IPV4_UNICAST ? addresses.ipv4 : addresses.ipv6;
}

/**
 * Whether this node waits for another node of the cluster to connect. The rule is that of Calico's nodes, a comparison of
 * the addresses as text, so that two nodes of either kind agree on who opens the connection.
 */
export function waitsFor(remote: PeerAddress, self: Self): boolean {
  const own = localAddressFor(remote, self);
  return own !== undefined && remote.address > own;
}

/**
 * Route reflection (RFC 4456): on a reflector every iBGP neighbour is a client, except reflectors of the same cluster.
 * `node` is the node of the cluster that the neighbour is, if any.
 */
export function reflection(
  self: Self,
  external: boolean,
  node: Node | undefined,
): Pick<Neighbour, 'reflectorClient' | 'clusterId'> {
  const { clusterId } = self;
  if (clusterId === undefined) return { reflectorClient: false };
  return { reflectorClient: !external && (node === undefined || clusterIdOf(node) !== clusterId), clusterId };
}

/** Cluster id of a node that is a route reflector. */
export function clusterIdOf(node: Node): number | undefined {
  const id = node.spec.bgp.routeReflectorClusterID;
  return id === undefined ? undefined : parseU32(id);
}
