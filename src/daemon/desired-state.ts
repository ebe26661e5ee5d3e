/**
 * What the resources ask of this node: neighbours with their policies, and routes to originate. Pure: the same view gives
 * the same answer.
 */
import { originations } from '../advertiser/originations.ts';
import type { Origination } from '../advertiser/originations.ts';
import { filterProblems } from '../filters/bgp-filter.ts';
import type { NamedFilter } from '../filters/bgp-filter.ts';
import { compileExportPolicy, compileImportPolicy } from '../filters/policies.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { neighbours } from '../peering/neighbours.ts';
import type { NodeIdentity, Self } from '../peering/self.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Policies } from './neighbour-session.ts';

export interface DesiredNeighbour {
  readonly neighbour: Neighbour;
  readonly policies: Policies;
}

export interface DesiredState {
  /** This node; undefined where the resources don't know it. */
  readonly self: Self | undefined;
  /** By key. */
  readonly neighbours: ReadonlyMap<string, DesiredNeighbour>;
  readonly routes: readonly Origination[];
  /** What is not done as the resources say, a sentence each. */
  readonly problems: readonly string[];
}

/** Works out what this node is to do; `workloads` are those that the kernel has routes to. */
export function desiredState(
  view: ClusterView,
  identity: NodeIdentity,
  workloads: readonly Prefix[] = [],
): DesiredState {
  const peering = neighbours(view, identity);
  const advertisement = originations(view, identity, workloads);
  const compiled = new Map<string, Policies>();
  const used = new Set<string>();
  const policiesFor = ({ filters }: Neighbour): Policies => {
    const key = JSON.stringify(filters);
    let policies = compiled.get(key);
    if (policies === undefined) {
      const named = filters.map((name): NamedFilter => ({ name, spec: view.get('BGPFilter', name)?.spec }));
      for (const name of filters) used.add(name);
      policies = {
        import: compileImportPolicy(named),
        export: compileExportPolicy({ filters: named, pools: advertisement.pools, blocks: advertisement.blocks }),
      };
      compiled.set(key, policies);
    }
    return policies;
  };
  const wanted = peering.neighbours.map((neighbour): [string, DesiredNeighbour] => [
    neighbour.key,
    { neighbour, policies: policiesFor(neighbour) },
  ]);
  const filterWords = [...used].flatMap((name) => filterProblems({ name, spec: view.get('BGPFilter', name)?.spec }));
  return {
    self: peering.self,
    neighbours: new Map(wanted),
    routes: advertisement.routes,
    problems: [...peering.problems, ...advertisement.problems, ...filterWords].map(
      ({ resource, field, message }) => `${resource}${field === '' ? '' : `: ${field}`}: ${message}`,
    ),
  };
}
