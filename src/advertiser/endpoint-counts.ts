/** How many endpoints there are where: all that counts of EndpointSlices, as a few numbers for each. */
import type { Family } from '../net/family.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import type { ServiceContext, Topology } from './service-context.ts';
import type { EndpointCount } from './service-routes.ts';

export type EndpointSlice = ResourceOf<'EndpointSlice'>;
type Endpoint = EndpointSlice['spec']['endpoints'][number];

/**
 * Numbers of one slice, or the sums of several: ready endpoints that have hints, those of them that are for the zone of this
 * node, then three each (all, ready, serving) for the cluster, this node, and its zone by each topology.
 */
export type SliceCounts = readonly number[];

const HINTED = 0;
const HINTED_HERE = 1;
const CLUSTER = 2;
const HERE = 5;
const ZONES = 8;

/** The endpoints of a service in one family. */
export interface FamilyCounts {
  readonly cluster: EndpointCount;
  readonly here: EndpointCount;
  /** By topology. */
  readonly zones: readonly EndpointCount[];
}

/** Family of the addresses of a slice; undefined for host names. */
export function familyOfSlice({ spec }: EndpointSlice): Family | undefined {
  if (spec.addressType === 'FQDN') return undefined;
  return spec.addressType === 'IPv4' ? 0 : 1;
}

export function countEndpoints({ spec }: EndpointSlice, { node, topologies }: ServiceContext): SliceCounts {
  const counts = noCounts(topologies);
  for (const endpoint of spec.endpoints) {
    count(counts, CLUSTER, endpoint);
    if (endpoint.nodeName === node) count(counts, HERE, endpoint);
    for (let i = 0; i < topologies.length; i++) {
      if (isInOwnZone(endpoint, topologies[i], i === 0)) count(counts, ZONES + 3 * i, endpoint);
    }
    if (!endpoint.ready || endpoint.forZones === undefined) continue;
    counts[HINTED]++;
    const { own } = topologies[0];
    if (own !== undefined && endpoint.forZones.includes(own)) counts[HINTED_HERE]++;
  }
  return counts;
}

function noCounts(topologies: readonly Topology[]): number[] {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < topologies.length; i++) counts.push(0, 0, 0);
  return counts;
}

function count(counts: number[], at: number, { ready, serving, terminating }: Endpoint): void {
  counts[at]++;
  if (ready) counts[at + 1]++;
  else if (serving && terminating) counts[at + 2]++;
}

/** The zone of an endpoint stands in its slice, where it is that of Kubernetes, else with its node. */
function isInOwnZone({ zone, nodeName }: Endpoint, { own, values }: Topology, isZone: boolean): boolean {
  if (own === undefined) return false;
  if (isZone && zone !== undefined) return zone === own;
  return nodeName !== undefined && values.get(nodeName) === own;
}

export function sameCounts(one: SliceCounts, other: SliceCounts): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** Sums up slices of one family. */
export function familyCounts(slices: Iterable<SliceCounts>, { topologies }: ServiceContext): FamilyCounts {
  const sums = noCounts(topologies);
  for (const counts of slices) for (let i = 0; i < sums.length; i++) sums[i] += counts[i];
  const cluster = countAt(sums, CLUSTER);
  const zones = topologies.map((_, i) => countAt(sums, ZONES + 3 * i));
  // Hints count only where every ready endpoint has them, as for kube-proxy.
  const isHinted = cluster.ready > 0 && sums[HINTED] === cluster.ready;
  if (isHinted) zones[0] = { ...zones[0], ready: sums[HINTED_HERE] };
  return { cluster, here: countAt(sums, HERE), zones };
}

function countAt(counts: SliceCounts, at: number): EndpointCount {
  return { ready: counts[at + 1], serving: counts[at + 2], all: counts[at] };
}

/** The endpoints of two families together. */
export function bothFamilies(one: FamilyCounts, other: FamilyCounts): FamilyCounts {
  return {
    cluster: plus(one.cluster, other.cluster),
    here: plus(one.here, other.here),
    zones: one.zones.map((zone, i) => plus(zone, other.zones[i])),
  };
}

function plus(one: EndpointCount, other: EndpointCount): EndpointCount {
  return { ready: one.ready + other.ready, serving: one.serving + other.serving, all: one.all + other.all };
}
