/** With whom a node peers. */
import type { Neighbour } from './neighbour.ts';
import type { PeeringProblem } from './problem.ts';
import type { Self } from './self.ts';

export interface Peering {
  /** This node; undefined where there is no Node of its name. */
  readonly self: Self | undefined;
  /**
   * One for each key: first those of BGPPeers for all nodes, then of BGPPeers for some, then of BGPPeers that have this node
   * peer back, then of the mesh, each by name.
   */
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
