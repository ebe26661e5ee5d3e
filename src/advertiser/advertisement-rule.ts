/** A ServiceAdvertisement, ready to be applied. */
import type { Family } from '../net/family.ts';
import { addressBits } from '../net/family.ts';
import { durationSeconds } from '../resources/duration.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Labels, Selector } from '../resources/selector.ts';
import type { Scope } from './service-routes.ts';

export type Service = ResourceOf<'Service'>;
type Spec = ResourceOf<'ServiceAdvertisement'>['spec'];

export interface AdvertisementRule {
  /** E.g. `ServiceAdvertisement "rack-a"`. */
  readonly rule: string;
  readonly name: string;
  readonly spec: Spec;
  readonly serviceSelector: Selector;
  readonly namespaceSelector: Selector | undefined;
  /** Label of nodes that says their zone. */
  readonly topologyKey: string;
  /** In seconds. */
  readonly withdrawDelay: number | undefined;
}

/** What Kubernetes calls a zone. */
export const ZONE_KEY = 'topology.kubernetes.io/zone';

/** Label of every Namespace, which has its name. */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

export function advertisementRule({ metadata, spec }: ResourceOf<'ServiceAdvertisement'>): AdvertisementRule {
  const delay = spec.withdrawDelay === undefined ? 0 : (durationSeconds(spec.withdrawDelay) ?? 0);
  return {
    rule: `ServiceAdvertisement "${metadata.name}"`,
    name: metadata.name,
    spec,
    serviceSelector: parseSelector(spec.serviceSelector),
    namespaceSelector: spec.namespaceSelector === undefined ? undefined : parseSelector(spec.namespaceSelector),
    topologyKey: spec.topologyKey ?? ZONE_KEY,
    withdrawDelay: delay === 0 ? undefined : delay,
  };
}

/** Whether a rule is about a service. `namespaces` are the labels of namespaces by name. */
export function picks(
  { serviceSelector, namespaceSelector }: AdvertisementRule,
  { metadata }: Service,
  namespaces: ReadonlyMap<string, Labels>,
): boolean {
  if (!serviceSelector.matches(metadata.labels)) return false;
  if (namespaceSelector === undefined) return true;
  const name = metadata.namespace ?? '';
  return namespaceSelector.matches({ [NAMESPACE_NAME]: name, ...namespaces.get(name) });
}

/** Length of the prefixes that a rule asks for. */
export function prefixLength({ spec }: AdvertisementRule, family: Family): number {
  return (family === 0 ? spec.aggregationLength : spec.aggregationLengthV6) ?? addressBits(family);
}

/** Whose endpoints decide by a rule, and what the others do. */
export interface EffectiveScope {
  readonly scope: Scope;
  readonly others: 'Withdraw' | 'Backup';
  /** Where it comes from, in words. */
  readonly source: string;
}

/**
 * What a rule comes to for a service: where it says no scope, the traffic policy of the address (`isLocal`) and
 * the trafficDistribution of the service do.
 */
export function effectiveScope({ spec }: AdvertisementRule, service: Service, isLocal: boolean): EffectiveScope {
  if (spec.scope !== undefined) {
    return { scope: spec.scope, others: spec.others ?? 'Withdraw', source: `scope ${spec.scope}` };
  }
  // Nobody could be a backup.
  if (isLocal) return { scope: 'Node', others: 'Withdraw', source: 'scope Node by its traffic policy' };
  const distribution = service.spec.trafficDistribution;
  const scope = distribution === undefined ? undefined : DISTRIBUTIONS.get(distribution);
  if (scope === undefined) return { scope: 'Cluster', others: 'Withdraw', source: 'scope Cluster' };
  return { scope, others: spec.others ?? 'Backup', source: `scope ${scope} by trafficDistribution ${distribution}` };
}

/** `PreferClose` is the older name of `PreferSameZone`. */
const DISTRIBUTIONS: ReadonlyMap<string, Scope> = new Map([
  ['PreferSameNode', 'Node'],
  ['PreferClose', 'Zone'],
  ['PreferSameZone', 'Zone'],
]);
