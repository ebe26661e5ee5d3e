/** What a service claims on this node, and by which decisions. */
import { addressBits } from '../net/family.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { offeredPrefixes, verdictOf } from './advertisement-offers.ts';
import type { OfferedPrefix, RuleVerdict } from './advertisement-offers.ts';
import type { Claim } from './claimed-prefixes.ts';
import { defaultDecision } from './default-rules.ts';
import type { DefaultDecision, EndpointCounts } from './default-rules.ts';
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

/** The claims that a decision comes to. */
export function claimsOf(decision: AddressDecision, { address, family }: PlannedAddress, labels: ServiceLabels) {
  if (decision.by === 'exclusion') return [];
  const bits = addressBits(family);
  if (decision.by === 'default') return decision.decision.isTold ? [claim(address, bits, bits, 0)] : [];
  return decision.prefixes.map(({ length, offers }) => claim(address, length, bits, labels.labelOf(offers)));
}

function claim(address: string, length: number, bits: number, label: number): Claim {
  const prefix = parsePrefix(`${address}/${length}`);
  // Formatting takes longer, and the address is in its canonical form already.
  return { text: length === bits ? `${address}/${length}` : formatPrefix(prefix), prefix, label };
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
