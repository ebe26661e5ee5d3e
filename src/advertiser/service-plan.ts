/** What of a Service and the context decides, before any endpoint is counted. */
import type { Family } from '../net/family.ts';
import { addressBits } from '../net/family.ts';
import { prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { picks } from './advertisement-rule.ts';
import type { AdvertisementRule, Service } from './advertisement-rule.ts';
import { prefixOfAddress } from './host-prefix.ts';
import type { ServiceContext, ServiceRange, ServiceSetting } from './service-context.ts';
import type { AddressKind } from './service-routes.ts';

export interface PlannedAddress {
  /** Canonical text. */
  readonly address: string;
  /** Of the address alone. */
  readonly prefix: Prefix;
  readonly kind: AddressKind;
  readonly family: Family;
  /** Whether the BGPConfiguration has its kind of addresses announced, and this one is among them. */
  readonly isInRange: boolean;
  /** Whether its load balancer takes the connections itself, so that no node knows the address. */
  readonly isProxied: boolean;
  /** Whether its traffic policy keeps a node from giving traffic for it to another. */
  readonly isLocal: boolean;
  /** The ServiceAdvertisements that are about it, by name. */
  readonly rules: readonly AdvertisementRule[];
}

export interface ServicePlan {
  readonly service: Service;
  /** Empty for a service without addresses of its own. */
  readonly addresses: readonly PlannedAddress[];
  /** The ServiceAdvertisements that pick it, by name: none, and the default counts. */
  readonly rules: readonly AdvertisementRule[];
  /** Whether any node may take its traffic, and one of its addresses is a range by itself. */
  readonly isSingle: boolean;
}

const NO_RULES: readonly AdvertisementRule[] = [];

/** The setting of the BGPConfiguration with the ranges of a kind of addresses. */
export const SETTING_OF: Readonly<Record<AddressKind, ServiceSetting>> = {
  ClusterIP: 'serviceClusterIPs',
  ExternalIP: 'serviceExternalIPs',
  LoadBalancerIP: 'serviceLoadBalancerIPs',
};

export function planService(service: Service, context: ServiceContext): ServicePlan {
  const { spec, status } = service;
  if (spec.type === 'ExternalName' || spec.clusterIPs.length === 0) {
    return { service, addresses: [], rules: NO_RULES, isSingle: false };
  }
  const picking = context.rules.filter((rule) => picks(rule, service, context.namespaces));
  const rules = picking.length === 0 ? NO_RULES : picking;
  const address = (text: string, kind: AddressKind, isProxied = false) =>
    planAddress(service, text, kind, isProxied, rules, context);
  return {
    service,
    addresses: [
      ...spec.clusterIPs.map((ip) => address(ip, 'ClusterIP')),
      ...spec.externalIPs.map((ip) => address(ip, 'ExternalIP')),
      ...(status?.loadBalancer.ingress ?? []).flatMap(({ ip, ipMode }) =>
        ip === undefined ? [] : [address(ip, 'LoadBalancerIP', ipMode === 'Proxy')],
      ),
    ],
    rules,
    isSingle: isSingle(service, context),
  };
}

function planAddress(
  { spec }: Service,
  address: string,
  kind: AddressKind,
  isProxied: boolean,
  rules: readonly AdvertisementRule[],
  context: ServiceContext,
): PlannedAddress {
  const ranges = context.ranges[SETTING_OF[kind]];
  const family = address.includes(':') ? 1 : 0;
  const prefix = prefixOfAddress(address, addressBits(family));
  // As in Calico, where there is a range for cluster IPs all of them count as within.
  const isInRange = kind === 'ClusterIP' ? ranges.length > 0 : isWithin(prefix, ranges);
  const policy = kind === 'ClusterIP' ? spec.internalTrafficPolicy : spec.externalTrafficPolicy;
  return {
    address,
    kind,
    prefix,
    family,
    isInRange,
    isProxied,
    isLocal: policy === 'Local',
    rules: rules.filter(({ spec: { addresses } }) => {
      if (isProxied) return false;
      if (addresses === undefined) return isInRange;
      // Whoever may write a Service may write any address there.
      return addresses.includes(kind) && (kind !== 'ExternalIP' || isInRange);
    }),
  };
}

/** Whether an address that is a range by itself makes all of a service be announced address by address. */
function isSingle({ spec, status }: Service, { mode, ranges }: ServiceContext): boolean {
  const { externalTrafficPolicy } = spec;
  // Kubernetes fills in Cluster; Calico looks for nothing else.
  if (mode === 'strict' ? externalTrafficPolicy !== 'Cluster' : externalTrafficPolicy === 'Local') return false;
  const given = status?.loadBalancer.ingress ?? [];
  const balanced = spec.type === 'LoadBalancer' ? [spec.loadBalancerIP, ...given.map(({ ip }) => ip)] : [];
  return isOneOf(balanced, ranges.serviceLoadBalancerIPs) || isOneOf(spec.externalIPs, ranges.serviceExternalIPs);
}

function isOneOf(addresses: readonly (string | undefined)[], ranges: readonly ServiceRange[]): boolean {
  return ranges.some(({ isSingle, text }) => isSingle && addresses.includes(text.slice(0, text.indexOf('/'))));
}

/** The range of some that an address is in, the longest of several. */
export function rangeOf({ prefix }: PlannedAddress, ranges: readonly ServiceRange[]): ServiceRange | undefined {
  let best: ServiceRange | undefined;
  for (const range of ranges) {
    if (!prefixContains(range.prefix, prefix)) continue;
    if (best === undefined || range.prefix.length > best.prefix.length) best = range;
  }
  return best;
}

function isWithin(host: Prefix, ranges: readonly ServiceRange[]): boolean {
  return ranges.some(({ prefix }) => prefixContains(prefix, host));
}
