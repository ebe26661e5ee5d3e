/** What is said on policies that name what does not exist: they may wait for it, and are not as they look until then. */
import type { Problem } from '../resources/resource.ts';
import type { Policy } from './policy.ts';
import type { PolicyProblem } from './problem.ts';
import type { Rule, SetSpec } from './rule.ts';

type ServiceSpec = Extract<SetSpec, { kind: 'service' }>;

export interface KnownReferents {
  readonly isTier: (name: string) => boolean;
  readonly isService: (service: ServiceSpec) => boolean;
}

export function* missingReferents(
  policies: Iterable<{ readonly policy: Policy }>,
  { isTier, isService }: KnownReferents,
): Generator<PolicyProblem> {
  for (const { policy } of policies) {
    const { kind, namespace, name, tier } = policy;
    const of = { kind, ...(namespace === undefined ? {} : { namespace }), name };
    if (!isTier(tier)) yield { ...of, ...missingTier(tier) };
    for (const direction of ['ingress', 'egress'] as const) {
      for (const rule of policy[direction] ?? []) {
        for (const service of servicesOf(rule)) {
          if (!isService(service)) yield { ...of, ...missingService(service, [direction, rule.index]) };
        }
      }
    }
  }
}

function missingTier(tier: string): Problem {
  const message = `there is no Tier "${tier}": the policy is asked after those of all others, and what no rule of it matches is denied`;
  return { path: ['spec', 'tier'], message, severity: 'warning' };
}

function missingService({ namespace, name }: ServiceSpec, place: readonly (string | number)[]): Problem {
  const message = `there is no EndpointSlice of Service ${namespace}/${name}: the rule matches nothing`;
  return { path: ['spec', ...place], message, severity: 'warning' };
}

/** A rule may have one at either end: as a source its addresses, as a destination its ports at addresses. */
function servicesOf({ source, destination }: Rule): readonly ServiceSpec[] {
  return [source.in, ...(destination.ports?.sets ?? [])].filter((set) => set?.kind === 'service');
}
