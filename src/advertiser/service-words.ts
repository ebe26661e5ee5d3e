/** Decisions about the addresses of services, in words. */
import { effectiveScope } from './advertisement-rule.ts';
import type { RuleVerdict } from './advertisement-offers.ts';
import { countsOfFamilies } from './default-rules.ts';
import type { DefaultDecision, EndpointCounts } from './default-rules.ts';
import type { FamilyCounts } from './endpoint-counts.ts';
import { EXCLUDE_LABEL } from './service-context.ts';
import type { ServiceContext, ServiceRange } from './service-context.ts';
import type { AddressDecision } from './service-claims.ts';
import { SETTING_OF, rangeOf } from './service-plan.ts';
import type { PlannedAddress, ServicePlan } from './service-plan.ts';
import type { EndpointCount } from './service-routes.ts';

export const DEFAULT_RULE = 'BGPConfiguration "default"';

/** Why an address is told or not, in sentences. */
export function decisionWords(
  decision: AddressDecision,
  plan: ServicePlan,
  address: PlannedAddress,
  counts: EndpointCounts,
  context: ServiceContext,
): string {
  if (decision.by === 'exclusion') {
    return `This node is kept out: it has the label ${EXCLUDE_LABEL}.`;
  }
  if (decision.by === 'default') return defaultWords(decision.decision, plan, address, counts, context);
  if (decision.verdicts.length === 0) return notMeantWords(plan, address, context);
  const own = counts[address.family];
  const words = decision.verdicts.map((verdict) => verdictWords(verdict, address, own, context));
  return [...words, ...outcome(decision), ...warnings(decision.verdicts, plan, address)].join(' ');
}

/** What several rules come to, where one of them sounds as if the address were announced. */
function outcome({ verdicts, prefixes }: Extract<AddressDecision, { by: 'advertisements' }>): readonly string[] {
  if (prefixes.length > 0 || verdicts.every(({ role }) => role === 'withdrawn')) return [];
  return [
    'Together they have it announced to nobody: the narrowest scope decides, in which Withdraw goes before Backup.',
  ];
}

function defaultWords(
  { isTold, reason }: DefaultDecision,
  plan: ServicePlan,
  address: PlannedAddress,
  counts: EndpointCounts,
  context: ServiceContext,
): string {
  const isStrict = context.mode === 'strict';
  const { here, cluster } = isStrict ? countsOfFamilies(counts, plan.service.spec.ipFamilies) : counts[address.family];
  const endpoint = isStrict ? 'endpoint' : familyEndpoint(address);
  const local = `${isStrict ? 'externalTrafficPolicy' : policyName(address)} is Local`;
  const range = rangeOf(address, context.aggregates);
  switch (reason) {
    case 'single':
      return `An address of the service is a range by itself in ${DEFAULT_RULE}, so every node announces it, with endpoints or without.`;
    case 'local':
      return `${hereWords(here, cluster)}, and ${local}.`;
    case 'any':
      return `${readyWords(cluster)}, and serviceLoadBalancerAggregation is Disabled.`;
    case 'noRange':
      return rangeWords(address, context);
    case 'proxied':
      return proxiedWords();
    case 'covered':
      return range === undefined
        ? `Any node may take its traffic, so it is announced only as part of a range, and no range that is announced has it.`
        : `Any node may take its traffic, so it is announced as part of ${named(range)}.`;
    case 'noLocal': {
      const others = range === undefined ? '' : ` ${named(range)}, which it is in, is announced by every node.`;
      return `It waits for a ready ${endpoint} on this node, because ${local}: ${ofCluster(cluster)}.${others}`;
    }
    case 'none':
      return `It waits for a ready ${endpoint}: ${ofCluster(cluster)}.`;
    default:
      return isTold ? 'It is announced.' : 'It is not announced.';
  }
}

