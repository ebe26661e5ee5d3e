/** From the resources to the neighbours this node should have. */
import type { ClusterView } from '../resources/cluster-view.ts';
import { bgpPeerNeighbour, isGlobal } from './bgp-peer-neighbour.ts';
import { meshNeighbours } from './mesh-neighbours.ts';
import type { Neighbour } from './neighbour.ts';
import type { PeeringProblem } from './problem.ts';
import { describeSelf } from './self.ts';
import type { NodeIdentity, Self } from './self.ts';

/** The neighbours of a node. */
export interface Peering {
  /** This node; undefined where there is no Node of its name. */
  readonly self: Self | undefined;
  /** One for each key: first those of BGPPeers for all nodes, then of BGPPeers for some, then of the mesh, each by name. */
  readonly neighbours: readonly Neighbour[];
  /** Routes to neighbours that are out of reach without them (`reachableBy`). */
  readonly staticRoutes: readonly StaticRoute[];
  readonly problems: readonly PeeringProblem[];
}

/** A route of this node's own. */
export interface StaticRoute {
  /** Canonical text. */
  readonly prefix: string;
  /** Address of the next hop, canonical text. */
  readonly gateway: string;
  /** Why it is there, as a sentence. */
  readonly reason: string;
}

/** The neighbours that node `identity.name` should have. The same view gives the same answer, in the same order. */
export function neighbours(view: ClusterView, identity: NodeIdentity): Peering {
  const node = view.get('Node', identity.name);
  if (node === undefined) {
    const message = `There is no Node "${identity.name}", so this node has no AS number, no address and no neighbours. Create it, or correct nodeName.`;
    const problems = [{ resource: `Node ${identity.name}`, field: '', message }];
    return { self: undefined, neighbours: [], staticRoutes: [], problems };
  }
  const self = describeSelf(view, node, identity);
  const peers = view.list('BGPPeer');
  const problems = addressProblems(self);
  const found = new Map<string, Neighbour>();
  for (const peer of [...peers.filter(isGlobal), ...peers.filter((peer) => !isGlobal(peer))]) {
    const outcome = bgpPeerNeighbour(view, self, node.metadata.labels, peer);
    problems.push(...outcome.problems);
    const { neighbour } = outcome;
    if (neighbour === undefined) continue;
    const first = found.get(neighbour.key);
    if (first === undefined) found.set(neighbour.key, neighbour);
    else problems.push(duplicate(first, neighbour));
  }
  for (const neighbour of meshNeighbours(view, self)) {
    // A BGPPeer for another node of the mesh says more than the mesh does, so it counts.
    if (!found.has(neighbour.key)) found.set(neighbour.key, neighbour);
  }
  return { self, neighbours: [...found.values()], staticRoutes: [], problems };
}

function addressProblems(self: Self): PeeringProblem[] {
  if (self.addresses.ipv4 !== undefined || self.addresses.ipv6 !== undefined) return [];
  const listens = self.listen.addresses.length > 0 ? '' : ', and with bindMode NodeIP no neighbour can connect to it';
  const message = `The Node has neither ipv4Address nor ipv6Address: it takes no part in the node-to-node mesh, the kernel chooses the source address of its sessions${listens}. Set one of them.`;
  return [{ resource: `Node ${self.name}`, field: 'bgp', message }];
}

function duplicate(first: Neighbour, second: Neighbour): PeeringProblem {
  const order = first.type === second.type ? 'first by name' : 'for all nodes';
  const message = `${first.key} is a neighbour of this node by ${first.source} already, which counts because it is ${order}. Remove one of the two.`;
  return { resource: second.source, field: 'peerIP', message };
}
