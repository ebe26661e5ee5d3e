/** The decision on one packet, with all that led to it. */
import type { EndpointRules } from './model.ts';
import type { Policy, Profile } from './policy.ts';
import { mismatch } from './rule-match.ts';
import type { Packet, SetLookup } from './rule-match.ts';
import type { Rule } from './rule.ts';

export type { Packet, SetLookup } from './rule-match.ts';

/** What decided. Policies by key, rules by their place in the list of the resource. */
export type DecidedBy =
  | { readonly kind: 'policy'; readonly tier: string; readonly policy: string; readonly rule: number }
  | { readonly kind: 'profile'; readonly profile: string; readonly rule: number }
  /** No rule of these policies, the tier's, matched, and its default action is Deny. */
  | { readonly kind: 'end of tier'; readonly tier: string; readonly policies: readonly string[] }
  | { readonly kind: 'unknown profile'; readonly profile: string }
  /** Neither a policy nor a profile had a rule that matched; without any of them as well. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'down' };

export interface Decision {
  /** `allow` where layers that no profile decides for (`forward`, `preDNAT`, `untracked`) leave the packet to others, too. */
  readonly verdict: 'allow' | 'deny';
  readonly by: DecidedBy;
  /** Sentences: what was looked at, in order, and why it did not decide. */
  readonly trail: readonly string[];
  /** Rules that log the packet, in order. */
  readonly logs: readonly LoggedBy[];
}

export type LoggedBy = Extract<DecidedBy, { kind: 'policy' | 'profile' }>;

export interface DecisionContext {
  policy(key: string): Policy | undefined;
  profile(name: string): Profile | undefined;
  readonly sets: SetLookup;
}

/** What becomes of a packet that begins a connection at an endpoint of which `rules` are asked. */
export function decide(rules: EndpointRules, packet: Packet, of: DecisionContext): Decision {
  return new Inquiry(rules, packet, of).decision();
}

type Outcome = { readonly verdict: Decision['verdict']; readonly by: DecidedBy };

/** One question, with what was found on the way to its answer. */
class Inquiry {
  readonly #rules: EndpointRules;
  readonly #packet: Packet;
  readonly #of: DecisionContext;
  readonly #trail: string[] = [];
  readonly #logs: LoggedBy[] = [];

  constructor(rules: EndpointRules, packet: Packet, of: DecisionContext) {
    this.#rules = rules;
    this.#packet = packet;
    this.#of = of;
  }

  decision(): Decision {
    return { ...this.#outcome(), trail: this.#trail, logs: this.#logs };
  }

  #outcome(): Outcome {
    if (!this.#rules.up) {
      this.#say('The endpoint is down, so nothing passes.');
      return { verdict: 'deny', by: { kind: 'down' } };
    }
    return this.#askTiers() ?? this.#askProfiles();
  }

  #askTiers(): Outcome | undefined {
    for (const tier of this.#rules.tiers) {
      if (tier.policies.length === 0) {
        this.#say(`Of tier ${tier.name} it can not be read when it is asked, so nothing passes.`);
        return { verdict: 'deny', by: { kind: 'end of tier', tier: tier.name, policies: [] } };
      }
      const outcome = this.#askTier(tier);
      if (outcome === 'pass') continue;
      if (outcome !== undefined) return outcome;
      // Packets that no such policy is about go on to the other layers.
      if (this.#rules.layer === 'preDNAT' || this.#rules.layer === 'untracked') continue;
      if (tier.defaultAction === 'Pass') {
        this.#say(`End of tier ${tier.name}: its default action passes on.`);
        continue;
      }
      this.#say(`End of tier ${tier.name}: no rule of its policies matches, and its default action is Deny.`);
      return { verdict: 'deny', by: { kind: 'end of tier', tier: tier.name, policies: tier.policies } };
    }
    return undefined;
  }

  #askTier(tier: EndpointRules['tiers'][number]): Outcome | 'pass' | undefined {
    for (const key of tier.policies) {
      const policy = this.#of.policy(key);
      const words = `Tier ${tier.name}, ${policyWords(policy, key)}`;
      const rules = policy?.[this.#rules.direction];
      if (rules === undefined) {
        this.#say(`${words} is not known, so nothing passes.`);
        return { verdict: 'deny', by: { kind: 'end of tier', tier: tier.name, policies: tier.policies } };
      }
      const action = this.#askRules(words, rules, (rule) => ({ kind: 'policy', tier: tier.name, policy: key, rule }));
      if (action !== undefined) return action;
    }
    return undefined;
  }

  #askProfiles(): Outcome {
    const { layer, profiles } = this.#rules;
    if (layer !== 'workload' && layer !== 'host') {
      this.#say('No policy decides, so the packet goes on.');
      return { verdict: 'allow', by: { kind: 'nothing' } };
    }
    for (const name of profiles) {
      const profile = this.#of.profile(name);
      if (profile === undefined) {
        this.#say(`Profile ${name} does not exist, so nothing passes.`);
        return { verdict: 'deny', by: { kind: 'unknown profile', profile: name } };
      }
      const rules = profile[this.#rules.direction];
      const outcome = this.#askRules(`Profile ${name}`, rules, (rule) => ({ kind: 'profile', profile: name, rule }));
      if (outcome !== undefined && outcome !== 'pass') return outcome;
    }
    this.#say('No policy and no profile lets it pass.');
    return { verdict: 'deny', by: { kind: 'nothing' } };
  }

  /** What the first rule that matches says; undefined where none does. */
  #askRules(words: string, rules: readonly Rule[], by: (rule: number) => LoggedBy): Outcome | 'pass' | undefined {
    if (rules.length === 0) this.#say(`${words} has no rule that counts for this direction.`);
    for (const rule of rules) {
      const reason = mismatch(rule, this.#packet, this.#of.sets);
      const about = `${words}, rule ${rule.index} (${rule.action})`;
      if (reason !== undefined) {
        this.#say(`${about} does not match: ${reason}.`);
        continue;
      }
      this.#say(`${about} matches.`);
      if (rule.action === 'Log') this.#logs.push(by(rule.index));
      else if (rule.action === 'Pass') return 'pass';
      else return { verdict: rule.action === 'Allow' ? 'allow' : 'deny', by: by(rule.index) };
    }
    return undefined;
  }

  #say(sentence: string): void {
    this.#trail.push(sentence);
  }
}

const KIND_WORDS = {
  NetworkPolicy: 'NetworkPolicy',
  GlobalNetworkPolicy: 'GlobalNetworkPolicy',
  KubernetesNetworkPolicy: 'NetworkPolicy of Kubernetes',
} as const;

/** Kind and name; the key of a policy that is not known. */
export function policyWords(policy: Policy | undefined, key: string): string {
  if (policy === undefined) return `policy ${key}`;
  const { kind, namespace, name } = policy;
  return `${KIND_WORDS[kind]} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
