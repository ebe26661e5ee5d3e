/** What of the resources, beside Services and EndpointSlices, decides how services are advertised. It seldom changes. */
import type { Prefix } from '../net/prefix.ts';
import { parsePrefix } from '../net/prefix.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { BGPSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Labels } from '../resources/selector.ts';
import { ZONE_KEY, advertisementRule } from './advertisement-rule.ts';
import type { AdvertisementRule } from './advertisement-rule.ts';

/** `strict`: as Calico does it. `mended`: without what is wrong with that. */
export type ServiceMode = 'mended' | 'strict';

export interface ServiceRange {
  /** Canonical text of the prefix. */
  readonly text: string;
  readonly prefix: Prefix;
  /** Field of the BGPConfiguration. */
  readonly setting: ServiceSetting;
  /** Whether it is one address only. */
  readonly isSingle: boolean;
}

export type ServiceSetting = 'serviceClusterIPs' | 'serviceExternalIPs' | 'serviceLoadBalancerIPs';

/** The values that nodes have of one label. */
export interface Topology {
  readonly key: string;
  /** That of this node; undefined where it has none. */
  readonly own: string | undefined;
  /** By node; empty where no rule needs them. */
  readonly values: ReadonlyMap<string, string>;
}

export interface ServiceContext {
  readonly mode: ServiceMode;
  /** Name of this node. */
  readonly node: string;
  readonly labels: Labels;
  /** Whether the node's labels keep it from taking traffic of load balancers. */
  readonly excluded: boolean;
  readonly ranges: Readonly<Record<ServiceSetting, readonly ServiceRange[]>>;
  /** The ranges that are announced as a whole. */
  readonly aggregates: readonly ServiceRange[];
  /** Whether addresses of services that any node may take are announced only as part of a range. */
  readonly isAggregating: boolean;
  /** By name. */
  readonly rules: readonly AdvertisementRule[];
  /** Labels by name, where a rule asks for them. */
  readonly namespaces: ReadonlyMap<string, Labels>;
  /** That of zones first, then those that rules name. */
  readonly topologies: readonly Topology[];
}

/** A node with this label and the value "true" takes no traffic from outside. */
export const EXCLUDE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Whether a node with these labels takes no traffic from outside. */
export function isExcluded(labels: Labels): boolean {
  return Object.hasOwn(labels, EXCLUDE_LABEL) && labels[EXCLUDE_LABEL] === 'true';
}

/**
 * Reads the context of a node. Returns `previous` where nothing is different, so that it can be compared by identity. Of a node
 * that the resources do not know any more its labels count as they were: one that is kept out is not to advertise for that.
 */
export function serviceContext(
  view: ClusterView,
  node: { readonly name: string },
  mode: ServiceMode,
  previous?: ServiceContext,
): ServiceContext {
  const settings = bgpSettings(view, node.name);
  const labels = view.get('Node', node.name)?.metadata.labels ?? previous?.labels ?? {};
  const rules = readRules(view, previous);
  const context: ServiceContext = {
    mode,
    node: node.name,
    labels,
    excluded: isExcluded(labels),
    ...readRanges(settings),
    rules,
    namespaces: readNamespaces(view, rules),
    topologies: readTopologies(view, { name: node.name, labels }, rules),
  };
  if (previous === undefined) return context;
  const topologies = sameTopologies(previous.topologies, context.topologies) ? previous.topologies : context.topologies;
  const isSame = previous.topologies === topologies && isSameOtherwise(previous, context);
  return isSame ? previous : { ...context, topologies };
}

/** Whether only the zones of nodes are different, if anything. */
export function isSameOtherwise(one: ServiceContext, other: ServiceContext): boolean {
  return (
    one.mode === other.mode &&
    one.node === other.node &&
    one.excluded === other.excluded &&
    one.isAggregating === other.isAggregating &&
    one.rules === other.rules &&
    sameMap(one.namespaces, other.namespaces, sameLabels) &&
    SETTINGS.every((setting) => sameRanges(one.ranges[setting], other.ranges[setting]))
  );
}

