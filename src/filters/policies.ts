/**
 * The policies of a neighbour: its BGPFilters, then the defaults that Calico's nodes apply
 * (Calico `confd` export filter; docs/filters.md has the order and the reasons).
 */
import type { Family } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { RoutePolicy } from '../rib/policy.ts';
import { filterRules } from './bgp-filter.ts';
import type { NamedFilter } from './bgp-filter.ts';
import { ANY_SOURCE, LOCAL_SOURCE, anyPrefix, compileRules, exactly, within } from './rule-table.ts';
import type { PrefixMatch, Rule } from './rule-table.ts';

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

/** What an export policy is made from. The order of pools and blocks does not matter, that of filters does. */
export interface ExportInputs {
  readonly filters: readonly NamedFilter[];
  readonly pools: readonly ExportPool[];
  readonly blocks: readonly ExportBlock[];
}

/** What a neighbour may tell us: its filters in order, then accept. */
export function compileImportPolicy(filters: readonly NamedFilter[]): RoutePolicy {
  return compileRules((family) => [
    ...filters.flatMap((filter) => filterRules(filter, 'import', family)),
    always(family, true, 'accepted by default: no import rule of a BGPFilter matches it'),
  ]);
}

/**
 * What a neighbour is told: its filters in order, then pools that must not be exported, this node's blocks, routes added
 * by hand, exportable pools; all else is rejected.
 */
export function compileExportPolicy(inputs: ExportInputs): RoutePolicy {
  const pools = [...inputs.pools].sort((a, b) => compareText(a.name, b.name));
  // The most specific block first, so that one inside another is still advertised.
  const blocks = [...inputs.blocks].sort(
    (a, b) => b.prefix.length - a.prefix.length || compareText(formatPrefix(a.prefix), formatPrefix(b.prefix)),
  );
  const aggregates = blocks.filter((block) => block.aggregate);
  return compileRules((family) => [
    ...inputs.filters.flatMap((filter) => filterRules(filter, 'export', family)),
    ...pools.filter((pool) => pool.disableBGPExport && pool.prefix.family === family).map(disabledPool),
    ...blocks.filter((block) => block.prefix.family === family).map(ownBlock),
    { match: anyPrefix(family), sources: LOCAL_SOURCE, accept: true, why: 'accepted: route added by hand' },
    ...aggregates.filter((block) => block.prefix.family === family).map(insideOwnBlock),
    ...pools.filter((pool) => !pool.disableBGPExport && pool.prefix.family === family).map(exportablePool),
    always(family, false, 'rejected by default: no BGPFilter accepts it and it is in no IPPool'),
  ]);
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

function insideOwnBlock(block: ExportBlock): Rule {
  const text = formatPrefix(block.prefix);
  return rule(within(block.prefix), false, `rejected: it is inside this node's block ${text}, which stands for it`);
}

function always(family: Family, accept: boolean, why: string): Rule {
  return rule(anyPrefix(family), accept, why);
}

function rule(match: PrefixMatch, accept: boolean, why: string): Rule {
  return { match, sources: ANY_SOURCE, accept, why };
}

function poolInWords(pool: ExportPool): string {
  return `IPPool "${pool.name}" (${formatPrefix(pool.prefix)})`;
}

/** Order by code unit: the same everywhere, unlike a locale's. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
