/** Sets and policies found by walking over everything: slow, and hard to get wrong. */
import { parsePrefix, prefixContains } from '../../src/net/prefix.ts';
import type { Endpoint } from '../../src/policy/endpoint.ts';
import type { PolicyEngine } from '../../src/policy/policy-engine.ts';
import type { SetSpec } from '../../src/policy/rule.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseSelector } from '../../src/resources/selector.ts';

export class NaiveSets {
  readonly #engine: PolicyEngine;
  readonly #resources: readonly AnyResource[];

  /** `resources` are all that there are. */
  constructor(engine: PolicyEngine, resources: Iterable<AnyResource>) {
    this.#engine = engine;
    this.#resources = [...resources];
  }

  /** Sorted. */
  members(spec: SetSpec): readonly string[] {
    if (spec.kind === 'service') return this.#service(spec).toSorted();
    const picked = [...this.#engine.endpoints()].filter((endpoint) => this.#matches(endpoint, spec.selector));
    if (spec.kind === 'addresses') return widest([...new Set(picked.flatMap(({ addresses }) => addresses))]).toSorted();
    const members = picked.flatMap(({ addresses, ports }) =>
      ports
        .filter(({ name, protocol }) => name === spec.port && protocol === spec.protocol)
        .flatMap(({ protocol, port }) => addresses.map((address) => `${address} ${protocol} ${port}`)),
    );
    return [...new Set(members)].toSorted();
  }

  hasAddress(spec: SetSpec, address: string): boolean {
    if (spec.kind === 'ports' || (spec.kind === 'service' && spec.withPorts)) return false;
    return this.members(spec).some((member) => prefixContains(parsePrefix(member), parsePrefix(address)));
  }

  /** Keys of the policies that judge what a workload sends or gets, sorted. */
  policies(key: string, direction: 'ingress' | 'egress'): readonly string[] {
    const endpoint = this.#engine.endpoint(key);
    if (endpoint === undefined) return [];
    return [...this.#engine.policies()]
      .map(({ policy }) => policy)
      .filter(({ scope }) => scope === 'normal' || scope === 'forward')
      .filter((policy) => policy[direction] !== undefined && this.#matches(endpoint, policy.selector))
      .map((policy) => policy.key)
      .toSorted();
  }

  #matches({ labels, profiles }: Endpoint, selector: string): boolean {
    const all: Record<string, string> = {};
    for (const name of profiles.toReversed()) Object.assign(all, this.#engine.profile(name)?.labels);
    return parseSelector(selector).matches({ ...all, ...labels });
  }

  #service({ namespace, name, withPorts }: Extract<SetSpec, { kind: 'service' }>): readonly string[] {
    const members = this.#resources.flatMap((slice) => {
      if (slice.kind !== 'EndpointSlice' || slice.metadata.namespace !== namespace) return [];
      if (slice.metadata.labels['kubernetes.io/service-name'] !== name) return [];
      const addresses = slice.spec.endpoints.flatMap((endpoint) => endpoint.addresses ?? []);
      // The ports of all slices are the same one here.
      return withPorts ? addresses.map((address) => `${address} 6 80`) : addresses;
    });
    return [...new Set(members)];
  }
}

/** Without the prefixes that lie in another; addresses stay. */
function widest(members: readonly string[]): readonly string[] {
  const prefixes = members.filter((member) => member.includes('/'));
  return members.filter((member) => {
    if (!member.includes('/')) return true;
    return !prefixes.some((other) => other !== member && prefixContains(parsePrefix(other), parsePrefix(member)));
  });
}
