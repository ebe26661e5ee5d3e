/** What Calico makes of policies: how it reads them, and how it decides on packets. */
import { describe, expect, it } from 'vitest';
import type { DecidedBy } from '../../src/policy/decide.ts';
import { kubernetesRule, labelSelector, podSelector } from '../../src/policy/kubernetes-rules.ts';
import { interfaceOf } from '../../src/policy/pod-endpoint.ts';
import type { Policy, Tier } from '../../src/policy/policy.ts';
import { splitPorts } from '../../src/policy/port-match.ts';
import type { Direction } from '../../src/policy/rule.ts';
import { endSelectors, policySelector } from '../../src/policy/rule-selectors.ts';
import type { WrittenEnd, WrittenRule } from '../../src/policy/rule-selectors.ts';
import type { ResourceOf } from '../../src/resources/kinds.ts';
import { parseSelector } from '../../src/resources/selector.ts';
import { NaivePolicies } from '../support/naive-policies.ts';
import { EVALUATION, evaluations, packetOf, rowsOf, worldOf } from '../support/policy-evaluations.ts';
import { calicoPolicy, kubernetesPolicy, resourceOf } from '../support/policy-resources.ts';
import { requireOrSkip } from '../support/skip.ts';

const CONVERSION = 'policy/policy_conversion.jsonl';

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

describe('what is decided', () => {
  it('has vectors', (ctx) => {
    requireOrSkip(ctx, { vectors: EVALUATION });
    expect(evaluations).not.toEqual([]);
  });

  it.each(evaluations)('$id: $name', (vector) => {
    const decision = worldOf(vector).decide(vector.endpoint, vector.dir, packetOf(vector));
    expect([decision.verdict, byWords(decision.by)]).toEqual([vector.verdict, vector.by]);
  });
});

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
