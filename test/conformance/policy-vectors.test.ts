/** What Calico makes of policies: how it reads them, and how it decides on packets. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileProfile } from '../../src/policy/compile-profile.ts';
import type { DecidedBy } from '../../src/policy/decide.ts';
import { kubernetesRule, labelSelector, podSelector } from '../../src/policy/kubernetes-rules.ts';
import { interfaceOf } from '../../src/policy/pod-endpoint.ts';
import type { Policy, Tier } from '../../src/policy/policy.ts';
import { splitPorts } from '../../src/policy/port-match.ts';
import { protocolNumber } from '../../src/policy/protocols.ts';
import type { Direction } from '../../src/policy/rule.ts';
import { endSelectors, policySelector } from '../../src/policy/rule-selectors.ts';
import type { WrittenEnd, WrittenRule } from '../../src/policy/rule-selectors.ts';
import type { ResourceOf } from '../../src/resources/kinds.ts';
import { parseSelector } from '../../src/resources/selector.ts';
import type { Labels } from '../../src/resources/selector.ts';
import { NaivePolicies } from '../support/naive-policies.ts';
import { calicoPolicy, kubernetesPolicy, resourceOf } from '../support/policy-resources.ts';
import { missingHere, requireOrSkip, vectorPath } from '../support/skip.ts';

const CONVERSION = 'policy/policy_conversion.jsonl';
const EVALUATION = 'policy/policy_eval.jsonl';

function rowsOf<T>(file: string): T[] {
  if (missingHere({ vectors: file }) !== undefined) return [];
  const lines = readFileSync(vectorPath(file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}

type Spec = Readonly<Record<string, unknown>>;

interface Conversions {
  readonly entity: { entity: WrittenEnd; namespace: string; selector: string };
  readonly policySelector: { policyKind: string; namespace: string; spec: Spec; selector: string };
  readonly k8sSelector: { for: 'pod' | 'namespace'; labelSelector: object | null; selector: string };
  readonly ports: { in: string; out: string };
  readonly k8sRule: { direction: Direction; rule: object; out: readonly WrittenRule[] };
  readonly pod: { in: { namespace: string; name: string }; prefix: string; veth: string };
  readonly sort: { policies: readonly SortedPolicy[]; order: readonly string[] };
}

interface SortedPolicy {
  readonly tiers?: Readonly<Record<string, number | null>>;
  readonly kind?: Policy['kind'];
  readonly namespace?: string;
  readonly name: string;
  readonly tier: string;
  readonly order?: number;
}

function conversions<K extends keyof Conversions>(kind: K): Conversions[K][] {
  return rowsOf<{ kind: string } & Conversions[K]>(CONVERSION).filter((row) => row.kind === kind);
}

const canonical = (text: string) => parseSelector(text).toString();

describe('what policies are read as', () => {
  it('has vectors', (ctx) => {
    requireOrSkip(ctx, { vectors: CONVERSION });
    expect(conversions('entity')).not.toEqual([]);
  });

  it.each(conversions('entity'))('$entity in "$namespace"', ({ entity, namespace, selector }) => {
    const { positive, negative } = endSelectors(entity, namespace === '' ? undefined : namespace);
    // The vectors keep the negative part beside the positive one.
    const not = entity.notSelector === undefined ? '' : ` && !(${entity.notSelector})`;
    expect(positive?.toString() ?? '').toBe(selector === '' ? '' : canonical(`(${selector})${not}`));
    expect(negative).toBeUndefined();
  });

  it.each(conversions('policySelector'))('$policyKind $namespace $spec', ({ namespace, spec, selector }) => {
    const policy = resourceOf(calicoPolicy('p', spec, namespace === '' ? undefined : namespace));
    expect(policySelector(policy as ResourceOf<'NetworkPolicy' | 'GlobalNetworkPolicy'>).toString()).toBe(
      canonical(selector),
    );
  });

  it.each(conversions('k8sSelector'))('$for $labelSelector', ({ for: what, labelSelector: written, selector }) => {
    if (what === 'namespace' && written === null) return; // Then there is none, and a rule means its own namespace.
    const made = what === 'pod' ? podSelector(written ?? {}) : labelSelector(written ?? {});
    expect(made.toString()).toBe(canonical(selector));
  });

  it.each(conversions('ports'))('ports "$in"', ({ in: written, out }) => {
    const { ranges, names } = splitPorts(written === '' ? [] : written.split(','));
    const numbers = ranges.map(([first, last]) => (first === last ? String(first) : `${first}:${last}`));
    expect([...names, ...numbers].join(',')).toBe(out);
  });

  it.each(conversions('k8sRule'))('$direction $rule', ({ direction, rule, out }) => {
    const policy = resourceOf(kubernetesPolicy('p', 'x', { podSelector: {}, [direction]: [rule] }));
    const [read = {}] = (policy as ResourceOf<'KubernetesNetworkPolicy'>).spec[direction] ?? [];
    expect(kubernetesRule(direction, read).map(inOneForm)).toEqual(out.map(inOneForm));
  });

  it.each(conversions('pod'))('interface of $in', ({ in: { namespace, name }, prefix, veth }) => {
    expect(interfaceOf(namespace, name, `${prefix},other`)).toBe(veth);
  });

  it.each(conversions('sort'))('order $order', ({ policies, order }) => {
    const world = new NaivePolicies();
    const written = policies.filter(({ name }) => name !== undefined);
    const tiers = Object.assign({}, ...policies.map((row) => row.tiers ?? {})) as Record<string, number | null>;
    for (const [name, at] of Object.entries(tiers)) {
      const tier: Tier = { name, order: at ?? Infinity, defaultAction: 'Deny' };
      world.tiers.set(name, tier);
    }
    for (const policy of written) {
      const { kind = 'GlobalNetworkPolicy', namespace = '', name } = policy;
      const key = `${name}/${namespace}/${kind}`;
      const rules = { scope: 'normal', selector: 'all()', ingress: [], egress: undefined } as const;
      world.policies.set(key, { order: Infinity, ...policy, ...rules, key, kind });
    }
    const asked = world.rulesOf({ labels: {}, profiles: [] }, 'ingress').tiers.flatMap((tier) => tier.policies);
    const words = order[0].includes(' ') ? (key: string) => nameOf(key).full : (key: string) => nameOf(key).name;
    expect(asked.map(words)).toEqual(order);
  });
});

function nameOf(key: string) {
  const [name, namespace, kind] = key.split('/');
  return { name, full: `${kind} ${namespace}/${name}` };
}

/** Selectors in canonical form, ports as texts. */
function inOneForm({ source, destination, ...rule }: WrittenRule): object {
  const end = (written: WrittenEnd | undefined) =>
    written && {
      ...written,
      ...(written.selector === undefined ? {} : { selector: canonical(written.selector) }),
      ...(written.namespaceSelector === undefined ? {} : { namespaceSelector: canonical(written.namespaceSelector) }),
      ...(written.ports === undefined ? {} : { ports: written.ports.map(String) }),
    };
  return { ...rule, source: end(source), destination: end(destination) };
}

