/** The import and export policies of neighbours, compiled from the resources. Pure. */
import type { Advertisement } from '../advertiser/originations.ts';
import { filterProblems } from '../filters/bgp-filter.ts';
import type { FilterProblem, NamedFilter } from '../filters/bgp-filter.ts';
import { compileExportPolicy, compileImportPolicy } from '../filters/policies.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Policies } from './neighbour-session.ts';

/** Compiles policies; neighbours that have the same share them. */
export class NeighbourPolicies {
  private readonly view: ClusterView;
  private readonly advertisement: Advertisement;
  private readonly compiled = new Map<string, Policies>();
  private readonly used = new Set<string>();

  constructor(view: ClusterView, advertisement: Advertisement) {
    this.view = view;
    this.advertisement = advertisement;
  }

  /** The policies of a neighbour. */
  of({ filters }: Neighbour): Policies {
    const key = JSON.stringify(filters);
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    const { pools, blocks } = this.advertisement;
    const named = filters.map((name) => this.named(name));
    for (const name of filters) this.used.add(name);
    const policies = {
      import: compileImportPolicy(named),
      export: compileExportPolicy({ filters: named, pools, blocks }),
    };
    this.compiled.set(key, policies);
    return policies;
  }

  /** What is wrong with the filters of the neighbours asked for so far. */
  get problems(): readonly FilterProblem[] {
    return [...this.used].flatMap((name) => filterProblems(this.named(name)));
  }

  private named(name: string): NamedFilter {
    return { name, spec: this.view.get('BGPFilter', name)?.spec };
  }
}
