/** The import and export policies of neighbours, compiled from the resources. Pure. */
import type { Advertisement } from '../advertiser/originations.ts';
import { readRanges } from '../advertiser/service-context.ts';
import type { ServiceLabels } from '../advertiser/service-labels.ts';
import { filterProblems } from '../filters/bgp-filter.ts';
import type { FilterProblem, NamedFilter } from '../filters/bgp-filter.ts';
import { compileExportPolicy, compileImportPolicy } from '../filters/policies.ts';
import type { ExportInputs, ServicePrefix } from '../filters/policies.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { Self } from '../peering/self.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { BGPSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { LocalPrefScale } from '../rib/local-preference.ts';
import type { RoutePolicy } from '../rib/policy.ts';
import { ServiceExports } from './service-exports.ts';

/** How LOCAL_PREF is told to a neighbour in our AS. */
export interface LocalPrefTerms {
  readonly scale: LocalPrefScale;
  /** Whether the neighbour's own scale counts as soon as it has told a route of its own. */
  readonly follows: boolean;
  /** Metric of normal routes, by family. */
  readonly normalMetric: readonly [number, number];
}

/** Import and export of one neighbour. */
export interface Policies {
  readonly import: RoutePolicy;
  readonly export: RoutePolicy;
  readonly localPref: LocalPrefTerms;
}

/** Whether routes are treated alike by both, in words too. */
export function arePoliciesAlike(one: Policies, other: Policies): boolean {
  return (
    one === other ||
    (one.import.key === other.import.key &&
      one.export.key === other.export.key &&
      JSON.stringify(one.localPref) === JSON.stringify(other.localPref))
  );
}

/** Compiles policies; neighbours that have the same share them. */
export class NeighbourPolicies {
  private readonly view: ClusterView;
  /** What all neighbours have in common. */
  private readonly defaults: Omit<ExportInputs, 'filters' | 'external' | 'keepsNextHop' | 'services'>;
  private readonly services: ServiceExports;
  /** What LOCAL_PREF is to the nodes of the cluster, as far as that is known. */
  private readonly clusterScale: LocalPrefScale;
  private readonly compiled = new Map<string, Policies>();
  private readonly used = new Set<string>();

  constructor(inputs: PolicyInputs) {
    const { view, advertisement, self, excluded, labels, peerSelectors, strict, gracefulShutdown } = inputs;
    this.view = view;
    this.clusterScale = clusterScale(view);
    this.services = new ServiceExports(view, labels, peerSelectors);
    const { pools, blocks } = advertisement;
    const settings = bgpSettings(view, self?.name);
    this.defaults = {
      normalMetric: [settings.ipv4NormalRoutePriority, settings.ipv6NormalRoutePriority],
      pools,
      blocks,
      servicePrefixes: [...serviceRanges(settings, strict, !excluded), ...loadBalancerPools(view)],
      reflects: self?.clusterId !== undefined,
      gracefulShutdown,
      strict,
      communities: settings.prefixAdvertisements.map(({ cidr, communities }) => ({
        prefix: parsePrefix(cidr),
        communities,
      })),
    };
  }

  /** The policies of a neighbour. */
  of(neighbour: Neighbour): Policies {
    const { filters, external, localPreference } = neighbour;
    const keepsNextHop = neighbour.nextHopMode === 'keep';
    const services = this.services.of(neighbour);
    // Asked for each neighbour after each change, and most have no filters.
    const names = filters.length === 0 ? '' : JSON.stringify(filters);
    const key = `${external} ${keepsNextHop} ${localPreference} ${services.key} ${names}`;
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    const { normalMetric } = this.defaults;
    const named = filters.map((name) => this.named(name));
    for (const name of filters) this.used.add(name);
    const policies = {
      import: compileImportPolicy({ filters: named, external, normalMetric }),
      export: compileExportPolicy({ ...this.defaults, filters: named, external, keepsNextHop, services }),
      localPref: {
        scale: localPreference === 'auto' ? this.clusterScale : localPreference,
        follows: localPreference === 'auto',
        normalMetric,
      },
    };
    this.compiled.set(key, policies);
    return policies;
  }

  /** Metric of normal routes, by family. */
  get normalMetric(): readonly [number, number] {
    return this.defaults.normalMetric;
  }

  /** What is wrong with the filters of the neighbours asked for so far. */
  get problems(): readonly FilterProblem[] {
    return [...this.used].flatMap((name) => filterProblems(this.named(name)));
  }

  private named(name: string): NamedFilter {
    return { name, spec: this.view.get('BGPFilter', name)?.spec };
  }
}

/** What the policies of all neighbours are made from. */
export interface PolicyInputs {
  readonly view: ClusterView;
  readonly advertisement: Advertisement;
  /** Undefined where the resources don't know this node. */
  readonly self: Self | undefined;
  /** Whether its labels keep this node from announcing services. Nodes are not read for it: they change all the time. */
  readonly excluded: boolean;
  readonly labels: ServiceLabels;
  /** What labels of routes pick peers by, beside those of the view. */
  readonly peerSelectors: readonly string[];
  /** Whether routes to services are told as Calico tells them. */
  readonly strict: boolean;
  /** Whether this node is about to withdraw what it tells (RFC 8326). */
  readonly gracefulShutdown: boolean;
}

/**
 * The ranges of services. In Calico, reflectors pass on what is inside those of external IPs and load balancers, and every node
 * what is inside the ones that it announces.
 */
function serviceRanges(settings: BGPSettings, strict: boolean, announces: boolean): readonly ServicePrefix[] {
  const { ranges, aggregates } = readRanges(settings);
  return Object.values(ranges)
    .flat()
    .map((range) => ({
      prefix: range.prefix,
      setting: range.setting,
      reflected: !strict || range.setting !== 'serviceClusterIPs',
      passedOn: strict && announces && aggregates.includes(range),
    }));
}

/** IPPools that addresses of services are taken from: no such pool is for anything else. */
function loadBalancerPools(view: ClusterView): readonly ServicePrefix[] {
  const pools = view.list('IPPool').filter(({ spec }) => spec.allowedUses.includes('LoadBalancer'));
  return pools.map(({ metadata, spec }) => ({
    prefix: parsePrefix(spec.cidr),
    setting: `IPPool "${metadata.name}"`,
    reflected: false,
    passedOn: false,
  }));
}

/** Calico's nodes encode metrics from v3.32 on. */
function clusterScale(view: ClusterView): LocalPrefScale {
  const version = view.get('ClusterInformation', 'default')?.spec.calicoVersion ?? '';
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return 'plain';
  return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 32) ? 'metric' : 'plain';
}
