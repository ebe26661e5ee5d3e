/**
 * How services are advertised that no ServiceAdvertisement picks: as Calico does it, either to the letter or without what is
 * wrong with that. docs/services.md lists the differences.
 */
import { bothFamilies } from './endpoint-counts.ts';
import type { FamilyCounts } from './endpoint-counts.ts';
import type { ServiceContext } from './service-context.ts';
import type { PlannedAddress, ServicePlan } from './service-plan.ts';

/** Counts by family. */
export type EndpointCounts = readonly [FamilyCounts, FamilyCounts];

/** Why an address has a route of its own. */
type Told =
  /** One of the service's addresses is a range by itself, for which no endpoint is needed. */
  | 'single'
  /** Traffic stays on the node, and an endpoint is here. */
  | 'local'
  /** Any node may take traffic, and there is an endpoint somewhere. */
  | 'any';

/** Why it has none. */
type NotTold = 'noRange' | 'proxied' | 'covered' | 'noLocal' | 'none';

export interface DefaultDecision {
  readonly isTold: boolean;
  readonly reason: Told | NotTold;
}

/** Whether an endpoint takes new connections: it is ready or, where none is, terminating and still serving (KEP-1669). */
export function isUsable({ ready, serving }: FamilyCounts['cluster']): boolean {
  return ready > 0 || serving > 0;
}

/**
 * The same for those of a part of the cluster that has to stand for itself. Terminating ones count only while none is ready
 * elsewhere either: with the last of them kube-proxy drops what arrives, and a route that is withdrawn only then is late.
 */
export function isUsablePart({ ready, serving }: FamilyCounts['here'], cluster: FamilyCounts['cluster']): boolean {
  return ready > 0 || (serving > 0 && cluster.ready === 0);
}

export function defaultDecision(
  plan: ServicePlan,
  address: PlannedAddress,
  counts: EndpointCounts,
  context: ServiceContext,
): DefaultDecision {
  return context.mode === 'strict'
    ? strictDecision(plan, address, counts, context)
    : mendedDecision(plan, address, counts[address.family], context);
}

/** By family of the address, by the traffic policy that holds for it, with terminating endpoints that still serve. */
function mendedDecision(
  { isSingle }: ServicePlan,
  { isInRange, isProxied, isLocal }: PlannedAddress,
  { here, cluster }: FamilyCounts,
  { isAggregating }: ServiceContext,
): DefaultDecision {
  if (isProxied) return no('proxied');
  if (!isInRange) return no('noRange');
  if (isLocal) return isUsablePart(here, cluster) ? yes('local') : no('noLocal');
  if (isSingle) return yes('single');
  if (isAggregating) return no('covered');
  return isUsable(cluster) ? yes('any') : no('none');
}

/** Calico's `confd/pkg/backends/calico/routes.go`: one answer for all addresses of a service. */
function strictDecision(
  { isSingle, service: { spec } }: ServicePlan,
  { isInRange }: PlannedAddress,
  counts: EndpointCounts,
  { isAggregating }: ServiceContext,
): DefaultDecision {
  if (!isInRange) return no('noRange');
  if (isSingle) return yes('single');
  const isLocal = spec.externalTrafficPolicy === 'Local';
  if (!isLocal && isAggregating) return no('covered');
  const { here, cluster } = countsOfFamilies(counts, spec.ipFamilies);
  if (isLocal) return here.ready > 0 ? yes('local') : no('noLocal');
  return cluster.ready > 0 ? yes('any') : no('none');
}

const NO_ENDPOINTS = { ready: 0, serving: 0, all: 0 };

/** The endpoints of the families that the service has, together. */
export function countsOfFamilies(
  [ipv4, ipv6]: EndpointCounts,
  families: readonly ('IPv4' | 'IPv6')[],
): Pick<FamilyCounts, 'here' | 'cluster'> {
  const has4 = families.includes('IPv4');
  const has6 = families.includes('IPv6');
  if (has4 && has6) return bothFamilies(ipv4, ipv6);
  if (has4) return ipv4;
  return has6 ? ipv6 : { here: NO_ENDPOINTS, cluster: NO_ENDPOINTS };
}

function yes(reason: Told): DefaultDecision {
  return { isTold: true, reason };
}

function no(reason: NotTold): DefaultDecision {
  return { isTold: false, reason };
}
