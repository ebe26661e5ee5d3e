/**
 * Routes to services on their way to a neighbour: who is told, and on which terms, is settled by the label of the route before
 * any filter is asked.
 */
import { REJECTED, SOURCE_SERVICE } from '../rib/policy.ts';
import type { AttributeRewrite, PolicyVerdict, RoutePolicy, RouteView } from '../rib/policy.ts';

/** What is to be done with the routes of one label. */
export interface ServiceVerdict {
  /** Whether the neighbour is told. */
  readonly accept: boolean;
  /** The terms. */
  readonly rewrite?: AttributeRewrite;
  /** In words; empty where there is nothing to be said. */
  readonly why: string;
}

/** Answers for a neighbour. */
export interface ServiceExport {
  /** Equal for neighbours that get the same answers. */
  readonly key: string;
  /** Asked once for each label and policy, then remembered: the answer must stay the same. */
  of(label: number): ServiceVerdict;
}

/** A policy that asks `services` about routes to services before it asks `policy`. */
export function withServices(policy: RoutePolicy, services: ServiceExport): RoutePolicy {
  const verdicts: (ServiceVerdict | undefined)[] = [];
  const verdictOf = (label: number): ServiceVerdict => (verdicts[label] ??= services.of(label));
  const row = { key: `services ${services.key}`, within: undefined };
  // One for all labels: those that are yet to come are not known.
  const terms: AttributeRewrite = {
    key: row.key,
    rewrite: (attributes) => {
      const { label = 0, ...told } = attributes;
      return verdictOf(label).rewrite?.rewrite(told) ?? attributes;
    },
  };
  const apply = (route: RouteView): number => policy.apply(route);
  const explain = (route: RouteView): PolicyVerdict => policy.explain(route);
  /** Calls `next` for the route as it is on its terms. */
  const onTerms = <T>(route: RouteView, next: (route: RouteView) => T, tooLong: T): T => {
    const { set } = route;
    const changed = route.attributes.rewrites.apply(terms, set, route.family);
    if (changed === 0) return tooLong;
    route.set = changed;
    const result = next(route);
    route.set = set;
    return result;
  };
  return {
    ...policy,
    key: `${row.key} ${policy.key}`,
    rewrites: [...(policy.rewrites ?? []), terms],
    ...(policy.rows !== undefined && {
      rows: [
        [row, ...policy.rows[0]],
        [row, ...policy.rows[1]],
      ],
    }),
    apply(route: RouteView): number {
      if (route.source !== SOURCE_SERVICE) return policy.apply(route);
      if (!verdictOf(route.attributes.label[route.set]).accept) return REJECTED;
      return onTerms(route, apply, REJECTED);
    },
    explain(route: RouteView): PolicyVerdict {
      if (route.source !== SOURCE_SERVICE) return policy.explain(route);
      const { accept, why: terms } = verdictOf(route.attributes.label[route.set]);
      if (!accept) return { accepted: false, why: `rejected: ${terms}` };
      const { accepted, why } = onTerms(route, explain, TOO_LONG);
      return { accepted, why: accepted && terms !== '' ? `${why}; ${terms}` : why };
    },
  };
}

const TOO_LONG: PolicyVerdict = { accepted: false, why: 'rejected: with its terms its attributes are too long' };
