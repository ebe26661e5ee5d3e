/** What one endpoint says of a packet, as a step of an explanation. */
import type { PolicyStep } from '../../api/agent-types.ts';
import { parsePrefix, prefixContains } from '../../net/prefix.ts';
import { decide, policyWords } from '../../policy/decide.ts';
import type { DecidedBy, Decision, Packet } from '../../policy/decide.ts';
import type { Endpoint } from '../../policy/endpoint.ts';
import type { Layer } from '../../policy/model.ts';
import type { PolicyEngine } from '../../policy/policy-engine.ts';
import type { Direction } from '../../policy/rule.ts';
import type { PolicySettings } from '../../policy/settings.ts';

const UDP = 17;
const ICMPV6 = 58;
/** Of IP in IP, RFC 2003. */
const IPIP = 4;

/** Without these there is no IPv6 at a host. RFC 4890 §4.4.1. */
const NEIGHBOUR_DISCOVERY: readonly number[] = [130, 131, 132, 133, 134, 135, 136, 143];

/** What a step has beside whom it is about. */
type Said = Pick<PolicyStep, 'verdict' | 'words'> & Partial<Pick<PolicyStep, 'by' | 'trail'>>;

/** A step of which an endpoint is asked, or nobody. */
export function step(
  direction: Direction,
  endpoint: Endpoint | undefined,
  node: string | undefined,
  said: Said,
): PolicyStep {
  return {
    direction,
    endpoint: endpoint?.name ?? null,
    node: endpoint?.node ?? node ?? null,
    enforcedHere: endpoint === undefined ? node !== undefined : endpoint.local !== undefined,
    by: null,
    trail: [],
    ...said,
  };
}

/** What tiers and profiles of an endpoint say. */
export function askPolicies(
  engine: PolicyEngine,
  endpoint: Endpoint,
  direction: Direction,
  layer: Layer,
  packet: Packet,
): Decision {
  const of = {
    policy: (key: string) => engine.policy(key),
    profile: (name: string) => engine.profile(name),
    sets: engine.lookup,
  };
  return decide(engine.rulesOf(endpoint, direction, layer), packet, of);
}

/** What a workload's policies and profiles say of what it sends or is sent. */
export function judgeWorkload(
  engine: PolicyEngine,
  endpoint: Endpoint,
  direction: Direction,
  packet: Packet,
): PolicyStep {
  const encapsulation = direction === 'egress' ? encapsulated(packet, engine.settings) : undefined;
  if (encapsulation !== undefined && endpoint.local?.up !== false) {
    const words = `Workloads must not send ${encapsulation} themselves.`;
    return step(direction, endpoint, undefined, { verdict: 'deny', words });
  }
  return decided(engine, endpoint, direction, askPolicies(engine, endpoint, direction, 'workload', packet));
}

/** Layers of a HostEndpoint before that which decides in the end, in the order in which packets meet them. */
const EARLIER: Readonly<Record<Direction, readonly Layer[]>> = {
  ingress: ['untracked', 'preDNAT'],
  egress: ['untracked'],
};

/** What the policies and profiles of a HostEndpoint say about packets from and to the host itself. */
export function judgeHost(engine: PolicyEngine, endpoint: Endpoint, direction: Direction, packet: Packet): PolicyStep {
  const open = alwaysOpen(packet, direction, engine.settings);
  if (open !== undefined) {
    return step(direction, endpoint, undefined, { verdict: 'allow', words: `${open} passes at every HostEndpoint.` });
  }
  const trail: string[] = [];
  for (const layer of EARLIER[direction]) {
    const decision = askPolicies(engine, endpoint, direction, layer, packet);
    if (decision.by.kind === 'nothing') continue;
    // What is allowed before connection tracking is asked nothing more; before translation, only what is denied is over.
    const isOver = decision.verdict === 'deny' || layer === 'untracked';
    if (isOver) return decided(engine, endpoint, direction, { ...decision, trail: [...trail, ...decision.trail] });
    trail.push(...decision.trail);
  }
  const last = askPolicies(engine, endpoint, direction, 'host', packet);
  return decided(engine, endpoint, direction, { ...last, trail: [...trail, ...last.trail] });
}

function decided(
  engine: PolicyEngine,
  endpoint: Endpoint,
  direction: Direction,
  { verdict, by, trail, logs }: Decision,
): PolicyStep {
  const logged = logs.length === 0 ? '' : ' It is logged.';
  const words = `${decisionWords(by, verdict, direction, engine)}${logged}`;
  return step(direction, endpoint, undefined, { verdict, by: reported(by, engine), words, trail: [...trail] });
}

function encapsulated({ protocol, destinationPort }: Packet, settings: PolicySettings): string | undefined {
  if (settings.vxlanPort !== undefined && protocol === UDP && destinationPort === settings.vxlanPort) return 'VXLAN';
  return settings.dropIpip && protocol === IPIP ? 'IP in IP' : undefined;
}

/** What passes at HostEndpoints whatever policies say. */
function alwaysOpen(packet: Packet, direction: Direction, { failsafes }: PolicySettings): string | undefined {
  const { protocol, icmp, destinationPort } = packet;
  if (protocol === ICMPV6 && icmp !== undefined && NEIGHBOUR_DISCOVERY.includes(icmp.type))
    return 'Neighbour discovery';
  const other = parsePrefix(direction === 'ingress' ? packet.source : packet.destination);
  const isFailsafe = failsafes[direction].some(
    (one) =>
      one.protocol === protocol &&
      one.port === destinationPort &&
      (one.net === undefined || prefixContains(one.net, other)),
  );
  return isFailsafe ? 'A failsafe port' : undefined;
}

/** What decided, as a sentence. */
export function decisionWords(
  by: DecidedBy,
  verdict: Decision['verdict'],
  direction: Direction,
  engine: PolicyEngine,
): string {
  const does = verdict === 'allow' ? 'allows' : 'denies';
  switch (by.kind) {
    case 'policy':
      return `${policyWords(engine.policy(by.policy), by.policy)} of tier ${by.tier} ${does} it by its rule ${direction}[${by.rule}].`;
    case 'profile':
      return `Profile ${by.profile} ${does} it by its rule ${direction}[${by.rule}].`;
    case 'end of tier':
      return `No rule of ${policyNames(by.policies, engine)} matches, and tier ${by.tier} ends with Deny.`;
    case 'unknown profile':
      return `Its profile ${by.profile} does not exist, so nothing passes.`;
    case 'down':
      return 'The endpoint is down, so nothing passes.';
    case 'nothing':
    default:
      return verdict === 'allow' ? 'No policy decides, so it goes on.' : 'No policy and no profile lets it pass.';
  }
}

function reported(by: DecidedBy, engine: PolicyEngine): PolicyStep['by'] {
  const nothing = { tier: null, policy: null, profile: null, rule: null };
  switch (by.kind) {
    case 'policy':
      return { ...nothing, tier: by.tier, policy: policyWords(engine.policy(by.policy), by.policy), rule: by.rule };
    case 'profile':
      return { ...nothing, profile: by.profile, rule: by.rule };
    case 'end of tier':
      return { ...nothing, tier: by.tier };
    case 'unknown profile':
      return { ...nothing, profile: by.profile };
    case 'down':
    case 'nothing':
    default:
      return null;
  }
}

/** How many policies are named; the trail names all. */
const NAMED = 5;

function policyNames(keys: readonly string[], engine: PolicyEngine): string {
  const names = keys.slice(0, NAMED).map((key) => policyWords(engine.policy(key), key));
  return keys.length > NAMED ? `${names.join(', ')} and ${keys.length - NAMED} more` : names.join(', ');
}
