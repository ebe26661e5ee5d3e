/** What is said on policies in tiers that do not exist. */
import type { Policy } from './policy.ts';
import type { PolicyProblem } from './problem.ts';

export function* unknownTiers(
  policies: Iterable<{ readonly policy: Policy }>,
  isTier: (name: string) => boolean,
): Generator<PolicyProblem> {
  for (const { policy } of policies) {
    const { kind, namespace, name, tier } = policy;
    if (isTier(tier)) continue;
    yield {
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
      path: ['spec', 'tier'],
      message: `there is no Tier "${tier}": the policy is asked after those of all others, and what no rule of it matches is denied`,
      severity: 'warning',
    };
  }
}
