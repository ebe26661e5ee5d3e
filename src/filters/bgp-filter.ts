/**
 * A BGPFilter as this room reads it, and its rules as rows of a rule table (Calico's BGPFilter, `projectcalico.org/v3`).
 * The resource's own type has the same shape, so a resource that passed validation can be handed over as it is.
 */
import { IPV4_UNICAST, addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { parsePrefix } from '../net/prefix.ts';
import { ANY_SOURCE, BGP_SOURCES, anyPrefix } from './rule-table.ts';
import type { PrefixMatch, Rule } from './rule-table.ts';

/** One valid rule; fields as Calico spells them. An unset field is no condition. */
export interface FilterRule {
  readonly cidr?: string | undefined;
  readonly matchOperator?: 'Equal' | 'NotEqual' | 'In' | 'NotIn' | undefined;
  readonly prefixLength?: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined;
  readonly source?: 'RemotePeers' | undefined;
  readonly action: 'Accept' | 'Reject';
  readonly interface?: unknown;
  readonly peerType?: unknown;
  readonly communities?: unknown;
  readonly asPathPrefix?: unknown;
  readonly priority?: unknown;
  readonly operations?: unknown;
}

/** The four rule lists of a BGPFilter. */
export interface FilterSpec {
  readonly importV4?: readonly FilterRule[] | undefined;
  readonly importV6?: readonly FilterRule[] | undefined;
  readonly exportV4?: readonly FilterRule[] | undefined;
  readonly exportV6?: readonly FilterRule[] | undefined;
}

/** A filter that a neighbour names; `spec` is undefined where there is no valid BGPFilter of that name. */
export interface NamedFilter {
  readonly name: string;
  readonly spec: FilterSpec | undefined;
}

/** Something in a BGPFilter that is not done as it is written. */
export interface FilterProblem {
  /** The resource it is about, e.g. `BGPFilter no-default`. */
  readonly resource: string;
  /** Field of its spec, e.g. `exportV4[0].interface`, or empty where it is the resource as a whole. */
  readonly field: string;
  /** What it means and what to do, as a sentence. */
  readonly message: string;
}

export type Direction = 'import' | 'export';

const LISTS = ['importV4', 'importV6', 'exportV4', 'exportV6'] as const;

type UnsupportedField = 'interface' | 'peerType' | 'communities' | 'asPathPrefix' | 'priority' | 'operations';

const UNSUPPORTED: readonly UnsupportedField[] = [
  'interface',
  'peerType',
  'communities',
  'asPathPrefix',
  'priority',
  'operations',
];

/** Every problem of a filter, in the order of its rules. */
export function filterProblems(filter: NamedFilter): readonly FilterProblem[] {
  const resource = `BGPFilter ${filter.name}`;
  if (filter.spec === undefined) {
    const message =
      'The filter is missing or invalid, and every route that reaches it is rejected. Create or correct it, or remove it from the BGPPeers.';
    return [{ resource, field: '', message }];
  }
  const problems: FilterProblem[] = [];
  for (const list of LISTS) {
    for (const [index, rule] of (filter.spec[list] ?? []).entries()) {
      for (const unsupported of unsupportedFields(rule)) {
        const message = 'This is not supported yet: the rule rejects whatever its other conditions match.';
        problems.push({ resource, field: `${list}[${index}].${unsupported}`, message });
      }
    }
  }
  return problems;
}

/**
 * The rules of a filter for one direction and family. A rule with a field that is not supported fails closed: it rejects
 * whatever its other conditions match. A filter that is missing rejects everything.
 */
export function filterRules(filter: NamedFilter, direction: Direction, family: Family): readonly Rule[] {
  if (filter.spec === undefined) {
    const why = `rejected: BGPFilter "${filter.name}" is missing or invalid`;
    return [{ match: anyPrefix(family), sources: ANY_SOURCE, accept: false, why }];
  }
  const list = `${direction}${family === IPV4_UNICAST ? 'V4' : 'V6'}` as const;
  return (filter.spec[list] ?? []).map((rule, index) => {
    const unsupported = unsupportedFields(rule);
    const accept = unsupported.length === 0 && rule.action === 'Accept';
    const name = `BGPFilter "${filter.name}" ${list} rule ${index + 1} (${conditionsInWords(rule)})`;
    const because = unsupported.length === 0 ? '' : `, which fails closed: ${unsupported[0]} is not supported yet`;
    return {
      match: prefixMatch(rule, family),
      // Whatever is imported was learned by BGP, so the condition always holds there.
      sources: rule.source === 'RemotePeers' && direction === 'export' ? BGP_SOURCES : ANY_SOURCE,
      accept,
      why: `${accept ? 'accepted' : 'rejected'} by ${name}${because}`,
    };
  });
}

function unsupportedFields(rule: FilterRule): readonly string[] {
  return UNSUPPORTED.filter((field) => rule[field] !== undefined);
}

/**
 * The prefix condition. Lengths are limited to those of prefixes within the CIDR, as Calico limits them; the negative
 * operators negate the whole condition, lengths included.
 */
function prefixMatch(rule: FilterRule, family: Family): PrefixMatch {
  if (rule.cidr === undefined) return anyPrefix(family);
  const prefix = parsePrefix(rule.cidr);
  const equal = rule.matchOperator === 'Equal' || rule.matchOperator === 'NotEqual';
  const longest = equal ? prefix.length : addressBits(family);
  return {
    prefix,
    minLength: Math.max(prefix.length, rule.prefixLength?.min ?? 0),
    maxLength: Math.min(longest, rule.prefixLength?.max ?? longest),
    negate: rule.matchOperator === 'NotEqual' || rule.matchOperator === 'NotIn',
  };
}

function conditionsInWords(rule: FilterRule): string {
  const words: string[] = [];
  if (rule.cidr !== undefined) {
    const { min, max } = rule.prefixLength ?? {};
    const from = min === undefined ? '' : ` from /${min}`;
    const to = max === undefined ? '' : ` to /${max}`;
    words.push(`${rule.matchOperator} ${rule.cidr}${from}${to}`);
  }
  if (rule.source !== undefined) words.push(`source ${rule.source}`);
  return words.length === 0 ? 'any route' : words.join(', ');
}
