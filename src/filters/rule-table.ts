/**
 * Rules as flat tables: what every policy is compiled into. The first rule whose conditions all hold decides.
 *
 * `apply` walks typed arrays and allocates nothing; `explain` asks the same walk and only adds the words, so that the two
 * can't disagree.
 */
import { FAMILIES, IPV4_UNICAST, addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import {
  REJECTED,
  SOURCE_CLIENT,
  SOURCE_EXTERNAL,
  SOURCE_INTERNAL,
  SOURCE_LOCAL,
  SOURCE_SERVICE,
  SOURCE_WORKLOAD,
} from '../rib/policy.ts';
import type { AttributeRewrite, PolicyRow, PolicyVerdict, RoutePolicy, RouteView } from '../rib/policy.ts';
import { CompiledConditions, hasConditions } from './route-conditions.ts';
import type { RouteConditions } from './route-conditions.ts';

/** Sets of route sources, one bit a {@link RouteView} source. */
export const LOCAL_SOURCE = 1 << SOURCE_LOCAL;
export const SERVICE_SOURCE = 1 << SOURCE_SERVICE;
export const BGP_SOURCES = (1 << SOURCE_EXTERNAL) | (1 << SOURCE_INTERNAL) | (1 << SOURCE_CLIENT);
export const ANY_SOURCE = LOCAL_SOURCE | (1 << SOURCE_WORKLOAD) | SERVICE_SOURCE | BGP_SOURCES;

/** Holds for prefixes within `prefix` whose length is in `[minLength, maxLength]`, or for all others with `negate`. */
export interface PrefixMatch {
  readonly prefix: Prefix;
  readonly minLength: number;
  readonly maxLength: number;
  readonly negate: boolean;
}

/** One rule; its family is that of its prefix. */
export interface Rule {
  readonly match: PrefixMatch;
  /** Set of sources it is about. */
  readonly sources: number;
  readonly conditions?: RouteConditions;
  readonly accept: boolean;
  /** What it does to a route that it accepts. */
  readonly rewrite?: AttributeRewrite | undefined;
  /** Whether a route that it accepts gets the {@link Addition}s. */
  readonly adds?: boolean;
  /** The verdict in words. */
  readonly why: string;
}

/** What is done to routes within a prefix that a rule with `adds` accepts: the first one that holds, and no other. */
export interface Addition {
  readonly prefix: Prefix;
  readonly rewrite: AttributeRewrite;
  /** What it does, in words. */
  readonly words: string;
}

/** The match that holds for every prefix of a family. */
export function anyPrefix(family: Family): PrefixMatch {
  return within({ family, words: [0, 0, 0, 0], length: 0 });
}

const NO_ADDITIONS = (): readonly Addition[] => [];

/** The match that holds for a prefix and all within it. */
export function within(prefix: Prefix): PrefixMatch {
  return { prefix, minLength: prefix.length, maxLength: addressBits(prefix.family), negate: false };
}

/** The match that holds for this prefix alone. */
export function exactly(prefix: Prefix): PrefixMatch {
  return { prefix, minLength: prefix.length, maxLength: prefix.length, negate: false };
}

/**
 * Compiles rules into a policy; `rules(family)` are tried in order, and the last one of each family must be without
 * conditions. Rules behind the first such rule are left out.
 */
export function compileRules(
  rules: (family: Family) => readonly Rule[],
  additions: (family: Family) => readonly Addition[] = NO_ADDITIONS,
): RoutePolicy {
  const [ipv4, ipv6] = FAMILIES.map((family) => compileTable(family, rules(family), additions(family)));
  const tableOf = (route: RouteView): Table => (route.family === IPV4_UNICAST ? ipv4 : ipv6);
  return {
    perPrefix: ipv4.perPrefix || ipv6.perPrefix,
    usesInterface: ipv4.usesInterface || ipv6.usesInterface,
    key: JSON.stringify([ipv4.identity, ipv6.identity]),
    rewrites: distinct([...ipv4.rewrites, ...ipv6.rewrites]),
    rows: [ipv4.policyRows, ipv6.policyRows],
    apply(route: RouteView): number {
      const table = tableOf(route);
      const row = matchRow(table, route);
      if (table.accepts[row] !== 1) return REJECTED;
      const rewrite = table.adds[row] === 1 ? additionTo(table, route)?.rewrite : table.rewrites[row];
      if (rewrite === undefined) return route.set;
      return route.attributes.rewrites.apply(rewrite, route.set, route.family);
    },
    explain(route: RouteView): PolicyVerdict {
      const table = tableOf(route);
      const row = matchRow(table, route);
      const addition = table.adds[row] === 1 ? additionTo(table, route) : undefined;
      const why = `${table.whys[row]}${addition === undefined ? '' : `; ${addition.words}`}`;
      return { accepted: table.accepts[row] === 1, why };
    },
  };
}

interface Table {
  readonly family: Family;
  /** Rows of conditions, see {@link compileTable}. */
  readonly cells: Int32Array;
  /** Further conditions, by row. */
  readonly conditions: readonly (CompiledConditions | undefined)[];
  readonly accepts: Uint8Array;
  readonly adds: Uint8Array;
  /** By row, then those of additions. */
  readonly rewrites: readonly (AttributeRewrite | undefined)[];
  readonly additions: readonly Addition[];
  readonly whys: readonly string[];
  /** Whether the prefix of a route makes a difference. */
  readonly perPrefix: boolean;
  readonly usesInterface: boolean;
  readonly identity: readonly unknown[];
  readonly policyRows: readonly PolicyRow[];
}

/** A row is the control word, then (network, mask) for each word of the address. */
const IPV4_STRIDE = 3;
const IPV6_STRIDE = 9;

/** The control word: lengths in two octets, then the negation, the set of sources and whether there are further conditions. */
const MAX_LENGTH_SHIFT = 8;
const NEGATE = 1 << 16;
const SOURCES_SHIFT = 17;
const CONDITIONS = 1 << 30;

function compileTable(family: Family, all: readonly Rule[], additions: readonly Addition[]): Table {
  const rules = all.slice(0, 1 + all.findIndex((rule) => matchesAll(rule, family)));
  const stride = family === IPV4_UNICAST ? IPV4_STRIDE : IPV6_STRIDE;
  const cells = new Int32Array(rules.length * stride);
  const conditions = rules.map((rule) => conditionsOf(rule));
  for (const [row, rule] of rules.entries()) {
    const { prefix, minLength, negate } = rule.match;
    const start = row * stride;
    // Without a condition on the prefix none may be there.
    const maxLength = isAnyPrefix(rule.match, family) ? 0xff : rule.match.maxLength;
    cells[start] =
      minLength |
      (maxLength << MAX_LENGTH_SHIFT) |
      (negate ? NEGATE : 0) |
      (rule.sources << SOURCES_SHIFT) |
      (conditions[row] === undefined ? 0 : CONDITIONS);
    for (let word = 0; word * 2 + 1 < stride; word++) {
      cells[start + 1 + word * 2] = prefix.words[word];
      cells[start + 2 + word * 2] = wordMask(prefix.length - word * 32);
    }
  }
  const added = additions.map(({ prefix, rewrite }) => ['add', formatPrefix(prefix), rewrite.key]);
  const asked = rules.map((rule) => identityOf(rule));
  return {
    family,
    cells,
    conditions,
    accepts: Uint8Array.from(rules, (rule) => Number(rule.accept)),
    adds: Uint8Array.from(rules, (rule) => Number(rule.adds === true)),
    rewrites: [...rules.map((rule) => rule.rewrite), ...additions.map(({ rewrite }) => rewrite)],
    additions,
    whys: rules.map((rule) => rule.why),
    perPrefix: additions.length > 0 || rules.some(({ match }) => !isAnyPrefix(match, family)),
    usesInterface: rules.some((rule) => rule.conditions?.interface !== undefined),
    identity: [asked, rules.map((rule) => rule.why), added, additions.map(({ words }) => words)],
    policyRows: [
      ...rules.map((rule, row) => ({ key: JSON.stringify(asked[row]), within: boundOf(rule.match) })),
      ...additions.map(({ prefix }, i) => ({ key: JSON.stringify(added[i]), within: prefix })),
    ],
  };
}

function identityOf({ match, sources, conditions, accept, rewrite, adds }: Rule): readonly unknown[] {
  const { prefix, minLength, maxLength, negate } = match;
  return [formatPrefix(prefix), minLength, maxLength, negate, sources, conditions, accept, rewrite?.key, adds];
}

/** The prefix that all lies within that a rule may be about. */
function boundOf({ prefix, negate }: PrefixMatch): Prefix | undefined {
  return negate || prefix.length === 0 ? undefined : prefix;
}

function conditionsOf({ conditions }: Rule): CompiledConditions | undefined {
  return conditions === undefined || !hasConditions(conditions) ? undefined : new CompiledConditions(conditions);
}

function distinct(rewrites: readonly (AttributeRewrite | undefined)[]): readonly AttributeRewrite[] {
  const known = rewrites.filter((rewrite) => rewrite !== undefined);
  return [...new Map(known.map((rewrite) => [rewrite.key, rewrite])).values()];
}

function isAnyPrefix(match: PrefixMatch, family: Family): boolean {
  const { prefix, minLength, maxLength, negate } = match;
  return !negate && prefix.length === 0 && minLength === 0 && maxLength === addressBits(family);
}

function matchesAll(rule: Rule, family: Family): boolean {
  return rule.sources === ANY_SOURCE && isAnyPrefix(rule.match, family) && conditionsOf(rule) === undefined;
}

function matchRow(table: Table, route: RouteView): number {
  return table.family === IPV4_UNICAST ? matchIPv4(table, route) : matchIPv6(table, route);
}

function matchIPv4({ cells, conditions }: Table, route: RouteView): number {
  const a0 = route.a0 | 0;
  for (let cell = 0, row = 0; cell < cells.length; cell += IPV4_STRIDE, row++) {
    const control = cells[cell];
    const inside = ((a0 ^ cells[cell + 1]) & cells[cell + 2]) === 0;
    // Most routes are outside most prefixes; that is known here, without looking further.
    if (!inside && (control & NEGATE) === 0) continue;
    if (!holds(control, inside, route.length, route.source)) continue;
    if ((control & CONDITIONS) === 0 || conditions[row]!.hold(route)) return row;
  }
  return -1;
}

function matchIPv6({ cells, conditions }: Table, route: RouteView): number {
  const a0 = route.a0 | 0;
  for (let cell = 0, row = 0; cell < cells.length; cell += IPV6_STRIDE, row++) {
    const control = cells[cell];
    const inside =
      ((a0 ^ cells[cell + 1]) & cells[cell + 2]) === 0 &&
      ((route.a1 ^ cells[cell + 3]) & cells[cell + 4]) === 0 &&
      ((route.a2 ^ cells[cell + 5]) & cells[cell + 6]) === 0 &&
      ((route.a3 ^ cells[cell + 7]) & cells[cell + 8]) === 0;
    if (!inside && (control & NEGATE) === 0) continue;
    if (!holds(control, inside, route.length, route.source)) continue;
    if ((control & CONDITIONS) === 0 || conditions[row]!.hold(route)) return row;
  }
  return -1;
}

/** Whether a rule's prefix and source hold, given whether the route's address is inside the rule's prefix. */
function holds(control: number, inside: boolean, length: number, source: number): boolean {
  const fits = inside && length >= (control & 0xff) && length <= ((control >>> MAX_LENGTH_SHIFT) & 0xff);
  return fits === ((control & NEGATE) === 0) && ((control >>> (SOURCES_SHIFT + source)) & 1) === 1;
}

/** The addition that a route gets: the first whose prefix it is within. */
function additionTo({ additions }: Table, route: RouteView): Addition | undefined {
  for (const addition of additions) {
    const { words, length } = addition.prefix;
    if (
      route.length >= length &&
      ((route.a0 ^ words[0]) & wordMask(length)) === 0 &&
      ((route.a1 ^ words[1]) & wordMask(length - 32)) === 0 &&
      ((route.a2 ^ words[2]) & wordMask(length - 64)) === 0 &&
      ((route.a3 ^ words[3]) & wordMask(length - 96)) === 0
    ) {
      return addition;
    }
  }
  return undefined;
}
