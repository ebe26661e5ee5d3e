/** A neighbour that a rule gives this node, unless an earlier rule gives one with the same key. */
import { FAMILY_NAMES } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { PeerAddress } from '../resources/peer-address.ts';
import type { Labels } from '../resources/selector.ts';
import type { PeeringContext } from './context.ts';
import type { Neighbour, NeighbourType, NextHopMode, NodeAddresses } from './neighbour.ts';
import type { PeeringProblem } from './problem.ts';
import { NO_PROFILE, peeringLabels, profilesFor } from './profiles.ts';
import type { Profile } from './profiles.ts';
import { isGlobal } from './rules.ts';
import type { Rule } from './rules.ts';
import { HOLD_TIME, MAX_HOLD_TIME, RESTART_TIME, localAddressFor, neighbourKey, reflection } from './session-terms.ts';
import type { Terms } from './terms.ts';

export interface Candidate {
  readonly rule: Rule;
  readonly neighbour: Neighbour;
  /** The PeerProfiles that pick it, by name: the first applies. */
  readonly profiles: readonly Profile[];
}

/** What rules give for one node or address. */
export interface Outcome {
  readonly candidates: Candidate[];
  readonly problems: PeeringProblem[];
}

/** The other end of a session, as a rule finds it. */
export interface End {
  readonly remote: PeerAddress;
  readonly port: number;
  readonly peerAs: number;
  /** The node of the cluster that it is, if any. */
  readonly node: Node | undefined;
  /** Families that the session may carry. */
  readonly families: readonly Family[];
  /** Whether this node leaves it to the other end to connect. */
  readonly waits: boolean;
  /** Name of the workload that it is, if it is one. */
  readonly workload?: string;
  /** Addresses of this node as the other end knows them. */
  readonly localAddresses: NodeAddresses;
}

/** Adds the neighbour that a rule makes of the other end of a session, unless the PeerProfile that applies says no. */
export function addCandidate(context: PeeringContext, rule: Rule, end: End, outcome: Outcome): void {
  const labels = labelsOf(rule, end);
  const profiles = profilesFor(context.profiles, labels);
  const [profile = NO_PROFILE] = profiles;
  const { families: wanted } = profile;
  const families = wanted === undefined ? end.families : end.families.filter((family) => wanted.includes(family));
  const refusal = topologyRefusal(context, rule, end, profile, outcome) ?? familyRefusal(end, profile, families);
  if (refusal !== undefined) {
    traceRefusal(context, rule, end, refusal);
    return;
  }
  if (profile.passive !== undefined && end.node !== undefined) outcome.problems.push(passiveProblem(profile));
  const neighbour = context.intern({ ...describe(context, rule, { ...end, families }, profile), labels });
  outcome.candidates.push({ rule, neighbour, profiles });
}

/** Tells that a rule does not give a neighbour at the other end of a session. */
export function traceRefusal(
  context: PeeringContext,
  rule: Rule,
  { remote, node }: Pick<End, 'remote' | 'node'>,
  words: string,
): void {
  context.trace?.({
    source: sourceWords(rule),
    ...(rule.peer !== undefined && { peer: rule.peer.metadata.name }),
    address: remote.address,
    ...(node !== undefined && { node: node.metadata.name }),
    applies: false,
    words,
  });
}

/** What a rule comes from, with words for a BGPPeer the other way round. */
export function sourceWords({ source, reverse }: Rule): string {
  return reverse ? `${source}, peering back` : source;
}

function labelsOf({ peer }: Rule, { remote, node, peerAs }: End): Labels {
  const name = peer === undefined ? (node?.metadata.name ?? '') : peer.metadata.name;
  const facts = { type: declaredType(peer), name, address: remote.address, as: peerAs };
  return peeringLabels(peer?.metadata.labels ?? {}, facts);
}

/** Both ends of a peering between nodes see the same type, so that the same PeerProfile applies to both. */
function declaredType(peer: Rule['peer']): NeighbourType {
  if (peer === undefined) return 'mesh';
  if (peer.spec.peerIP === undefined && (peer.spec.peerSelector ?? '') === '') return 'workload';
  return isGlobal(peer) ? 'global' : 'node';
}

/** Why a node is too far away, by the label that a PeerProfile names. */
function topologyRefusal(
  { self, labels }: PeeringContext,
  rule: Rule,
  { node }: End,
  { name, topologyKey: key }: Profile,
  outcome: Outcome,
): string | undefined {
  if (key === undefined || node === undefined || rule.ends !== 'nodes' || !rule.isTopological) return undefined;
  if (!Object.hasOwn(labels, key)) {
    const message = `Node "${self.name}" has no label ${key}, so it peers with no other node by this profile. Label it.`;
    outcome.problems.push({ resource: `PeerProfile ${name}`, field: 'topologyKey', message });
    return `PeerProfile "${name}" has topologyKey ${key}, a label that this node does not have.`;
  }
  const theirs = Object.hasOwn(node.metadata.labels, key) ? node.metadata.labels[key] : undefined;
  if (theirs === labels[key]) return undefined;
  const words = theirs === undefined ? 'the node does not have that label' : `for the node it is ${theirs}`;
  return `PeerProfile "${name}" has topologyKey ${key}: here it is ${labels[key]}, and ${words}.`;
}

