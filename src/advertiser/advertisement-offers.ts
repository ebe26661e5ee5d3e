/** What ServiceAdvertisements have this node tell of an address. */
import type { Family } from '../net/family.ts';
import { effectiveScope, prefixLength } from './advertisement-rule.ts';
import type { AdvertisementRule, EffectiveScope } from './advertisement-rule.ts';
import { bandwidthOf } from './bandwidth-levels.ts';
import { isUsable, isUsablePart } from './default-rules.ts';
import type { FamilyCounts } from './endpoint-counts.ts';
import type { ServiceContext } from './service-context.ts';
import type { PlannedAddress, ServicePlan } from './service-plan.ts';
import type { EndpointCount, Scope, ServiceOffer, ServiceTerms } from './service-routes.ts';
import { RANK, backupTerms, primaryTerms } from './terms.ts';

/** What one ServiceAdvertisement says of an address on this node, now. */
export interface RuleVerdict {
  readonly rule: AdvertisementRule;
  readonly effective: EffectiveScope;
  readonly role: 'primary' | 'backup' | 'withdrawn';
  /** Why: no endpoint anywhere; none here, where traffic may not leave the node; a node without zone; in or out of scope. */
  readonly why: 'none' | 'noLocal' | 'noZone' | 'inside' | 'outside';
}

export function verdictOf(
  rule: AdvertisementRule,
  { service }: ServicePlan,
  { isLocal }: PlannedAddress,
  counts: FamilyCounts,
  { topologies }: ServiceContext,
): RuleVerdict {
  const effective = effectiveScope(rule, service, isLocal);
  const verdict = (role: RuleVerdict['role'], why: RuleVerdict['why']) => ({ rule, effective, role, why });
  if (!isUsable(counts.cluster)) return verdict('withdrawn', 'none');
  // kube-proxy drops what reaches a node without endpoints, also while all others have none.
  if (isLocal && !isUsablePart(counts.here, counts.cluster)) return verdict('withdrawn', 'noLocal');
  const zone = topologies.findIndex(({ key }) => key === rule.topologyKey);
  const hasNoZone = effective.scope === 'Zone' && topologies[zone]?.own === undefined;
  // Nor does it ask for zones or hints there: by these, nobody might be left who advertises.
  const zonal = isLocal ? counts.here : counts.zones[zone];
  if (!hasNoZone && isInScope(effective.scope, counts, zonal)) return verdict('primary', 'inside');
  return verdict(effective.others === 'Backup' ? 'backup' : 'withdrawn', hasNoZone ? 'noZone' : 'outside');
}

function isInScope(scope: Scope, { here, cluster }: FamilyCounts, zonal: EndpointCount | undefined): boolean {
  if (scope === 'Cluster') return true;
  if (scope === 'Node') return isUsablePart(here, cluster);
  return zonal !== undefined && isUsablePart(zonal, cluster);
}

/** A prefix to advertise, and to whom. */
export interface OfferedPrefix {
  readonly length: number;
  readonly offers: readonly ServiceOffer[];
}

/** The prefixes that come of the verdicts on an address: one for each length that a rule asks for. None: nobody is told. */
export function offeredPrefixes(
  verdicts: readonly RuleVerdict[],
  family: Family,
  counts: FamilyCounts,
): readonly OfferedPrefix[] {
  const lengths = [...new Set(verdicts.map(({ rule }) => prefixLength(rule, family)))];
  return lengths.flatMap((length) => {
    const offers = withoutOverruled(verdicts.map((verdict) => offerOf(verdict, family, length, counts)));
    const isOffered = offers.some((offer) => offer.length === undefined && offer.terms !== undefined);
    return isOffered ? [{ length, offers }] : [];
  });
}

function offerOf(verdict: RuleVerdict, family: Family, length: number, counts: FamilyCounts): ServiceOffer {
  const { rule, effective } = verdict;
  const { peerSelector } = rule.spec;
  const own = prefixLength(rule, family);
  return {
    rule: rule.rule,
    ...(peerSelector !== undefined && { peerSelector }),
    scope: effective.scope,
    terms: termsOf(verdict, counts),
    ...(own !== length && { length: own < length ? ('shorter' as const) : ('longer' as const) }),
    ...(rule.withdrawDelay !== undefined && { withdrawDelay: rule.withdrawDelay }),
  };
}

function termsOf({ rule, role }: RuleVerdict, { here, cluster }: FamilyCounts): ServiceTerms | undefined {
  if (role === 'withdrawn') return undefined;
  if (role === 'backup') return backupTerms(rule);
  const share = cluster.ready > 0 ? here.ready : here.serving;
  return primaryTerms(rule, rule.spec.weighted === true ? bandwidthOf(share) : undefined);
}

/**
 * Leaves out what no peer is told, because a rule has the route withdrawn for the same peers, or for all, and no rule of a
 * narrower scope decides in its place.
 */
function withoutOverruled(offers: readonly ServiceOffer[]): readonly ServiceOffer[] {
  const narrowest = Math.min(...offers.flatMap(({ terms, scope }) => (terms === undefined ? [] : [RANK[scope]])));
  const withdrawn = offers.filter(({ terms, scope }) => terms === undefined && RANK[scope] <= narrowest);
  if (withdrawn.length === 0) return offers;
  const isOverruled = ({ peerSelector }: ServiceOffer) =>
    withdrawn.some((other) => other.peerSelector === undefined || other.peerSelector === peerSelector);
  return offers.filter((offer) => offer.terms === undefined || !isOverruled(offer));
}
