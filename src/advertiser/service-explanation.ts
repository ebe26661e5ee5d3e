/** What there is to say of a service: its addresses, by which rules they are told or not, and why. */
import { addressBits } from '../net/family.ts';
import { picks } from './advertisement-rule.ts';
import type { ClaimedPrefixes } from './claimed-prefixes.ts';
import type { EndpointCounts } from './default-rules.ts';
import { claimsOf, decide, isWaiting } from './service-claims.ts';
import type { AddressDecision } from './service-claims.ts';
import type { ServiceContext } from './service-context.ts';
import type { ServiceLabels } from './service-labels.ts';
import { rangeOf } from './service-plan.ts';
import type { PlannedAddress, ServicePlan } from './service-plan.ts';
import type {
  ServiceAddress,
  ServiceExplanation,
  ServiceOffer,
  ServiceRole,
  ServiceSummary,
} from './service-routes.ts';
import { DEFAULT_RULE, decisionWords, named } from './service-words.ts';

/** What is known when a service is explained. */
export interface ServiceFacts {
  readonly context: ServiceContext;
  readonly counts: EndpointCounts;
  readonly hasSlices: boolean;
  readonly labels: ServiceLabels;
  readonly prefixes: ClaimedPrefixes;
}

export function summarizeService(plan: ServicePlan, facts: ServiceFacts): ServiceSummary {
  const { metadata, spec } = plan.service;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    type: spec.type,
    addresses: plan.addresses.map((address) => explainAddress(plan, address, facts)),
  };
}

export function explainService(plan: ServicePlan, facts: ServiceFacts): ServiceExplanation {
  const summary = summarizeService(plan, facts);
  return {
    ...summary,
    rules: explainRules(plan, facts),
    endpoints: explainEndpoints(facts),
    merged: merged(plan, facts),
  };
}

function explainAddress(plan: ServicePlan, address: PlannedAddress, facts: ServiceFacts): ServiceAddress {
  const { context, counts, labels, prefixes } = facts;
  const decision = decide(plan, address, counts, context);
  const claims = [...claimsOf(decision, address, labels)].sort((a, b) => b.prefix.length - a.prefix.length);
  const route = claims.length === 0 ? undefined : prefixes.routes.get(claims[0].text);
  const offers = route === undefined ? [] : labels.offersOf(route.label);
  const covering = context.excluded ? undefined : rangeOf(address, context.aggregates);
  const isCovered = decision.by === 'default' && decision.decision.reason === 'covered' && covering !== undefined;
  return {
    address: address.address,
    kind: address.kind,
    prefix: claims[0]?.text ?? null,
    coveredBy: covering?.text ?? null,
    advertised: claims.length > 0 || isCovered,
    isWaiting: claims.length === 0 && isWaiting(decision),
    role: route === undefined ? null : roleOf(offers),
    rule: ruleOf(decision, plan, address, context),
    words: decisionWords(decision, plan, address, counts, context),
    offers,
  };
}

/** The best that any peer is told. */
function roleOf(offers: readonly ServiceOffer[]): ServiceRole {
  return offers.length === 0 || offers.some(({ terms }) => terms?.role === 'primary') ? 'primary' : 'backup';
}

function ruleOf(decision: AddressDecision, plan: ServicePlan, address: PlannedAddress, context: ServiceContext) {
  if (decision.by === 'exclusion') return `Node "${context.node}"`;
  if (decision.by === 'default') return DEFAULT_RULE;
  const rules = address.rules.length > 0 ? address.rules : plan.rules;
  return rules.map(({ rule }) => rule).join(', ');
}

function explainRules({ rules, service }: ServicePlan, { context }: ServiceFacts): ServiceExplanation['rules'] {
  const isDefault = rules.length === 0;
  const fallback = isDefault ? 'No ServiceAdvertisement picks it.' : 'A ServiceAdvertisement picks it instead.';
  return [
    { rule: DEFAULT_RULE, applies: isDefault, words: fallback },
    ...context.rules.map((rule) => {
      const { serviceSelector, spec } = rule;
      if (picks(rule, service, context.namespaces)) {
        return { rule: rule.rule, applies: true, words: `Its serviceSelector picks it: ${spec.serviceSelector}` };
      }
      const isNamespace = serviceSelector.matches(service.metadata.labels);
      const words = isNamespace
        ? `Its namespaceSelector does not pick the namespace: ${spec.namespaceSelector}`
        : `Its serviceSelector does not pick it: ${spec.serviceSelector}`;
      return { rule: rule.rule, applies: false, words };
    }),
  ];
}

const FAMILY_TEXTS = ['IPv4', 'IPv6'] as const;

function explainEndpoints({ counts, hasSlices }: ServiceFacts): ServiceExplanation['endpoints'] {
  if (!hasSlices) return [];
  return counts
    .map(({ here, zones, cluster }, family) => ({ family: FAMILY_TEXTS[family], here, zone: zones[0], cluster }))
    .filter(({ family, cluster }) => cluster.all > 0 || family === 'IPv4');
}

/** How several rules, and several services, come to one. */
function merged(plan: ServicePlan, { context, counts, labels, prefixes }: ServiceFacts): readonly string[] {
  const words: string[] = [];
  for (const address of plan.addresses) {
    if (address.rules.length > 1 && !context.excluded) {
      words.push(
        `${address.address}: ${address.rules.map(({ rule }) => rule).join(' and ')} count together for a peer that several of them pick: the narrowest scope decides, communities are united, and the highest localPreference, the lowest med, the greatest prepend and the longest prefix count.`,
      );
    }
    for (const { text, prefix } of claimsOf(decide(plan, address, counts, context), address, labels)) {
      const { count, services } = prefixes.claimants(text);
      const range = context.aggregates.find((one) => one.text === text);
      if (range !== undefined) words.push(`${text} is announced as ${named(range)} all the same.`);
      else if (prefix.length < addressBits(prefix.family)) {
        words.push(`${text} is announced for ${count === 1 ? 'this service alone' : `${count} services`}.`);
      } else if (services.length > 1) {
        words.push(
          `${text} is an address of ${[...services].sort().join(', ')}: a peer is told the best of what holds for each.`,
        );
      }
    }
  }
  return [...new Set(words)];
}

/** Why there is a route: nothing that changes while the route stays as it is. `plan` is that of its service, if it has one. */
export function routeReason(
  text: string,
  offers: readonly ServiceOffer[],
  plan: ServicePlan | undefined,
  context: ServiceContext,
): string {
  const rules = offers.length === 0 ? DEFAULT_RULE : [...new Set(offers.map(({ rule }) => rule))].join(', ');
  if (plan === undefined) {
    const range = context.aggregates.find((one) => one.text === text);
    return range === undefined
      ? `It has addresses of services, by ${rules}.`
      : `It is a range of ${range.setting} in ${DEFAULT_RULE}.`;
  }
  const { metadata } = plan.service;
  const host = text.slice(0, text.indexOf('/'));
  const kind = plan.addresses.find(({ address }) => address === host)?.kind ?? 'Address';
  return `${kind} of service ${metadata.namespace ?? ''}/${metadata.name}, by ${rules}.`;
}