interface World {
  readonly endpoints: readonly {
    name: string;
    ips: readonly string[];
    labels: Labels;
    ports?: readonly { name: string; protocol: string; port: number }[];
  }[];
}

interface Evaluation {
  readonly id: number;
  readonly name: string;
  readonly dir: Direction;
  readonly endpoint: { labels: Labels; profiles: readonly string[] };
  readonly tiers: Readonly<Record<string, Spec>>;
  readonly profiles: Readonly<Record<string, Spec>>;
  readonly policies: readonly ({ name: string; namespace?: string } & Spec)[];
  readonly packet: {
    src: string;
    dst: string;
    proto: string | number;
    sport?: number;
    dport?: number;
    type?: number;
    code?: number;
    ct?: string;
  };
  readonly verdict: string;
  readonly by: string;
}

const [world, ...evaluations] = rowsOf<World & Evaluation>(EVALUATION);

const V3 = 'projectcalico.org/v3';

describe('what is decided', () => {
  it('has vectors', (ctx) => {
    requireOrSkip(ctx, { vectors: EVALUATION });
    expect(evaluations).not.toEqual([]);
  });

  // Connections that are known pass before anything is asked; the kernel sees to that.
  it.each(evaluations.filter(({ packet }) => packet.ct === undefined))('$id: $name', (vector) => {
    const { dir, endpoint, packet } = vector;
    const { type, code } = packet;
    const decision = worldOf(vector).decide(endpoint, dir, {
      version: packet.src.includes(':') ? 6 : 4,
      source: packet.src,
      destination: packet.dst,
      protocol: protocolNumber(packet.proto),
      ...(packet.sport === undefined ? {} : { sourcePort: packet.sport }),
      ...(packet.dport === undefined ? {} : { destinationPort: packet.dport }),
      ...(type === undefined || code === undefined ? {} : { icmp: { type, code } }),
    });
    expect([decision.verdict, byWords(decision.by)]).toEqual([vector.verdict, vector.by]);
  });
});

function worldOf({ tiers, profiles, policies }: Evaluation): NaivePolicies {
  const resources = [
    ...Object.entries(tiers).map(([name, spec]) => ({ apiVersion: V3, kind: 'Tier', metadata: { name }, spec })),
    ...policies.map(({ name, namespace, ...spec }) => calicoPolicy(name, without(spec, 'kind'), namespace)),
  ];
  const naive = new NaivePolicies(resources.map(resourceOf));
  for (const [name, spec] of Object.entries(profiles)) {
    const profile = resourceOf({ apiVersion: V3, kind: 'Profile', metadata: { name }, spec });
    if (profile.kind === 'Profile') naive.addProfile(compileProfile(profile).profile);
  }
  for (const { name, ips, labels, ports = [] } of world.endpoints) {
    naive.addEndpoint({
      key: name,
      kind: 'workload',
      name,
      labels,
      profiles: [],
      addresses: ips,
      ports: ports.map((port) => ({ ...port, protocol: protocolNumber(port.protocol) })),
    });
  }
  return naive;
}

function without(spec: Spec, field: string): Spec {
  return Object.fromEntries(Object.entries(spec).filter(([name]) => name !== field));
}

function byWords(by: DecidedBy): string {
  switch (by.kind) {
    case 'policy':
      return `${nameOf(by.policy).name}[${by.rule}]`;
    case 'profile':
      return `profile ${by.profile}[${by.rule}]`;
    case 'end of tier':
      return `end of tier ${by.tier}`;
    case 'unknown profile':
      return `missing profile ${by.profile}`;
    case 'nothing':
    case 'down':
    default:
      return by.kind;
  }
}
