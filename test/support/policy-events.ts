/** Resources of a small cluster that come, change and go at random. */
import fc from 'fast-check';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { calico, namespace, pod, resource, serviceAccount } from './policy-manifests.ts';

/** A resource of a name is there like this from now on, or is not there. */
export interface PolicyEvent {
  readonly slot: string;
  readonly resource: AnyResource;
  readonly isThere: boolean;
}

const ADDRESSES = ['10.0.0.1', '10.0.0.2', 'fd00::1'];
const NETS = ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/30', '10.0.0.1/32', '128.0.0.0/1', 'fd00::/8', '::/0'];
const SELECTORS = [
  "app == 'web'",
  "app != 'web'",
  "app in {'web', 'db'}",
  'has(app)',
  "pcns.env == 'a'",
  "app == 'db' && pcns.env == 'b'",
  "pcsa.role == 'a' || app == 'web'",
  '!has(app)',
  'all()',
];

const selector = fc.constantFrom(...SELECTORS);
const labels = fc.constantFrom({}, { app: 'web' }, { app: 'db' });
const addresses = fc.subarray(ADDRESSES, { maxLength: 2 });
const order = fc.constantFrom({}, { order: 1 }, { order: 2 });

const end = fc.oneof(
  selector.map((text) => ({ selector: text })),
  selector.map((text) => ({ notSelector: text })),
  selector.map((text) => ({ selector: text, ports: ['http', 80] })),
  fc.constant({ services: { name: 's', namespace: 'x' } }),
  fc.constantFrom({}, { ports: ['http'] }, { nets: ['10.0.0.0/8'], namespaceSelector: "env == 'a'" }),
);

const rules = fc.array(
  fc.record({
    action: fc.constantFrom('Allow', 'Deny', 'Log', 'Pass'),
    protocol: fc.constantFrom('TCP', 'UDP'),
    source: end,
    destination: end,
  }),
  { maxLength: 2 },
);

const policySpec = fc
  .tuple(
    fc.record({ selector, ingress: rules, egress: rules, tier: fc.constantFrom('default', 't1', 't2') }),
    order,
    fc.constantFrom({}, { types: ['Ingress'] }, { types: ['Egress'] }),
  )
  .map((parts) => Object.assign({}, ...parts));

const scope = fc.constantFrom(
  {},
  { applyOnForward: true },
  { applyOnForward: true, preDNAT: true },
  { doNotTrack: true },
);

const kubernetesPolicy = fc.constantFrom({}, { matchLabels: { app: 'web' } }).map((podSelector) =>
  resource({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'k', namespace: 'x' },
    spec: {
      podSelector,
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'db' } } }], ports: [{ port: 'http' }] }],
    },
  }),
);

const aPod = (path: string) =>
  fc
    .record({
      labels,
      ips: addresses,
      node: fc.constantFrom('n1', 'n2'),
      account: fc.constantFrom('default', 'other'),
      ports: fc.subarray([
        { name: 'http', containerPort: 80 },
        { name: 'http', containerPort: 53, protocol: 'UDP' },
        { name: 'http', containerPort: 81 },
      ]),
    })
    .map((options) => pod(path, options));

