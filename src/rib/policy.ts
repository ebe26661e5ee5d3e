/**
 * What the RIB needs to know of filters: a compiled policy that maps a route to the attribute set it goes on with.
 * Filters are compiled in `src/filters`; the RIB only calls them.
 */
import type { Family } from '../net/family.ts';
import type { RouteSource } from '../route-reflector/route-source.ts';
import type { AttributeSets } from './attribute-sets.ts';

export {
  SOURCE_CLIENT,
  SOURCE_EXTERNAL,
  SOURCE_INTERNAL,
  SOURCE_LOCAL,
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
  /** Id of the attribute set to go on with (the same one when unchanged), or {@link REJECTED}. Allocates nothing. */
  apply(route: RouteView): number;
  /** The same decision, in words. */
  explain(route: RouteView): PolicyVerdict;
}
