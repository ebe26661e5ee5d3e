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
  SOURCE_WORKLOAD,
} from '../rib/policy.ts';
import type { PolicyVerdict, RoutePolicy, RouteView } from '../rib/policy.ts';

/** Sets of route sources, one bit a {@link RouteView} source. */
export const LOCAL_SOURCE = 1 << SOURCE_LOCAL;
export const BGP_SOURCES = (1 << SOURCE_EXTERNAL) | (1 << SOURCE_INTERNAL) | (1 << SOURCE_CLIENT);
export const ANY_SOURCE = LOCAL_SOURCE | (1 << SOURCE_WORKLOAD) | BGP_SOURCES;

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
  readonly accept: boolean;
  /** The verdict in words. */
  readonly why: string;
}

/** The match that holds for every prefix of a family. */
export function anyPrefix(family: Family): PrefixMatch {
  return within({ family, words: [0, 0, 0, 0], length: 0 });
}

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
export function compileRules(rules: (family: Family) => readonly Rule[]): RoutePolicy {
  const [ipv4, ipv6] = FAMILIES.map((family) => compileTable(family, rules(family)));
  const constant = ipv4.constant && ipv6.constant && ipv4.accepts[0] === ipv6.accepts[0];
  return {
    perPrefix: !constant,
    key: JSON.stringify([ipv4.identity, ipv6.identity]),
    apply(route: RouteView): number {
      // Without `perPrefix` the prefix of the route is not set.
      if (constant) return ipv4.accepts[0] === 1 ? route.set : REJECTED;
      if (route.family === IPV4_UNICAST) return ipv4.accepts[matchIPv4(ipv4.cells, route)] === 1 ? route.set : REJECTED;
      return ipv6.accepts[matchIPv6(ipv6.cells, route)] === 1 ? route.set : REJECTED;
    },
    explain(route: RouteView): PolicyVerdict {
      const table = route.family === IPV4_UNICAST ? ipv4 : ipv6;
      const row = route.family === IPV4_UNICAST ? matchIPv4(table.cells, route) : matchIPv6(table.cells, route);
      return { accepted: table.accepts[row] === 1, why: table.whys[row] };
    },
  };
}

interface Table {
  /** Rows of conditions, see {@link compileTable}. */
  readonly cells: Int32Array;
  readonly accepts: Uint8Array;
  readonly whys: readonly string[];
  /** Whether every route gets the same answer. */
  readonly constant: boolean;
  readonly identity: readonly unknown[];
}

/** A row is the control word, then (network, mask) for each word of the address. */
const IPV4_STRIDE = 3;
const IPV6_STRIDE = 9;

/** The control word: lengths in two octets, then the negation and the set of sources. */
const MAX_LENGTH_SHIFT = 8;
const NEGATE = 1 << 16;
const SOURCES_SHIFT = 17;

function compileTable(family: Family, all: readonly Rule[]): Table {
  const rules = all.slice(0, 1 + all.findIndex((rule) => matchesAll(rule, family)));
  const stride = family === IPV4_UNICAST ? IPV4_STRIDE : IPV6_STRIDE;
  const cells = new Int32Array(rules.length * stride);
  for (const [row, rule] of rules.entries()) {
    const { prefix, minLength, maxLength, negate } = rule.match;
    const start = row * stride;
    cells[start] =
      minLength | (maxLength << MAX_LENGTH_SHIFT) | (negate ? NEGATE : 0) | (rule.sources << SOURCES_SHIFT);
    for (let word = 0; word * 2 + 1 < stride; word++) {
      cells[start + 1 + word * 2] = prefix.words[word];
      cells[start + 2 + word * 2] = wordMask(prefix.length - word * 32);
    }
  }
  return {
    cells,
    accepts: Uint8Array.from(rules, (rule) => Number(rule.accept)),
    whys: rules.map((rule) => rule.why),
    constant: rules.length === 1,
    identity: rules.map(({ match, sources, accept, why }) => [
      formatPrefix(match.prefix),
      match.minLength,
      match.maxLength,
      match.negate,
      sources,
      accept,
      why,
    ]),
  };
}

function matchesAll({ match, sources }: Rule, family: Family): boolean {
  return (
    sources === ANY_SOURCE &&
    !match.negate &&
    match.prefix.length === 0 &&
    match.minLength === 0 &&
    match.maxLength === addressBits(family)
  );
}

function matchIPv4(cells: Int32Array, route: RouteView): number {
  const a0 = route.a0 | 0;
  for (let cell = 0, row = 0; cell < cells.length; cell += IPV4_STRIDE, row++) {
    const control = cells[cell];
    const inside = ((a0 ^ cells[cell + 1]) & cells[cell + 2]) === 0;
    // Most routes are outside most prefixes; that is known here, without looking further.
    if ((inside || (control & NEGATE) !== 0) && holds(control, inside, route.length, route.source)) return row;
  }
  return -1;
}

function matchIPv6(cells: Int32Array, route: RouteView): number {
  const a0 = route.a0 | 0;
  for (let cell = 0, row = 0; cell < cells.length; cell += IPV6_STRIDE, row++) {
    const control = cells[cell];
    const inside =
      ((a0 ^ cells[cell + 1]) & cells[cell + 2]) === 0 &&
      ((route.a1 ^ cells[cell + 3]) & cells[cell + 4]) === 0 &&
      ((route.a2 ^ cells[cell + 5]) & cells[cell + 6]) === 0 &&
      ((route.a3 ^ cells[cell + 7]) & cells[cell + 8]) === 0;
    if ((inside || (control & NEGATE) !== 0) && holds(control, inside, route.length, route.source)) return row;
  }
  return -1;
}

/** Whether a rule's conditions hold, given whether the route's address is inside the rule's prefix. */
function holds(control: number, inside: boolean, length: number, source: number): boolean {
  const fits = inside && length >= (control & 0xff) && length <= ((control >>> MAX_LENGTH_SHIFT) & 0xff);
  return fits === ((control & NEGATE) === 0) && ((control >>> (SOURCES_SHIFT + source)) & 1) === 1;
}
