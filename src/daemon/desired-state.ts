/**
 * What the resources ask of this node: neighbours with their policies, and routes to originate. Pure: the same view gives
 * the same answer.
 */
import { originations } from '../advertiser/originations.ts';
import type { Advertisement } from '../advertiser/originations.ts';
import { clusterRouting } from '../encapsulation/cluster-routing.ts';
import type { ClusterRouting, ClusterRoutingOptions } from '../encapsulation/cluster-routing.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { neighbours } from '../peering/neighbours.ts';
import type { NodeIdentity, Self } from '../peering/self.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { NeighbourPolicies } from './neighbour-policies.ts';
import type { Policies } from './neighbour-session.ts';

export interface DesiredNeighbour {
  readonly neighbour: Neighbour;
  readonly policies: Policies;
}

/** What counts beside the resources. */
export interface DesiredStateInputs {
  /** Workloads of this node, as the kernel has routes to them. */
  readonly workloads: readonly Prefix[];
  /** Undefined where the FIB is switched off. */
  readonly kernel: ClusterRoutingOptions | undefined;
}

export interface DesiredState {
  /** This node; undefined where the resources don't know it. */
  readonly self: Self | undefined;
  /** By key. */
  readonly neighbours: ReadonlyMap<string, DesiredNeighbour>;
  /** With its routes; those to workloads are for the workloads known at the time. */
  readonly advertisement: Advertisement;
  /** Who programs which routes; undefined where the FIB is switched off. */
  readonly routing: ClusterRouting | undefined;
  /** What is not done as the resources say, a sentence each. */
  readonly problems: readonly string[];
}

/** Works out what this node is to do. */
export function desiredState(view: ClusterView, identity: NodeIdentity, inputs: DesiredStateInputs): DesiredState {
  const peering = neighbours(view, identity);
  const advertisement = originations(view, identity, inputs.workloads);
  const routing = inputs.kernel === undefined ? undefined : clusterRouting(view, identity, inputs.kernel);
  const policies = new NeighbourPolicies(view, advertisement);
  const wanted = peering.neighbours.map((neighbour): [string, DesiredNeighbour] => [
    neighbour.key,
    { neighbour, policies: policies.of(neighbour) },
  ]);
  return {
    self: peering.self,
    neighbours: new Map(wanted),
    advertisement,
    routing,
    problems: [...peering.problems, ...advertisement.problems, ...(routing?.problems ?? []), ...policies.problems].map(
      ({ resource, field, message }) => `${resource}${field === '' ? '' : `: ${field}`}: ${message}`,
    ),
  };
}
