/** Tiers, in the order in which they are asked. */
import { UNREADABLE_TIER } from '../resources/policy-salvage.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import { FIXED_TIERS } from '../resources/kinds/tier.ts';
import type { Tier } from './policy.ts';

/** There in every cluster, whether a resource says so or not; what a resource says of them does not count. */
export const BUILT_IN_TIERS: readonly Tier[] = [
  ...Array.from(FIXED_TIERS, ([name, fixed]) => ({ name, ...fixed })),
  // Where policies are of which nobody can read after which others they come.
  { name: UNREADABLE_TIER, order: -Infinity, defaultAction: 'Deny' },
];

export function compileTier({ metadata: { name }, spec }: ResourceOf<'Tier'>): Tier {
  const builtIn = BUILT_IN_TIERS.find((tier) => tier.name === name);
  if (builtIn !== undefined) return builtIn;
  if (spec.closed) return { name, order: -Infinity, defaultAction: 'Deny', closed: true };
  return { name, order: spec.order ?? Infinity, defaultAction: spec.defaultAction };
}
