/**
 * What the RIB needs to know of filters: a compiled policy that maps a route to the attribute set it goes on with.
 * Filters are compiled in `src/filters`; the RIB only calls them.
 */
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { IPV4_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { SOURCE_LOCAL } from '../route-reflector/route-source.ts';
import type { RouteSource } from '../route-reflector/route-source.ts';
import type { AttributeSets } from './attribute-sets.ts';

export {
  SOURCE_CLIENT,
  SOURCE_EXTERNAL,
  SOURCE_INTERNAL,
  SOURCE_LOCAL,
  SOURCE_SERVICE,
  SOURCE_WORKLOAD,
  isOwn,
} from '../route-reflector/route-source.ts';
export type { RouteSource } from '../route-reflector/route-source.ts';

/**
 * A route as a policy sees it. One mutable object is reused for every call, so a policy must not keep it.
 * The prefix fields are meaningful only to policies with `perPrefix`.
 */
export interface RouteView {
  family: Family;
  /** The prefix as words, see `Prefix`. */
  a0: number;
  a1: number;
  a2: number;
  a3: number;
  length: number;
  source: RouteSource;
  attributes: AttributeSets;
  /** Id of the route's attribute set. */
  set: number;
  /** Name of the interface that packets leave through, '' where it is not known; only for policies with `usesInterface`. */
  interface: string;
}

/** A view to be filled in, of routes whose attributes are in `attributes`. */
export function emptyView(attributes: AttributeSets): RouteView {
  const nowhere = { a0: 0, a1: 0, a2: 0, a3: 0, length: 0, interface: '' };
  return { ...nowhere, family: IPV4_UNICAST, source: SOURCE_LOCAL, attributes, set: 0 };
}

/** A change that a policy makes to the attributes of routes. Those with equal keys make the same one. */
export interface AttributeRewrite {
  readonly key: string;
  rewrite(attributes: Attributes): Attributes;
}

/** One condition of a policy with what follows from it, as far as it matters for what a change of the policy is about. */
export interface PolicyRow {
  /** Equal for rows that ask and do the same. */
  readonly key: string;
  /** All that it matches is within this prefix; undefined where it may be anything. */
  readonly within: Prefix | undefined;
}

/** A policy's answer in words, for `explain`. */
export interface PolicyVerdict {
  readonly accepted: boolean;
  /** Which filter and rule decided, e.g. `rejected by BGPFilter "no-default" rule 1 (0.0.0.0/0)`. */
  readonly why: string;
}

/** Returned by {@link RoutePolicy.apply} for a route that is not let through. */
export const REJECTED = 0;

/** A compiled import or export policy. */
export interface RoutePolicy {
  /** Whether the answer may depend on the prefix; if not, it is cached per attribute set. */
  readonly perPrefix: boolean;
  /** Identity of what was compiled: policies with equal keys answer alike, in words too. */
  readonly key: string;
  /** Whether the answer may depend on the interface of a route. */
  readonly usesInterface?: boolean;
  /** The changes that it may make, each once. */
  readonly rewrites?: readonly AttributeRewrite[];
  /** By family, what is asked in order, the first match deciding; without it nothing is known of what a change is about. */
  readonly rows?: readonly [readonly PolicyRow[], readonly PolicyRow[]];
  /**
   * Id of the attribute set to go on with (the same one when unchanged), or {@link REJECTED}. What it changed is
   * worked out once for each attribute set, and kept for as long as that one is in use. Else it allocates nothing.
   */
  apply(route: RouteView): number;
  /** The same decision, in words. */
  explain(route: RouteView): PolicyVerdict;
}
