/** What a service claims on this node, and by which decisions. */
import { formatPrefix } from '../net/prefix.ts';
import { offeredPrefixes, verdictOf } from './advertisement-offers.ts';
import type { OfferedPrefix, RuleVerdict } from './advertisement-offers.ts';
import type { Claim } from './claimed-prefixes.ts';
import { defaultDecision } from './default-rules.ts';
import type { DefaultDecision, EndpointCounts } from './default-rules.ts';
import { prefixOfAddress } from './host-prefix.ts';
import type { ServiceContext } from './service-context.ts';
import type { ServiceLabels } from './service-labels.ts';
import type { PlannedAddress, ServicePlan } from './service-plan.ts';

/** What becomes of an address: by ServiceAdvertisements, if any picks the service, or by default. */
export type AddressDecision =
  | { readonly by: 'exclusion' }
  | { readonly by: 'default'; readonly decision: DefaultDecision }
  | {
      readonly by: 'advertisements';
      readonly verdicts: readonly RuleVerdict[];
      readonly prefixes: readonly OfferedPrefix[];
    };

export function decide(
  plan: ServicePlan,
  address: PlannedAddress,
  counts: EndpointCounts,
  context: ServiceContext,
): AddressDecision {
  if (context.excluded) return { by: 'exclusion' };
  if (plan.rules.length === 0) {
    return { by: 'default', decision: defaultDecision(plan, address, counts, context) };
  }
  const own = counts[address.family];
  const verdicts = address.rules.map((rule) => verdictOf(rule, plan, address, own, context));
  return { by: 'advertisements', verdicts, prefixes: offeredPrefixes(verdicts, address.family, own) };
}

/** Whether endpoints are all that is missing, where a decision comes to no claim. */
export function isWaiting(decision: AddressDecision): boolean {
  if (decision.by === 'exclusion') return false;
  if (decision.by === 'default') return decision.decision.reason === 'noLocal' || decision.decision.reason === 'none';
  return decision.verdicts.some(({ role, why }) => role === 'withdrawn' && why !== 'noZone');
}

/** The claims that a decision comes to. */
export function claimsOf(decision: AddressDecision, address: PlannedAddress, labels: ServiceLabels): readonly Claim[] {
  if (decision.by === 'exclusion') return [];
  if (decision.by === 'default') return decision.decision.isTold ? [hostClaim(address, 0)] : [];
  return decision.prefixes.map(({ length, offers }) => {
    const label = labels.labelOf(offers);
    if (length === address.prefix.length) return hostClaim(address, label);
    const prefix = prefixOfAddress(address.address, length);
    return { text: formatPrefix(prefix), prefix, label };
  });
}

/** The text of the prefix follows from that of the address, which is in its canonical form. */
function hostClaim({ address, prefix }: PlannedAddress, label: number): Claim {
  return { text: `${address}/${prefix.length}`, prefix, label };
}

/** All claims of a service, one for each prefix. */
export function serviceClaims(
  plan: ServicePlan,
  counts: EndpointCounts,
  context: ServiceContext,
  labels: ServiceLabels,
): readonly Claim[] {
  const claims = plan.addresses.flatMap((address) => claimsOf(decide(plan, address, counts, context), address, labels));
  if (claims.length < 2) return claims;
  const byText = new Map<string, Claim>();
  for (const next of claims) {
    const known = byText.get(next.text);
    const isOther = known !== undefined && known.label !== next.label;
    byText.set(next.text, isOther ? { ...next, label: labels.combine([known.label, next.label]) } : next);
  }
  return byText.size === claims.length ? claims : [...byText.values()];
}
