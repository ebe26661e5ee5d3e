/**
 * A BGPFilter as this room reads it, and its rules as rows of a rule table (Calico's BGPFilter, `projectcalico.org/v3`).
 * The resource's own type has the same shape, so a resource that passed validation can be handed over as it is.
 */
import { IPV4_UNICAST, addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { parsePrefix } from '../net/prefix.ts';
import { operationsInWords, rewriteOf } from './operations.ts';
import type { Operation } from './operations.ts';
import { ANY_SOURCE, BGP_SOURCES, anyPrefix } from './rule-table.ts';
import type { PrefixMatch, Rule } from './rule-table.ts';

/** One valid rule; fields as Calico spells them. An unset field is no condition. */
export interface FilterRule {
  readonly cidr?: string | undefined;
  readonly matchOperator?: 'Equal' | 'NotEqual' | 'In' | 'NotIn' | undefined;
  readonly prefixLength?: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined;
  readonly source?: 'RemotePeers' | undefined;
  readonly interface?: string | undefined;
  readonly peerType?: 'eBGP' | 'iBGP' | undefined;
  /** One value. */
  readonly communities?: { readonly values: readonly string[] } | undefined;
  readonly asPathPrefix?: readonly number[] | undefined;
  readonly priority?: number | undefined;
  readonly action: 'Accept' | 'Reject';
  readonly operations?: readonly Operation[] | undefined;
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
  /** Field of its spec, or empty where it is the resource as a whole. */
  readonly field: string;
  /** What it means and what to do, as a sentence. */
  readonly message: string;
}

/** For which of a neighbour's routes rules are wanted. */
export interface RuleScope {
  readonly direction: 'import' | 'export';
  readonly family: Family;
  /** Whether the neighbour is in another AS than this side of the session. */
  readonly external: boolean;
  /** Metric of normal routes, by family. */
  readonly normalMetric: readonly [number, number];
}

/** Every problem of a filter. */
export function filterProblems(filter: NamedFilter): readonly FilterProblem[] {
  if (filter.spec !== undefined) return [];
  const message =
    'The filter is missing or invalid, and every route that reaches it is rejected. Create or correct it, or remove it from the BGPPeers.';
  return [{ resource: `BGPFilter ${filter.name}`, field: '', message }];
}

/**
 * The rules of a filter for one direction and family, without those that are about peers of the other type. A filter that is
 * missing rejects everything.
 */
export function filterRules(filter: NamedFilter, scope: RuleScope): readonly Rule[] {
  const { direction, family, external, normalMetric } = scope;
  if (filter.spec === undefined) {
    const why = `rejected: BGPFilter "${filter.name}" is missing or invalid`;
    return [{ match: anyPrefix(family), sources: ANY_SOURCE, accept: false, why }];
  }
  const list = `${direction}${family === IPV4_UNICAST ? 'V4' : 'V6'}` as const;
  return (filter.spec[list] ?? []).flatMap((rule, index): readonly Rule[] => {
    if (rule.peerType !== undefined && (rule.peerType === 'eBGP') !== external) return [];
    const { action, operations = [] } = rule;
    const accept = action === 'Accept';
    const name = `BGPFilter "${filter.name}" ${list} rule ${index + 1} (${conditionsInWords(rule)})`;
    const changes = operations.length === 0 ? '' : `, which ${operationsInWords(operations)}`;
    const row = {
      match: prefixMatch(rule, family),
      // Whatever is imported was learned by BGP, so the condition always holds there.
      sources: rule.source === 'RemotePeers' && direction === 'export' ? BGP_SOURCES : ANY_SOURCE,
      conditions: {
        interface: rule.interface,
        community: rule.communities?.values[0],
        asPathPrefix: rule.asPathPrefix,
        priority: rule.priority === undefined ? undefined : { is: rule.priority, normal: normalMetric[family] },
      },
      accept,
      why: `${accept ? 'accepted' : 'rejected'} by ${name}${changes}`,
    };
    return [{ ...row, rewrite: rewriteOf(operations) }];
  });
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
  if (rule.interface !== undefined) words.push(`interface ${rule.interface}`);
  if (rule.peerType !== undefined) words.push(`peerType ${rule.peerType}`);
  if (rule.communities !== undefined) words.push(`community ${rule.communities.values[0]}`);
  if (rule.asPathPrefix !== undefined) words.push(`AS_PATH begins with ${rule.asPathPrefix.join(' ')}`);
  if (rule.priority !== undefined) words.push(`priority ${rule.priority}`);
  return words.length === 0 ? 'any route' : words.join(', ');
}
