/**
 * The policies of a neighbour: its BGPFilters, then the defaults that Calico's nodes apply
 * (Calico `confd` export filter; docs/filters.md has the order and the reasons).
 */
import type { Family } from '../net/family.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { RoutePolicy } from '../rib/policy.ts';
import { filterRules } from './bgp-filter.ts';
import type { NamedFilter } from './bgp-filter.ts';
import { announcingShutdown, heedingShutdown } from './graceful-shutdown.ts';
import { rewriteOf } from './operations.ts';
import {
  ANY_SOURCE,
  BGP_SOURCES,
  LOCAL_SOURCE,
  SERVICE_SOURCE,
  anyPrefix,
  compileRules,
  exactly,
  within,
} from './rule-table.ts';
import type { Addition, PrefixMatch, Rule } from './rule-table.ts';
import { withServices } from './service-export.ts';
import type { ServiceExport } from './service-export.ts';

/** What the export defaults need to know of an IPPool. */
export interface ExportPool {
  readonly name: string;
  readonly prefix: Prefix;
  readonly disableBGPExport: boolean;
}

/** A block this node advertises. */
export interface ExportBlock {
  readonly prefix: Prefix;
  /** Whether the block stands for all within it, so that nothing more specific is advertised. */
  readonly aggregate: boolean;
}

/** A prefix of services. */
export interface ServicePrefix {
  readonly prefix: Prefix;
  /** What it is of, e.g. `serviceClusterIPs` or `IPPool "lb"`. */
  readonly setting: string;
  /** Whether a route reflector passes on what is inside. */
  readonly reflected: boolean;
  /** Whether this node passes on what is inside whatever it is: Calico's nodes do where they announce the prefix themselves. */
  readonly passedOn: boolean;
}

/** Communities for the routes within a prefix. */
export interface PrefixCommunities {
  readonly prefix: Prefix;
  /** `aa:nn` or `aa:nn:mm`. */
  readonly communities: readonly string[];
}

/** The filters of a neighbour, in order, and what it is. */
export interface ImportInputs {
  readonly filters: readonly NamedFilter[];
  /** Whether the neighbour is in another AS than this side of the session. */
  readonly external: boolean;
  /** Metric of normal routes, by family. */
  readonly normalMetric: readonly [number, number];
}

/** What an export policy is made from. The order of lists but that of filters does not matter. */
export interface ExportInputs extends ImportInputs {
  readonly pools: readonly ExportPool[];
  readonly blocks: readonly ExportBlock[];
  /** The prefixes of services. */
  readonly servicePrefixes: readonly ServicePrefix[];
  /** Whether this node is a route reflector, which passes routes to services on. */
  readonly reflects: boolean;
  /** Whether the neighbour is told the next hops that routes have. */
  readonly keepsNextHop: boolean;
  /** Who is told this node's own routes to services; without it everybody is. */
  readonly services?: ServiceExport | undefined;
  /** Whether this node is about to withdraw what it tells (RFC 8326). */
  readonly gracefulShutdown: boolean;
  /** Whether routes to services that were learned are told to other ASes, as Calico does. */
  readonly strict: boolean;
  readonly communities: readonly PrefixCommunities[];
}

/** What a neighbour may tell us: its filters in order, then accept; what is about to go counts least (RFC 8326). */
export function compileImportPolicy({ filters, ...scope }: ImportInputs): RoutePolicy {
  const rules = compileRules((family) => [
    ...filters.flatMap((filter) => filterRules(filter, { ...scope, direction: 'import', family })),
    rule(anyPrefix(family), true, 'accepted by default: no import rule of a BGPFilter matches it'),
  ]);
  return heedingShutdown(rules);
}

/**
 * What a neighbour is told: its filters in order, then the defaults of Calico's nodes. To what these accept, the communities
 * of its prefix are added. This node's own routes to services come to the filters on the terms that `services` has for them.
 */
export function compileExportPolicy(inputs: ExportInputs): RoutePolicy {
  const { communities, services, gracefulShutdown, external } = inputs;
  const rules = compileRules(exportRules(inputs), (family) => additionsOf(ofFamily(communities, family)));
  const told = services === undefined ? rules : withServices(rules, services);
  return gracefulShutdown ? announcingShutdown(told, external) : told;
}

