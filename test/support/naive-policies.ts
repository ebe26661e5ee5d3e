/**
 * Policies worked out in the plainest way, by looking at everything for each question: what the index, which looks at little, must come
 * to as well.
 */
import { parsePrefix, prefixContains } from '../../src/net/prefix.ts';
import { compilePolicy } from '../../src/policy/compile-policy.ts';
import {
  BUILT_IN_PROFILES,
  compileProfile,
  namespaceProfile,
  serviceAccountProfile,
} from '../../src/policy/compile-profile.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Decision, Packet, SetLookup } from '../../src/policy/decide.ts';
import type { Endpoint } from '../../src/policy/endpoint.ts';
import { endpointOf } from '../../src/policy/endpoint-of.ts';
import type { AppliedTier, EndpointRules } from '../../src/policy/model.ts';
import type { Policy, Profile, Tier } from '../../src/policy/policy.ts';
import type { Direction, SetSpec } from '../../src/policy/rule.ts';
import { serviceSlice } from '../../src/policy/service-slice.ts';
import type { ServedAt } from '../../src/policy/service-slice.ts';
import { BUILT_IN_TIERS, compileTier } from '../../src/policy/tiers.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseSelector } from '../../src/resources/selector.ts';
import type { Labels } from '../../src/resources/selector.ts';

export class NaivePolicies {
  readonly policies = new Map<string, Policy>();
  readonly tiers = new Map<string, Tier>(BUILT_IN_TIERS.map((tier) => [tier.name, tier]));
  readonly profiles = new Map<string, Profile>(BUILT_IN_PROFILES.map((profile) => [profile.name, profile]));
  readonly endpoints = new Map<string, Endpoint>();
  readonly slices: ServedAt[] = [];
  readonly #pickedBy = new Map<string, Endpoint[]>();

  constructor(resources: Iterable<AnyResource> = []) {
    for (const resource of resources) this.#add(resource);
  }

  #add(resource: AnyResource): void {
    const { kind } = resource;
    if (kind === 'NetworkPolicy' || kind === 'GlobalNetworkPolicy' || kind === 'KubernetesNetworkPolicy') {
      const { policy } = compilePolicy(resource);
      this.policies.set(policy.key, policy);
    } else if (kind === 'Profile') this.addProfile(compileProfile(resource).profile);
    else if (kind === 'Namespace') this.addProfile(namespaceProfile(resource));
    else if (kind === 'ServiceAccount') this.addProfile(serviceAccountProfile(resource));
    else if (kind === 'Tier') this.tiers.set(resource.metadata.name, compileTier(resource));
    else if (kind === 'EndpointSlice') this.slices.push(...[serviceSlice(resource)].filter((one) => one !== undefined));
    else this.#addEndpoint(resource);
  }

  #addEndpoint(resource: AnyResource): void {
    const { kind } = resource;
    if (
      kind === 'Pod' ||
      kind === 'WorkloadEndpoint' ||
      kind === 'HostEndpoint' ||
      kind === 'NetworkSet' ||
      kind === 'GlobalNetworkSet'
    ) {
      const endpoint = endpointOf(resource, { node: 'node', interfacePrefix: 'cali' });
      if (endpoint !== undefined) this.addEndpoint(endpoint);
    }
  }

  addProfile(profile: Profile): void {
    this.profiles.set(profile.name, profile);
  }

  addEndpoint(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.key, endpoint);
  }

  labelsOf({ labels, profiles }: Pick<Endpoint, 'labels' | 'profiles'>): Labels {
    const inherited = profiles.toReversed().map((name) => this.profiles.get(name)?.labels ?? {});
    return Object.assign({}, ...inherited, labels) as Labels;
  }

  /** What is asked about packets of a workload. */
  rulesOf(endpoint: Pick<Endpoint, 'labels' | 'profiles'>, direction: Direction): EndpointRules {
    const labels = this.labelsOf(endpoint);
    const applied = [...this.policies.values()].filter(
      (policy) =>
        policy[direction] !== undefined &&
        (policy.scope === 'normal' || policy.scope === 'forward') &&
        parseSelector(policy.selector).matches(labels),
    );
    const tiers = [...new Set(applied.map(({ tier }) => tier))].map((name): Tier & { known: boolean } => {
      const tier = this.tiers.get(name);
      return { name, order: Infinity, defaultAction: 'Deny', ...tier, known: tier !== undefined };
    });
    tiers.sort((a, b) => Number(b.known) - Number(a.known) || compare(a.order, b.order) || compare(a.name, b.name));
    return {
      id: '',
      layer: 'workload',
      direction,
      up: true,
      profiles: endpoint.profiles,
      tiers: tiers.map(({ name, defaultAction }): AppliedTier => ({
        name,
        defaultAction,
        policies: applied
          .filter(({ tier }) => tier === name)
          .sort((a, b) => compare(a.order, b.order) || compare(a.key, b.key))
          .map(({ key }) => key),
      })),
    };
  }

  decide(endpoint: Pick<Endpoint, 'labels' | 'profiles'>, direction: Direction, packet: Packet): Decision {
    return this.#decide(this.rulesOf(endpoint, direction), packet);
  }

  #decide(rules: EndpointRules, packet: Packet): Decision {
    return decide(rules, packet, {
      policy: (key) => this.policies.get(key),
      profile: (name) => this.profiles.get(name),
      sets: this.sets,
    });
  }

  /** Asks about many packets from one workload to another: whether they get past the policies of both. */
  between(source: Endpoint, destination: Endpoint): (packet: Packet) => boolean {
    const asked = [this.rulesOf(source, 'egress'), this.rulesOf(destination, 'ingress')];
    return (packet) => asked.every((rules) => this.#decide(rules, packet).verdict === 'allow');
  }

  readonly sets: SetLookup = {
    hasAddress: (set, address) =>
      set.kind === 'service'
        ? this.#served(set).some(({ addresses }) => addresses.includes(address))
        : this.#picked(set.selector).some((endpoint) => hasAddress(endpoint, address)),
    hasPort: (set, address, protocol, port) => {
      if (set.kind === 'addresses') return false;
      const is = (one: { protocol: number; port: number }) => one.protocol === protocol && one.port === port;
      if (set.kind === 'service') {
        return this.#served(set).some(({ addresses, ports }) => addresses.includes(address) && ports.some(is));
      }
      return this.#picked(set.selector).some(
        (endpoint) => hasAddress(endpoint, address) && endpoint.ports.some((one) => one.name === set.port && is(one)),
      );
    },
  };

  /** Nothing may be added any more once this is asked. */
  #picked(selector: string): Endpoint[] {
    let picked = this.#pickedBy.get(selector);
    if (picked === undefined) {
      const parsed = parseSelector(selector);
      picked = [...this.endpoints.values()].filter((endpoint) => parsed.matches(this.labelsOf(endpoint)));
      this.#pickedBy.set(selector, picked);
    }
    return picked;
  }

  #served({ namespace, name }: Extract<SetSpec, { kind: 'service' }>): ServedAt[] {
    return this.slices.filter(({ service }) => service === `${namespace}/${name}`);
  }
}

function hasAddress({ addresses }: Endpoint, address: string): boolean {
  return addresses.some((member) => prefixContains(parsePrefix(member), parsePrefix(address)));
}

function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}