const SETTINGS = ['serviceClusterIPs', 'serviceExternalIPs', 'serviceLoadBalancerIPs'] as const;

/** The ranges of the BGPConfiguration, and which of them a node announces that is not kept out. */
export function readRanges(settings: BGPSettings): Pick<ServiceContext, 'ranges' | 'aggregates' | 'isAggregating'> {
  const read = (setting: ServiceSetting) => settings[setting].map((cidr) => serviceRange(cidr, setting));
  const ranges = {
    serviceClusterIPs: read('serviceClusterIPs'),
    serviceExternalIPs: read('serviceExternalIPs'),
    serviceLoadBalancerIPs: read('serviceLoadBalancerIPs'),
  };
  const isAggregating = settings.serviceLoadBalancerAggregation === 'Enabled';
  const isWide = ({ isSingle }: ServiceRange) => !isSingle;
  return {
    ranges,
    isAggregating,
    aggregates: [
      ...ranges.serviceClusterIPs,
      ...ranges.serviceExternalIPs.filter(isWide),
      ...(isAggregating ? ranges.serviceLoadBalancerIPs.filter(isWide) : []),
    ],
  };
}

function serviceRange(text: string, setting: ServiceSetting): ServiceRange {
  const prefix = parsePrefix(text);
  return { text, prefix, setting, isSingle: prefix.length === (prefix.family === 0 ? 32 : 128) };
}

/** Those of before where they say the same. */
function readRules(view: ClusterView, previous: ServiceContext | undefined): readonly AdvertisementRule[] {
  const resources = view.list('ServiceAdvertisement');
  const known = previous?.rules;
  const isSame =
    known?.length === resources.length &&
    resources.every(({ metadata, spec }, i) => metadata.name === known[i].name && sameJson(spec, known[i].spec));
  return known !== undefined && isSame ? known : resources.map(advertisementRule);
}

function readNamespaces(view: ClusterView, rules: readonly AdvertisementRule[]): ReadonlyMap<string, Labels> {
  if (rules.every(({ namespaceSelector }) => namespaceSelector === undefined)) return new Map();
  return new Map(view.list('Namespace').map(({ metadata }) => [metadata.name, metadata.labels]));
}

function readTopologies(
  view: ClusterView,
  { name, labels }: { readonly name: string; readonly labels: Labels },
  rules: readonly AdvertisementRule[],
): readonly Topology[] {
  const zonal = rules.filter(({ spec }) => spec.scope === undefined || spec.scope === 'Zone');
  const used = new Set(zonal.map(({ topologyKey }) => topologyKey));
  const keys = [ZONE_KEY, ...[...used].filter((key) => key !== ZONE_KEY).sort()];
  return keys.map((key) => {
    const values = new Map<string, string>();
    for (const { metadata } of used.has(key) ? view.list('Node') : []) {
      if (Object.hasOwn(metadata.labels, key)) values.set(metadata.name, metadata.labels[key]);
    }
    const own = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (used.has(key) && own !== undefined) values.set(name, own);
    return { key, own, values };
  });
}

function sameTopologies(one: readonly Topology[], other: readonly Topology[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ key, own, values }, i) => {
      const { key: otherKey, own: otherOwn, values: otherValues } = other[i];
      return key === otherKey && own === otherOwn && sameMap(values, otherValues, Object.is);
    })
  );
}

function sameRanges(one: readonly ServiceRange[], other: readonly ServiceRange[]): boolean {
  return one.length === other.length && one.every(({ text }, i) => text === other[i].text);
}

function sameLabels(one: Labels, other: Labels): boolean {
  return one === other || sameJson(one, other);
}

function sameMap<V>(
  one: ReadonlyMap<string, V>,
  other: ReadonlyMap<string, V>,
  isSame: (one: V, other: V) => boolean,
): boolean {
  if (one.size !== other.size) return false;
  for (const [key, value] of one) {
    const opposite = other.get(key);
    if (opposite === undefined || !isSame(value, opposite)) return false;
  }
  return true;
}

function sameJson(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