function exportRules(inputs: ExportInputs): (family: Family) => readonly Rule[] {
  const { filters, external, normalMetric } = inputs;
  const pools = [...inputs.pools].sort((a, b) => compareText(a.name, b.name));
  // The most specific block first, so that one inside another is still advertised.
  const blocks = [...inputs.blocks].sort((a, b) => mostSpecificFirst(a.prefix, b.prefix));
  const services = [...inputs.servicePrefixes].sort(
    (a, b) => compareText(a.setting, b.setting) || mostSpecificFirst(a.prefix, b.prefix),
  );
  const keepsServices = external && !inputs.keepsNextHop && !inputs.strict;
  return (family) => [
    ...filters.flatMap((filter) => filterRules(filter, { direction: 'export', family, external, normalMetric })),
    ...ofFamily(pools, family)
      .filter((pool) => pool.disableBGPExport)
      .map(disabledPool),
    ...ofFamily(blocks, family).map(ownBlock),
    { match: anyPrefix(family), sources: LOCAL_SOURCE, accept: true, adds: true, why: BY_HAND },
    { match: anyPrefix(family), sources: SERVICE_SOURCE, accept: true, adds: true, why: OWN_SERVICE },
    ...ofFamily(blocks, family)
      .filter((block) => block.aggregate)
      .flatMap((block) => insideOwnBlock(block, normalMetric[family])),
    ...(keepsServices ? ofFamily(services, family).map(learnedService) : []),
    ...ofFamily(services, family)
      .filter((service) => service.passedOn)
      .map(announcedService),
    ...(inputs.reflects ? ofFamily(services, family).filter((service) => service.reflected) : []).map(reflectedService),
    ...ofFamily(pools, family)
      .filter((pool) => !pool.disableBGPExport)
      .map(exportablePool),
    rule(anyPrefix(family), false, 'rejected by default: no BGPFilter accepts it and it is in no IPPool'),
  ];
}

const BY_HAND = 'accepted: route added by hand';
const OWN_SERVICE = 'accepted: own service route';

function ofFamily<T extends { readonly prefix: Prefix }>(all: readonly T[], family: Family): readonly T[] {
  return all.filter(({ prefix }) => prefix.family === family);
}

function disabledPool(pool: ExportPool): Rule {
  return rule(within(pool.prefix), false, `rejected: ${poolInWords(pool)} has disableBGPExport set`);
}

function exportablePool(pool: ExportPool): Rule {
  return rule(within(pool.prefix), true, `accepted: it is inside ${poolInWords(pool)}`);
}

function ownBlock(block: ExportBlock): Rule {
  return rule(exactly(block.prefix), true, `accepted: ${formatPrefix(block.prefix)} is a block of this node`);
}

function insideOwnBlock(block: ExportBlock, normal: number): readonly Rule[] {
  const text = formatPrefix(block.prefix);
  const inside = `it is inside this node's block ${text}`;
  return [
    {
      ...rule(within(block.prefix), true, `accepted: ${inside}, and its metric is better than that of normal routes`),
      conditions: { priority: { is: 'better-than-normal', normal } },
    },
    rule(within(block.prefix), false, `rejected: ${inside}, which stands for it`),
  ];
}

/** Passed on with this node as next hop, it would have packets come to a node that may have no endpoint. */
function learnedService({ prefix, setting }: ServicePrefix): Rule {
  const why = `rejected: it was learned and is inside ${formatPrefix(prefix)} of ${setting}: each node tells its own to other ASes`;
  return { match: within(prefix), sources: BGP_SOURCES, accept: false, why };
}

function announcedService({ prefix, setting }: ServicePrefix): Rule {
  const why = `accepted: it is inside ${formatPrefix(prefix)} of ${setting}, which this node announces (calicoCompatible: strict)`;
  return rule(within(prefix), true, why);
}

function reflectedService({ prefix, setting }: ServicePrefix): Rule {
  const why = `accepted: it is inside ${formatPrefix(prefix)} of ${setting}, and this node is a route reflector`;
  return rule(within(prefix), true, why);
}

function rule(match: PrefixMatch, accept: boolean, why: string): Rule {
  return { match, sources: ANY_SOURCE, accept, adds: accept, why };
}

/** The most specific prefix first, with the communities of all around it: a route gets those of the first one. */
function additionsOf(all: readonly PrefixCommunities[]): readonly Addition[] {
  const prefixes = new Map(all.map(({ prefix }) => [formatPrefix(prefix), prefix]));
  return [...prefixes.values()].sort(mostSpecificFirst).flatMap((prefix): readonly Addition[] => {
    const around = all.filter((other) => prefixContains(other.prefix, prefix));
    const communities = [...new Set(around.flatMap((other) => other.communities))];
    const rewrite = rewriteOf(communities.map((value) => ({ addCommunity: { value } })));
    if (rewrite === undefined) return [];
    const settings = [...new Set(around.map((other) => formatPrefix(other.prefix)))].join(' and ');
    return [
      { prefix, rewrite, words: `adds community ${communities.join(', ')} (prefixAdvertisements of ${settings})` },
    ];
  });
}

function mostSpecificFirst(a: Prefix, b: Prefix): number {
  return b.length - a.length || compareText(formatPrefix(a), formatPrefix(b));
}

function poolInWords(pool: ExportPool): string {
  return `IPPool "${pool.name}" (${formatPrefix(pool.prefix)})`;
}

/** Order by code unit: the same everywhere, unlike a locale's. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
