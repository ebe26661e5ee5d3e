/** Whatever of a policy can't be read: nothing passes that did not pass when it could be. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/policy/endpoint.ts';
import { NaivePolicies } from '../support/naive-policies.ts';
import { calicoPolicy, namespaceManifest, podManifest, resourceOf } from '../support/policy-resources.ts';

const ENDS = ['a', 'b', 'c'];

const FIXED = [
  namespaceManifest('x', { env: 'prod' }),
  namespaceManifest('y', { env: 'test' }),
  { apiVersion: 'projectcalico.org/v3', kind: 'Tier', metadata: { name: 'first' }, spec: { order: 1 } },
  ...ENDS.map((name, i) =>
    podManifest({
      namespace: i < 2 ? 'x' : 'y',
      name,
      labels: { pod: name },
      addresses: [`10.65.0.${i + 2}`],
      ports: [{ name: 'http', protocol: 'TCP', containerPort: 80 }],
    }),
  ),
].map(resourceOf);

const selector = fc.constantFrom("pod == 'a'", "pod in {'a', 'b'}", 'all()', "pod != 'c'");

const fields = {
  nets: fc.subarray(['10.65.0.2/32', '10.65.0.0/30', '0.0.0.0/0'], { minLength: 1 }),
  notNets: fc.subarray(['10.65.0.2/32', '10.65.0.4/32'], { minLength: 1 }),
  selector,
  notSelector: selector,
  namespaceSelector: fc.constantFrom("env == 'prod'", 'all()', 'global()'),
  ports: fc.subarray([80, '81:90', 'http'], { minLength: 1 }),
  notPorts: fc.subarray([81, 'http'], { minLength: 1 }),
};

/** Of one or two criteria, so that most rules match something. */
const end = fc
  .uniqueArray(fc.constantFrom(...Object.keys(fields)), { minLength: 1, maxLength: 2 })
  .chain((keys) => fc.record(Object.fromEntries(Object.entries(fields).filter(([key]) => keys.includes(key)))));

const rule = fc.record(
  {
    action: fc.constantFrom('Allow', 'Deny', 'Pass', 'Log'),
    protocol: fc.constant('TCP'),
    notProtocol: fc.constant('UDP'),
    source: end,
    destination: end,
  },
  { requiredKeys: ['action', 'protocol'] },
);

const policy = fc.record(
  {
    tier: fc.constantFrom('first', 'first', 'default'),
    order: fc.nat(3),
    selector,
    namespaceSelector: fc.constantFrom("env == 'prod'", 'all()'),
    serviceAccountSelector: fc.constant("!has(role) || role == 'a'"),
    types: fc.constantFrom(['Ingress'], ['Egress'], ['Ingress', 'Egress']),
    ingress: fc.array(rule, { minLength: 1, maxLength: 3 }),
    egress: fc.array(rule, { minLength: 1, maxLength: 3 }),
    applyOnForward: fc.boolean(),
  },
  { requiredKeys: [] },
);

const CLOSED = { selector: "pod != 'c'", order: 100, egress: [{ action: 'Pass', source: { selector: "pod == 'b'" } }] };

/** Something that can be read nowhere. */
const GARBAGE = { odd: true };

/** The value with garbage in one place, which `choose` picks among those at hand. */
function damaged(value: unknown, choose: (count: number) => number): unknown {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return GARBAGE;
  const keys = Object.keys(value);
  // Most is to be said of rules.
  const rules = keys.filter((key) => key === 'ingress' || key === 'egress');
  const from = rules.length > 0 && choose(4) > 0 ? rules : keys;
  const key = from[choose(from.length)];
  const inner = (value as Record<string, unknown>)[key];
  const part = choose(5) === 0 ? GARBAGE : damaged(inner, choose);
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === key ? part : item));
  return { ...value, [key]: part };
}

/** What passes: `a b 80`. */
function passing(manifests: readonly object[]): string[] {
  const world = new NaivePolicies([...FIXED, ...manifests.map(resourceOf)]);
  const endpoints = [...world.endpoints.values()];
  return endpoints.flatMap((endpoint) =>
    (['ingress', 'egress'] as const).flatMap((direction) =>
      endpoints.flatMap((other) =>
        [80, 81]
          .filter((port) => allows(world, endpoint, direction, other, port))
          .map((port) => `${endpoint.name} ${direction} ${other.name} ${port}`),
      ),
    ),
  );
}

function allows(
  world: NaivePolicies,
  endpoint: Endpoint,
  direction: 'ingress' | 'egress',
  other: Endpoint,
  port: number,
): boolean {
  const [source, destination] = direction === 'ingress' ? [other, endpoint] : [endpoint, other];
  const [from, to] = [source.addresses[0], destination.addresses[0]];
  const packet = {
    version: 4,
    source: from,
    destination: to,
    protocol: 6,
    sourcePort: 80,
    destinationPort: port,
  } as const;
  return world.decide(endpoint, direction, packet).verdict === 'allow';
}

describe('a policy of which something can not be read', () => {
  it.each(['GlobalNetworkPolicy', 'NetworkPolicy'])('lets nothing more pass: %s', (kind) => {
    const namespace = kind === 'NetworkPolicy' ? 'x' : undefined;
    fc.assert(
      fc.property(
        policy,
        fc.array(policy, { maxLength: 2 }),
        fc.infiniteStream(fc.nat(100)),
        (spec, others, choices) => {
          const { namespaceSelector: _, applyOnForward: __, ...ofNamespace } = spec;
          const whole = namespace === undefined ? spec : ofNamespace;
          // What no policy of the first tier decides is denied, so that a Pass is not as good as an Allow.
          const rest = [CLOSED, ...others].map((other, i) => calicoPolicy(`other-${i}`, other));
          const choose = (count: number) => (choices.next().value as number) % count;
          const broken = calicoPolicy('p', damaged(whole, choose) as object, namespace);
          const before = new Set(passing([calicoPolicy('p', whole, namespace), ...rest]));
          const more = passing([broken, ...rest]).filter((connection) => !before.has(connection));
          expect(more).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});
