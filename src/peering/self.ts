/** This node as a BGP speaker. */
import { createHash } from 'node:crypto';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { Labels } from '../resources/selector.ts';
import type { NodeAddresses } from './neighbour.ts';
import { clusterIdOf } from './session-terms.ts';

/** A workload of this node, as whoever connects workloads describes it. */
export interface LocalWorkload {
  readonly name: string;
  /** Canonical text; of each family the first counts. */
  readonly addresses: readonly string[];
  /** For the `localWorkloadSelector`s of BGPPeers, where nobody has asked them yet. */
  readonly labels?: Labels;
  /** Name of the BGPPeer whose `localWorkloadSelector` picks it, where that is known. */
  readonly bgpPeerName?: string;
}

/** Which node this is. */
export interface NodeIdentity {
  readonly name: string;
  /** As calico-node's CALICO_ROUTER_ID: an IPv4 address, or `hash` to derive one from the name. */
  readonly routerId?: string;
  /** Namespace of the Secrets that resources refer to. */
  readonly namespace: string;
  /** Those that may be neighbours; none where absent. */
  readonly localWorkloads?: readonly LocalWorkload[];
}

/** Addresses and TCP port to listen on. */
export interface ListenOn {
  /** Canonical text. `0.0.0.0` and `::` are all addresses of their family. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** What the resources say of this node. */
export interface Self {
  readonly name: string;
  readonly asn: number;
  /** Dotted. */
  readonly routerId: string;
  readonly listen: ListenOn;
  readonly addresses: NodeAddresses;
  /** Namespace of the Secrets that resources refer to. */
  readonly namespace: string;
  /** Cluster id, where the node is a route reflector (RFC 4456). */
  readonly clusterId?: number;
}

/** This node as its Node resource and the BGPConfigurations describe it. */
export function describeSelf(view: ClusterView, node: Node, identity: NodeIdentity): Self {
  const addresses = nodeAddresses(node);
  const clusterId = clusterIdOf(node);
  return {
    name: identity.name,
    asn: nodeAs(view, node),
    routerId: routerId(identity, addresses),
    listen: listenOn(view, identity, addresses),
    addresses,
    namespace: identity.namespace,
    ...(clusterId !== undefined && { clusterId }),
  };
}

/**
 * `bindMode: NodeIP` leaves out a family in which the node has no address. Workloads that are neighbours connect to the
 * addresses made for that, so these are listened on as well while there are such workloads.
 */
function listenOn(view: ClusterView, identity: NodeIdentity, { ipv4, ipv6 }: NodeAddresses): ListenOn {
  const settings = bgpSettings(view, identity.name);
  const { listenPort: port } = settings;
  if (settings.bindMode !== 'NodeIP') return { addresses: ['0.0.0.0', '::'], port };
  const forWorkloads =
    (identity.localWorkloads ?? []).length === 0
      ? []
      : [settings.localWorkloadPeeringIPV4, settings.localWorkloadPeeringIPV6];
  return { addresses: [ipv4, ipv6, ...forWorkloads].filter((address) => address !== undefined), port };
}

/** AS number of a node: its own, else that of the cluster. */
export function nodeAs(view: ClusterView, node: Node): number {
  return node.spec.bgp.asNumber ?? bgpSettings(view).asNumber;
}

/** The addresses of a node, without the lengths of their subnets. */
export function nodeAddresses(node: Node): NodeAddresses {
  const { ipv4Address, ipv6Address } = node.spec.bgp;
  return {
    ...(ipv4Address !== undefined && { ipv4: withoutLength(ipv4Address) }),
    ...(ipv6Address !== undefined && { ipv6: withoutLength(ipv6Address) }),
  };
}

function withoutLength(text: string): string {
  const slash = text.indexOf('/');
  return slash < 0 ? text : text.slice(0, slash);
}

/**
 * The router id: as asked for, else the node's IPv4 address. A node without one gets the hash of its name, because it must
 * have some router id, and the same after every start.
 */
function routerId({ name, routerId: wanted }: NodeIdentity, { ipv4 }: NodeAddresses): string {
  if (wanted !== undefined && wanted !== 'hash') return wanted;
  return wanted === undefined && ipv4 !== undefined ? ipv4 : hashedRouterId(name);
}

/** The router id that calico-node derives from a name; it stays out of the multicast and reserved ranges. */
function hashedRouterId(name: string): string {
  const [first, ...rest] = createHash('sha256').update(name).digest().subarray(0, 4);
  return [first > 223 ? first - 32 : first, ...rest].join('.');
}