function familyRefusal(end: End, { name }: Profile, families: readonly Family[]): string | undefined {
  if (families.length > 0) return undefined;
  return `PeerProfile "${name}" leaves out ${end.families.map((family) => FAMILY_NAMES[family]).join(' and ')}.`;
}

function passiveProblem({ name }: Profile): PeeringProblem {
  const message =
    'It picks peerings between nodes of the cluster, where it has no effect: their addresses say who connects. Have peerSelector leave them out.';
  return { resource: `PeerProfile ${name}`, field: 'passive', message };
}

function describe(context: PeeringContext, rule: Rule, end: End, profile: Profile): Omit<Neighbour, 'labels'> {
  const { self } = context;
  const { terms } = rule;
  const { remote, peerAs, node } = end;
  const external = peerAs !== terms.localAs;
  const localAddress = terms.fromNodeAddress && rule.type !== 'workload' ? localAddressFor(remote, self) : undefined;
  const key = neighbourKey(remote, end.port);
  const { note, ...secrets } = passwords(terms, profile);
  const words = `${key} (AS ${peerAs}, ${external ? 'eBGP' : 'iBGP'})`;
  return {
    key,
    address: remote.address,
    port: end.port,
    peerAs,
    localAs: terms.localAs,
    external,
    ...(localAddress !== undefined && { localAddress }),
    localAddresses: end.localAddresses,
    ...timers(terms, profile),
    passive: isPassive(rule, end, profile),
    families: end.families,
    addPaths: profile.addPaths,
    ...(terms.ttlSecurity !== undefined && { ttlSecurity: terms.ttlSecurity }),
    allowLocalAs: terms.allowLocalAs,
    nextHopMode: nextHopMode(terms, external),
    filters: terms.filters,
    ...reflection(self, external, node),
    gracefulRestartMode: profile.gracefulRestartMode,
    localPreference: profile.localPreference,
    ...secrets,
    ...(terms.reachableBy !== undefined && { reachableBy: terms.reachableBy }),
    type: rule.type,
    ...(node !== undefined && { nodeName: node.metadata.name }),
    ...(profile !== NO_PROFILE && { profile: profile.name }),
    source: rule.source,
    reason: `${rule.reason(words, node?.metadata.name ?? end.workload)}.${profile === NO_PROFILE ? '' : ` PeerProfile "${profile.name}" applies.`}${note}`,
  };
}

/** What a BGPPeer says itself counts before what a PeerProfile says. */
function timers(
  terms: Terms,
  profile: Profile,
): Pick<Neighbour, 'holdTime' | 'keepaliveTime' | 'connectRetryTime' | 'restartTime'> {
  const keepaliveTime = terms.keepaliveTime ?? profile.keepaliveTime;
  const { connectRetryTime } = profile;
  return {
    // A keepalive time that is too long for the usual hold time makes the hold time longer (RFC 4271 §4.4).
    holdTime: profile.holdTime ?? Math.min(Math.max(HOLD_TIME, 3 * (keepaliveTime ?? 0)), MAX_HOLD_TIME),
    ...(keepaliveTime !== undefined && { keepaliveTime }),
    ...(connectRetryTime !== undefined && { connectRetryTime }),
    restartTime: terms.restartTime ?? profile.restartTime ?? RESTART_TIME,
  };
}

/** Between nodes of the cluster a PeerProfile has no say: with both passive there would be no session. */
function isPassive({ ends }: Rule, { waits, node }: End, { passive }: Profile): boolean {
  return ends === 'address' && node === undefined ? (passive ?? waits) : waits;
}

function nextHopMode({ nextHopMode: mode, keepForExternal }: Terms, external: boolean): NextHopMode {
  return keepForExternal && external ? 'keep' : mode;
}

/** A next password that isn't known leaves the session as it is: the present one goes on. */
function passwords(
  { authentication }: Terms,
  { name, nextPassword: next }: Profile,
): Pick<Neighbour, 'password' | 'heldDown' | 'nextPassword'> & { readonly note: string } {
  if (next.kind === 'none') return authentication;
  const note = (words: string) => `${authentication.note} The next password of PeerProfile "${name}" ${words}`;
  if (next.kind === 'unavailable') return { ...authentication, note: note(`is not known. ${next.why}`) };
  if (authentication.password.kind !== 'known') {
    return { ...authentication, note: note('is left aside, because there is no present one.') };
  }
  return { ...authentication, nextPassword: next.value };
}
