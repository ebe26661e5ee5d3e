/** What this node's VXLAN tunnels should be. */
import type { Family } from '../net/family.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import type { FelixSettings } from './felix-settings.ts';
import type { Pool } from './pools.ts';
import { quoted } from './problem.ts';
import type { EncapsulationProblem } from './problem.ts';
import { TUNNEL_FAMILIES, macProblems, vxlanEndpoint } from './vxlan-endpoints.ts';
import type { TunnelFamily, VxlanEndpoint } from './vxlan-endpoints.ts';

/** Felix' defaults. */
const DEFAULT_VNI = 4096;
const DEFAULT_PORT = 4789;

/** The tunnel of one family. Addresses and MAC addresses are canonical text. */
export interface VxlanPlan {
  readonly family: Family;
  readonly device: string;
  readonly vni: number;
  /** UDP port. */
  readonly port: number;
  /** Left out where it follows from the underlying device. */
  readonly mtu?: number;
  readonly mac: string;
  /** Address of this node that tunnel packets come from. */
  readonly localAddress: string;
  /** Address of the device itself; left out where the node has none. */
  readonly tunnelAddress?: string;
  /** The other nodes, by name. No two of them, nor this node, share an address, gateway or MAC address. */
  readonly peers: readonly VxlanEndpoint[];
  /** Felix sets the tunnel up, and sees to its peers: the plan has none. */
  readonly leftToFelix?: true;
}

interface Planned {
  readonly plans: readonly VxlanPlan[];
  readonly problems: readonly EncapsulationProblem[];
}

/** One plan for each family that `pools`, all of them VXLAN pools, has and this node has an address of. */
export function vxlanPlans(
  pools: readonly Pool[],
  nodes: readonly ResourceOf<'Node'>[],
  name: string,
  felix: FelixSettings,
): Planned {
  const planned = TUNNEL_FAMILIES.flatMap((family) => {
    const names = pools.filter(({ prefix }) => prefix.family === family.family).map((pool) => pool.name);
    return names.length === 0 ? [] : [plan(family, names, nodes, name, felix)];
  });
  return {
    plans: planned.flatMap(({ plans }) => plans),
    problems: planned.flatMap(({ problems }) => problems),
  };
}

function plan(
  family: TunnelFamily,
  pools: readonly string[],
  nodes: readonly ResourceOf<'Node'>[],
  name: string,
  felix: FelixSettings,
): Planned {
  const node = nodes.find(({ metadata }) => metadata.name === name);
  const self = node && vxlanEndpoint(node, family);
  if (node === undefined || self === undefined) {
    return { plans: [], problems: felix.present ? [] : [unplaced(family, pools, name)] };
  }
  const { vxlanVNI: vni = DEFAULT_VNI, vxlanPort: port = DEFAULT_PORT, [family.mtu]: mtu = 0 } = felix.spec;
  const tunnelAddress = node.spec[family.tunnelAddress];
  const own = {
    family: family.family,
    device: family.device,
    vni,
    port,
    ...(mtu > 0 && { mtu }),
    mac: self.mac,
    localAddress: self.address,
    ...(tunnelAddress !== undefined && { tunnelAddress }),
  };
  if (felix.present) return { plans: [{ ...own, peers: [], leftToFelix: true }], problems: [] };
  const { peers, problems } = distinctPeers(family, pools, nodes, self);
  const mixed = tunnelAddress === undefined ? nodes.filter(({ spec }) => spec[family.tunnelAddress] !== undefined) : [];
  return {
    plans: [{ ...own, peers }],
    problems: [...unreachableByFelix(family, name, mixed), ...problems],
  };
}

function unplaced({ name: family, address }: TunnelFamily, pools: readonly string[], node: string) {
  const message = `This node has no ${family} address, so it has no VXLAN tunnel, and addresses of ${quoted(pools)} on other nodes can't be reached from it. Set bgp.${address} of Node "${node}".`;
  return { resource: `Node ${node}`, field: `bgp.${address}`, message };
}

/** Felix takes a node into its tunnel only once it has a tunnel address. */
function unreachableByFelix(
  { tunnelAddress }: TunnelFamily,
  node: string,
  others: readonly ResourceOf<'Node'>[],
): readonly EncapsulationProblem[] {
  if (others.length === 0) return [];
  const names = quoted(others.map(({ metadata }) => metadata.name));
  const message = `is not set, while other nodes have a tunnel address (${names}). Where they run Felix, it has no route to a node without one. Set it to an address of a VXLAN pool that nobody else has.`;
  return [{ resource: `Node ${node}`, field: tunnelAddress, message }];
}

/** The other nodes' endpoints; one that shares an address with a node before it is left out rather than mistaken for it. */
function distinctPeers(
  family: TunnelFamily,
  pools: readonly string[],
  nodes: readonly ResourceOf<'Node'>[],
  self: VxlanEndpoint,
): { peers: readonly VxlanEndpoint[]; problems: readonly EncapsulationProblem[] } {
  const peers: VxlanEndpoint[] = [];
  const problems: EncapsulationProblem[] = [];
  const without: string[] = [];
  const taken: Taken = { address: new Map(), gateway: new Map(), mac: new Map() };
  take(taken, self);
  for (const node of nodes) {
    problems.push(...macProblems(node, family));
    if (node.metadata.name === self.node) continue;
    const endpoint = vxlanEndpoint(node, family);
    if (endpoint === undefined) {
      without.push(node.metadata.name);
      continue;
    }
    const shared = IDENTIFYING.find((field) => taken[field].has(endpoint[field]));
    if (shared !== undefined) problems.push(sharing(family, endpoint, shared, taken));
    else peers.push(take(taken, endpoint));
  }
  if (without.length > 0) problems.push(unreachable(family, pools, without));
  return { peers, problems };
}

/** What tells endpoints apart in the kernel's tables. */
const IDENTIFYING = ['address', 'gateway', 'mac'] as const;

/** Which node has which address. */
type Taken = Readonly<Record<(typeof IDENTIFYING)[number], Map<string, string>>>;

function take(taken: Taken, endpoint: VxlanEndpoint): VxlanEndpoint {
  for (const field of IDENTIFYING) taken[field].set(endpoint[field], endpoint.node);
  return endpoint;
}

function sharing(family: TunnelFamily, endpoint: VxlanEndpoint, what: keyof Taken, taken: Taken) {
  const field = { address: `bgp.${family.address}`, gateway: family.tunnelAddress, mac: family.mac }[what];
  const message = `${endpoint[what]} is that of node "${taken[what].get(endpoint[what])}" as well. No VXLAN tunnel leads to node "${endpoint.node}", because it might lead to the other. Give each a different one.`;
  return { resource: `Node ${endpoint.node}`, field, message };
}

function unreachable({ name, address }: TunnelFamily, pools: readonly string[], nodes: readonly string[]) {
  const message = `Addresses of ${quoted(pools)} on nodes without an ${name} address (${quoted(nodes)}) can't be reached by VXLAN. Set bgp.${address} of these nodes.`;
  return { resource: `IPPool ${pools[0]}`, field: 'vxlanMode', message };
}