function verdictWords(
  { rule, effective, role, why }: RuleVerdict,
  address: PlannedAddress,
  { here, cluster, zones }: FamilyCounts,
  { topologies }: ServiceContext,
): string {
  const { peerSelector } = rule.spec;
  const audience = peerSelector === undefined ? '' : `, to the peers that ${peerSelector} picks`;
  const head = `${rule.rule} (${effective.source}${audience}):`;
  const endpoint = familyEndpoint(address);
  const topology = topologies.findIndex(({ key }) => key === rule.topologyKey);
  const own = topologies[topology]?.own;
  const zone = `the zone of this node (${rule.topologyKey}${own === undefined ? '' : `=${own}`})`;
  const place = effective.scope === 'Node' ? 'on this node' : `in ${zone}`;
  if (why === 'none') return `${head} it waits for a ready ${endpoint}: ${ofCluster(cluster)}.`;
  if (why === 'noLocal') {
    return `${head} it waits for a ready ${endpoint} on this node, because ${policyName(address)} is Local: ${ofCluster(cluster)}.`;
  }
  if (why === 'noZone') {
    const then = role === 'backup' ? 'it is announced as a backup only' : 'it is not announced';
    return `${head} this node has no label ${rule.topologyKey}, and so no zone: ${then}.`;
  }
  if (why === 'outside') {
    return role === 'backup'
      ? `${head} no ${endpoint} is ready ${place}, so it is announced as a backup: ${ofCluster(cluster)}.`
      : `${head} it waits for a ready ${endpoint} ${place}: ${ofCluster(cluster)}.`;
  }
  if (effective.scope === 'Cluster') return `${head} ${lowerFirst(readyWords(cluster))}.`;
  // Where traffic stays on the node, its own endpoints decide whatever the scope.
  const isHere = effective.scope === 'Node' || address.isLocal;
  const within = isHere ? here : (zones[topology] ?? here);
  return `${head} ${lowerFirst(placeWords(within, cluster, isHere ? 'on this node' : place))}.`;
}

function* warnings(
  verdicts: readonly RuleVerdict[],
  { service }: ServicePlan,
  address: PlannedAddress,
): Generator<string> {
  if (!address.isLocal) return;
  const policy = `${policyName(address)} is Local`;
  const wider = verdicts.find(({ rule }) => effectiveScope(rule, service, true).scope !== 'Node');
  if (wider !== undefined) {
    yield `Its ${policy}, so only nodes with an endpoint of it announce it, whatever scope ${wider.effective.scope} asks for.`;
  }
  const lengths = verdicts.some(({ rule: { spec } }) =>
    address.family === 0 ? (spec.aggregationLength ?? 32) < 32 : (spec.aggregationLengthV6 ?? 128) < 128,
  );
  if (lengths) {
    yield `Its ${policy}, but the prefix that is announced has other addresses too, traffic for which this node may drop.`;
  }
}

/** Why no ServiceAdvertisement that picks the service is about this address. */
function notMeantWords({ rules }: ServicePlan, address: PlannedAddress, context: ServiceContext): string {
  if (address.isProxied) return proxiedWords();
  const asked = rules.some(({ spec: { addresses } }) => addresses === undefined || addresses.includes(address.kind));
  if (asked) return rangeWords(address, context);
  const names = rules.map(({ rule }) => rule).join(' and ');
  return `${names} picked the service, but not its addresses of this kind: these get no route of their own then.`;
}

function proxiedWords(): string {
  return 'Its load balancer takes the connections itself (ipMode Proxy), so the address is of no use on a node.';
}

function rangeWords({ kind }: PlannedAddress, { ranges }: ServiceContext): string {
  const setting = SETTING_OF[kind];
  return ranges[setting].length === 0
    ? `${DEFAULT_RULE} has no ${setting}.`
    : `It is outside ${setting} of ${DEFAULT_RULE}.`;
}

/** A range, in words. */
export function named({ text, setting }: ServiceRange): string {
  return `${text} of ${setting}`;
}

function policyName({ kind }: PlannedAddress): string {
  return kind === 'ClusterIP' ? 'internalTrafficPolicy' : 'externalTrafficPolicy';
}

function familyEndpoint({ family }: PlannedAddress): string {
  return family === 0 ? 'IPv4 endpoint' : 'IPv6 endpoint';
}

function hereWords(here: EndpointCount, cluster: EndpointCount): string {
  return placeWords(here, cluster, 'on this node');
}

function placeWords(within: EndpointCount, cluster: EndpointCount, place: string): string {
  if (within.ready > 0)
    return `${within.ready} of ${plural(cluster.ready, 'ready endpoint')} ${are(within.ready)} ${place}`;
  return `No endpoint ${place} is ready any more, but ${within.serving} that ${within.serving === 1 ? 'terminates' : 'terminate'} still ${within.serving === 1 ? 'serves' : 'serve'}`;
}

function readyWords({ ready, serving }: EndpointCount): string {
  if (ready > 0) return `${plural(ready, 'endpoint')} ${are(ready)} ready`;
  return `No endpoint is ready any more, but ${serving} that ${serving === 1 ? 'terminates still serves' : 'terminate still serve'}`;
}

function ofCluster({ ready, all }: EndpointCount): string {
  return all === 0 ? 'there are none in the cluster' : `${ready} of ${all} in the cluster ${are(all)} ready`;
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
