/**
 * The demo's fabric on paper: two top-of-rack switches, four nodes in two racks, a link from every node to both switches, and
 * what runs on it.
 */

/** AS of both switches: as they share it, neither takes a route back that the other one passed on (RFC 4271 §9). */
const TOR_AS = 64601;
const FIRST_NODE_AS = 64701;

/** Prefixes that pods get their addresses from; a node has one block of each. */
export const POD_POOLS = { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/48' } as const;
/** Prefixes that load balancers give services their addresses from. */
export const SERVICE_RANGES = { ipv4: '10.251.0.0/24', ipv6: 'fd00:10:251::/64' } as const;
/** Length of a node's block, as Calico's by default. */
const BLOCK_LENGTHS = { ipv4: 26, ipv6: 122 } as const;

/** A router of the fabric. */
export interface DemoRouter {
  readonly name: string;
  readonly asn: number;
  /** The address it is known by, on its loopback interface. */
  readonly address: string;
}

/** A node with pods. */
export interface DemoNode extends DemoRouter {
  readonly rack: string;
  readonly blocks: Addresses;
  /** Address of its pod. */
  readonly pod: Addresses;
}

/** A service of the cluster. */
export interface DemoService {
  readonly name: string;
  readonly clusterAddress: Addresses;
  /** The address that clients outside of the cluster use. */
  readonly address: Addresses;
  /** Nodes whose pod is one of the service's. */
  readonly podsOn: readonly string[];
  /** Whether only nodes with a pod of it may take its traffic, or all nodes of a rack with one, and the others as a backup. */
  readonly scope: 'Node' | 'Zone';
}

/** An address or a prefix of each family. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** One end of a link. */
export interface LinkEnd {
  readonly router: string;
  /** Name of the interface: that of the router at the other end. */
  readonly interfaceName: string;
  readonly address: Addresses;
  /** Lengths of the prefixes that both ends share. */
  readonly prefixLength: { readonly ipv4: number; readonly ipv6: number };
}

/** A link from a switch to a node. */
export interface DemoLink {
  readonly tor: LinkEnd;
  readonly node: LinkEnd;
}

/** The whole fabric. */
export interface Topology {
  readonly tors: readonly DemoRouter[];
  readonly nodes: readonly DemoNode[];
  readonly links: readonly DemoLink[];
  readonly services: readonly DemoService[];
}

/** The fabric of this many switches and nodes, up to 9 and 99. */
export function createTopology(torCount = 2, nodeCount = 4): Topology {
  const tors = Array.from({ length: torCount }, (_, i) => createTor(i + 1));
  const nodes = Array.from({ length: nodeCount }, (_, i) => createNode(i + 1, nodeCount));
  const links = tors.flatMap((tor, t) => nodes.map((node, n) => createLink(tor.name, t + 1, node.name, n + 1)));
  return { tors, nodes, links, services: createServices(nodes) };
}

/** All routers of a fabric, switches first. */
export function routersOf(topology: Topology): readonly DemoRouter[] {
  return [...topology.tors, ...topology.nodes];
}

/** Nodes that switches send the traffic of a service to. */
export function takers({ nodes }: Topology, { podsOn, scope }: DemoService): readonly DemoNode[] {
  const racks = nodes.filter(({ name }) => podsOn.includes(name)).map(({ rack }) => rack);
  return nodes.filter(({ name, rack }) => (scope === 'Node' ? podsOn.includes(name) : racks.includes(rack)));
}

/** One with a pod on each node of the first rack, one with a single pod, in the last rack. */
function createServices(nodes: readonly DemoNode[]): DemoService[] {
  const first = nodes.filter(({ rack }) => rack === nodes[0].rack).map(({ name }) => name);
  const last = nodes.find(({ rack }) => rack === nodes.at(-1)?.rack);
  return [createService('web', 10, first, 'Node'), createService('store', 20, last ? [last.name] : [], 'Zone')];
}

function createService(
  name: string,
  number: number,
  podsOn: readonly string[],
  scope: DemoService['scope'],
): DemoService {
  return {
    name,
    clusterAddress: { ipv4: `10.96.0.${number}`, ipv6: `fd00:10:96::${number}` },
    address: { ipv4: `10.251.0.${number}`, ipv6: `fd00:10:251::${number}` },
    podsOn,
    scope,
  };
}

function createTor(number: number): DemoRouter {
  return { name: `tor-${number}`, asn: TOR_AS, address: `10.250.1.${number}` };
}

function createNode(number: number, count: number): DemoNode {
  return {
    name: `node-${number}`,
    rack: number <= count / 2 ? 'rack-1' : 'rack-2',
    asn: FIRST_NODE_AS + number - 1,
    address: `10.250.0.${number}`,
    blocks: {
      ipv4: `10.244.${number}.0/${BLOCK_LENGTHS.ipv4}`,
      ipv6: `fd00:10:244:${number}::/${BLOCK_LENGTHS.ipv6}`,
    },
    pod: { ipv4: `10.244.${number}.1`, ipv6: `fd00:10:244:${number}::1` },
  };
}

function createLink(tor: string, t: number, node: string, n: number): DemoLink {
  const end = (router: string, interfaceName: string, last: number): LinkEnd => ({
    router,
    interfaceName,
    // Two addresses make a /31 (RFC 3021).
    address: {
      ipv4: `172.31.${t}.${2 * n + last}`,
      ipv6: `fd00:172:31:${t}${String(n).padStart(2, '0')}::${last + 1}`,
    },
    prefixLength: { ipv4: 31, ipv6: 64 },
  });
  return { tor: end(tor, node, 0), node: end(node, tor, 1) };
}
