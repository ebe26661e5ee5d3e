/** The chains in which packets of endpoints are judged, in the order that docs/ruleset.md gives. */
import type { ChainDeclaration } from '../nftables/table-writer.ts';
import type { AppliedTier, EndpointRules, Layer } from '../policy/model.ts';
import type { Policy } from '../policy/policy.ts';
import type { Direction } from '../policy/rule.ts';
import type { PolicySettings } from '../policy/settings.ts';
import { CLEAR_PASSED, RETURN_PASSED } from './mark.ts';
import { endpointChain, plainText, policyChain, profileChain, quoted } from './names.ts';
import type { Chains } from './rule-chains.ts';

/** What there is to ask. */
export interface Judges {
  policy(key: string): Policy | undefined;
  hasProfile(name: string): boolean;
  readonly settings: PolicySettings;
}

/** What a layer of chains has beside policies. */
interface LayerTraits {
  /** Whether connections are known by then. */
  readonly tracked: boolean;
  readonly failsafes: boolean;
  /** Whether what a tier says nothing about is dropped. */
  readonly closed: boolean;
  readonly profiles: boolean;
}

const TRAITS: Readonly<Record<Layer, LayerTraits>> = {
  workload: { tracked: true, failsafes: false, closed: true, profiles: true },
  host: { tracked: true, failsafes: true, closed: true, profiles: true },
  forward: { tracked: true, failsafes: false, closed: true, profiles: false },
  preDNAT: { tracked: true, failsafes: true, closed: false, profiles: false },
  untracked: { tracked: false, failsafes: true, closed: false, profiles: false },
};

/** Neighbour and router discovery and listeners of groups: without them a host has no IPv6. RFC 4890 §4.4.1. */
const NEIGHBOUR_DISCOVERY = 'icmpv6 type { 130, 131, 132, 133, 134, 135, 136, 143 } accept';

/** Of IP in IP, RFC 2003. */
const IPIP = 4;

/** The chain that packets of endpoints with these rules are sent to by `goto`, and those that it asks tiers in. */
export function endpointChains(rules: EndpointRules, judges: Judges): Chains {
  const name = endpointChain(rules.layer, rules.direction, rules.id);
  const chains = new Map<string, ChainDeclaration>();
  const comment = plainText(`${rules.layer} ${rules.direction}: ${contents(rules)}`);
  if (!rules.up) return chains.set(name, { comment, rules: [`drop comment "endpoint is down"`] });
  const lines = [...head(rules, judges.settings)];
  for (const [index, tier] of rules.tiers.entries()) {
    const asked = tierLines(tier, rules, judges);
    if (asked.passes) {
      const own = `${name}_tier${index + 1}`;
      chains.set(own, { comment: plainText(`tier ${tier.name}`), rules: [CLEAR_PASSED, ...asked.lines] });
      lines.push(`jump ${own}`);
    } else lines.push(...asked.lines);
    // Nothing goes on past the end of such a tier.
    if (asked.drops && !asked.passes) return chains.set(name, { comment, rules: lines });
  }
  return chains.set(name, { comment, rules: [...lines, ...tail(rules, judges)] });
}

function contents({ tiers, profiles }: EndpointRules): string {
  const policies = tiers.map((tier) => `tier ${tier.name} (${tier.policies.length})`);
  const words = [...policies, ...profiles.map((profile) => `profile ${profile}`)];
  return words.length === 0 ? 'no policy, no profile' : words.join(', ');
}

/** What comes before policies. */
function head({ layer, direction }: EndpointRules, settings: PolicySettings): string[] {
  const { tracked, failsafes } = TRAITS[layer];
  const states = ['ct state established,related accept', ...(settings.dropInvalid ? ['ct state invalid drop'] : [])];
  return [
    ...(failsafes ? [NEIGHBOUR_DISCOVERY] : []),
    ...(tracked ? states : []),
    ...(failsafes ? [`jump ${failsafeChain(layer, direction)}`] : []),
    ...(layer === 'workload' && direction === 'egress' ? encapsulationDrops(settings) : []),
  ];
}

/** The chain of failsafes for a layer: before connection tracking also answers have to be known by their ports. */
export function failsafeChain(layer: Layer, direction: Direction): string {
  const name = direction === 'ingress' ? 'failsafe_in' : 'failsafe_out';
  return TRAITS[layer].tracked ? name : `${name}_untracked`;
}

function encapsulationDrops({ vxlanPort, dropIpip }: PolicySettings): string[] {
  const comment = 'comment "encapsulated by a workload"';
  return [
    ...(vxlanPort === undefined ? [] : [`udp dport ${vxlanPort} drop ${comment}`]),
    ...(dropIpip ? [`meta l4proto ${IPIP} drop ${comment}`] : []),
  ];
}

/** The questions of a tier; whether it drops what no policy speaks about, and whether packets may be passed out of it. */
function tierLines(tier: AppliedTier, rules: EndpointRules, judges: Judges) {
  const asked = tier.policies.map((key) => ({ key, policy: judges.policy(key) }));
  const lines = asked.flatMap(({ key, policy }) => {
    // It may say anything, so nothing gets past it.
    if (policy?.[rules.direction] === undefined) return [`drop comment ${quoted(`unknown policy ${key}`)}`];
    const jump = `jump ${policyChain(policy, rules.direction)}`;
    return canPass(policy, rules.direction) ? [jump, RETURN_PASSED] : [jump];
  });
  const isClosed = tier.policies.length === 0;
  const drops = isClosed || (TRAITS[rules.layer].closed && tier.defaultAction === 'Deny');
  const end = drops ? [`drop comment ${quoted(`end of tier ${tier.name}`)}`] : [];
  const passes = asked.some(({ policy }) => policy !== undefined && canPass(policy, rules.direction));
  return { lines: [...lines, ...end], drops, passes };
}

/** Whether a policy has rules that pass packets on. */
export function canPass(policy: Policy, direction: Direction): boolean {
  return policy[direction]?.some(({ action }) => action === 'Pass') ?? false;
}

/** What comes after all tiers. */
function tail({ layer, direction, profiles }: EndpointRules, judges: Judges): string[] {
  if (!TRAITS[layer].profiles) return ['accept comment "passed by all tiers"'];
  const asked = profiles.map((name) =>
    judges.hasProfile(name)
      ? `jump ${profileChain(name, direction)}`
      : `drop comment ${quoted(`unknown profile ${name}`)}`,
  );
  return [...asked, 'drop comment "allowed by no policy or profile"'];
}