const workload = (path: string) =>
  fc.tuple(fc.constantFrom('cali1', 'cali2'), addresses, labels).map(([interfaceName, ips, own]) => {
    const ipNetworks = ips.map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`);
    return calico(
      'WorkloadEndpoint',
      path,
      { node: 'n1', interfaceName, ipNetworks, profiles: ['kns.x', 'gone'] },
      own,
    );
  });

const host = (name: string) =>
  fc
    .tuple(
      fc.constantFrom({}, { interfaceName: 'eth0' }, { interfaceName: '*' }),
      fc.constantFrom(...ADDRESSES),
      labels,
    )
    .map(([at, ip, own]) => calico('HostEndpoint', name, { node: 'n1', expectedIPs: [ip], ...at }, own));

const set = (kind: string, path: string) =>
  fc.tuple(fc.subarray(NETS), labels).map(([nets, own]) => calico(kind, path, { nets }, own));

const slice = (name: string) =>
  addresses.map((ips) =>
    resource({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'x', labels: { 'kubernetes.io/service-name': 's' } },
      addressType: 'IPv4',
      endpoints: ips.map((ip) => ({ addresses: [ip] })),
      ports: [{ protocol: 'TCP', port: 80 }],
    }),
  );

const environment = fc.constantFrom({}, { env: 'a' }, { env: 'b' });

const profile = rules.chain((ingress) =>
  fc
    .constantFrom({}, { 'pcns.env': 'b', app: 'db' })
    .map((labelsToApply) => calico('Profile', 'kns.x', { ingress, labelsToApply })),
);

const tier = (name: string) =>
  fc
    .tuple(order, fc.constantFrom('Deny', 'Pass'))
    .map(([at, defaultAction]) => calico('Tier', name, { ...at, defaultAction }));

const felix = fc
  .constantFrom('cali', 'tap,cali')
  .map((interfacePrefix) => calico('FelixConfiguration', 'default', { interfacePrefix }));

const globalPolicy = (name: string) =>
  fc.tuple(policySpec, scope).map(([spec, more]) => calico('GlobalNetworkPolicy', name, { ...spec, ...more }));

/** Picks all, and names a set for every selector. */
const broadPolicy = fc
  .tuple(
    fc.constantFrom(SELECTORS, SELECTORS.slice(4)),
    fc.constantFrom({ order: 1 }, { types: ['Ingress'] }, { tier: 't1' }),
  )
  .map(([selectors, more]) =>
    calico('GlobalNetworkPolicy', 'broad', {
      ...more,
      ingress: [
        ...selectors.flatMap((text) => [
          { action: 'Allow', source: { selector: text } },
          { action: 'Allow', protocol: 'TCP', destination: { selector: text, ports: ['http'] } },
        ]),
        { action: 'Allow', source: { services: { name: 's', namespace: 'x' } } },
        { action: 'Allow', protocol: 'TCP', destination: { services: { name: 's', namespace: 'x' } } },
      ],
    }),
  );

const RESOURCES: readonly fc.Arbitrary<AnyResource>[] = [
  aPod('x/a'),
  aPod('x/b'),
  aPod('y/a'),
  workload('x/w1'),
  workload('x/w2'),
  host('h1'),
  host('h2'),
  set('NetworkSet', 'x/s'),
  set('GlobalNetworkSet', 's1'),
  set('GlobalNetworkSet', 's2'),
  environment.map((own) => namespace('x', own)),
  environment.map((own) => namespace('y', own)),
  fc.constantFrom({}, { role: 'a' }).map((own) => serviceAccount('x/default', own)),
  profile,
  tier('t1'),
  tier('t2'),
  felix,
  slice('s-1'),
  slice('s-2'),
  kubernetesPolicy,
  broadPolicy,
  globalPolicy('g1'),
  globalPolicy('g2'),
  globalPolicy('g3'),
  policySpec.map((spec) => calico('NetworkPolicy', 'x/p', spec)),
];

export const policyEvent: fc.Arbitrary<PolicyEvent> = fc
  .tuple(fc.oneof(...RESOURCES), fc.integer({ min: 0, max: 3 }))
  .map(([one, chance]) => ({
    slot: `${one.kind} ${one.metadata.namespace ?? ''}/${one.metadata.name}`,
    resource: one,
    isThere: chance > 0,
  }));

/** Interfaces of the host, some with addresses that HostEndpoints expect. */
export const hostInterfaces = fc.constantFrom(
  [],
  [{ name: 'eth0', addresses: ['10.0.0.1'] }],
  [
    { name: 'eth0', addresses: ['10.0.0.1', 'fd00::1'] },
    { name: 'eth1', addresses: ['10.0.0.2'] },
  ],
);
