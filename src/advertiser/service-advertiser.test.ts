import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advertisement,
  advertiserOf,
  configuration,
  namespace,
  node,
  routesOf,
  service,
  slice,
} from '../../test/support/service-cluster.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Change } from '../resources/cluster-view.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { ServiceAdvertiser } from './service-advertiser.ts';
import { serviceContext } from './service-context.ts';
import type { ServiceContext, ServiceMode } from './service-context.ts';
import type { ServiceChanges, ServiceRoute } from './service-routes.ts';
import { termsFor } from './terms.ts';

const RANGES = configuration({
  serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
  serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
});
const NODE = node('node-1', { 'topology.kubernetes.io/zone': 'a' });
const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
const web = service(LOCAL, { ingress: ['192.0.2.1'] });

const upsert = (...resources: AnyResource[]): Change[] => resources.map((resource) => ({ type: 'upsert', resource }));
const remove = (kind: 'Service' | 'EndpointSlice', name: string): Change => ({
  type: 'delete',
  kind,
  namespace: 'default',
  name,
});
const texts = ({ set, removed }: ServiceChanges) => [
  ...set.map(({ prefix }) => `+${formatPrefix(prefix)}`),
  ...removed.map((prefix) => `-${formatPrefix(prefix)}`),
];

describe('changes', () => {
  const advertiser = () => advertiserOf([NODE, RANGES, web]);

  it('tell what is different, and nothing else', () => {
    const of = advertiser();
    expect(texts(of.change(upsert(slice('node-1'))))).toEqual(['+192.0.2.1/32']);
    expect(texts(of.change(upsert(slice('node-2'))))).toEqual(['-192.0.2.1/32']);
    expect(texts(of.change(upsert(slice('node-2 node-3'))))).toEqual([]);
    expect(texts(of.change(upsert(slice('node-1'))))).toEqual(['+192.0.2.1/32']);
    expect(texts(of.change(upsert(slice('node-1 node-1 node-2'))))).toEqual([]);
    expect(texts(of.change([remove('Service', 'web')]))).toEqual(['-192.0.2.1/32']);
  });

  it('of a slice that is deleted withdraw the route, whatever its name is', () => {
    const of = advertiser();
    of.change(upsert(slice('node-1', { name: 'web-x7f2p' })));
    expect(texts(of.change([remove('EndpointSlice', 'web-x7f2p')]))).toEqual(['-192.0.2.1/32']);
  });

  it('of the same slice for another service move the route', () => {
    const of = advertiserOf([NODE, RANGES, web, service(LOCAL, { name: 'api', ingress: ['192.0.2.2'] })]);
    of.change(upsert(slice('node-1', { name: 's' })));
    expect(texts(of.change(upsert(slice('node-1', { of: 'api', name: 's' }))))).toEqual([
      '+192.0.2.2/32',
      '-192.0.2.1/32',
    ]);
  });

  it('of a slice may be of its family', () => {
    const of = advertiser();
    of.change(upsert(slice('node-1')));
    expect(texts(of.change(upsert(slice('node-1', { type: 'IPv6' }))))).toEqual(['-192.0.2.1/32']);
  });

  it('of a service may be of any of its fields', () => {
    const of = advertiserOf([NODE, RANGES, web, slice('node-1')]);
    const other = service(LOCAL, { ingress: ['192.0.2.9'] });
    expect(texts(of.change(upsert(other)))).toEqual(['+192.0.2.9/32', '-192.0.2.1/32']);
  });

  it('may come in any order, and cancel each other', () => {
    const of = advertiserOf([NODE, RANGES]);
    expect(texts(of.change(upsert(slice('node-1'))))).toEqual([]);
    expect(texts(of.change(upsert(web)))).toEqual(['+192.0.2.1/32']);
    expect(texts(of.change([remove('EndpointSlice', 'web-1'), ...upsert(slice('node-1'))]))).toEqual([]);
    expect(texts(of.change(upsert(NODE, namespace('x', {}))))).toEqual([]);
    expect(texts(of.change([remove('EndpointSlice', 'nobody'), remove('Service', 'nobody')]))).toEqual([]);
  });

  it('of a snapshot take away what is in it no more', () => {
    const of = advertiserOf([NODE, RANGES, web, slice('node-1')]);
    expect(texts(of.replace([web, slice('node-1')]))).toEqual([]);
    expect(texts(of.replace([web]))).toEqual(['-192.0.2.1/32']);
    expect(texts(of.replace([web, slice('node-1')]))).toEqual(['+192.0.2.1/32']);
    expect(texts(of.replace([service(LOCAL, { name: 'api', ingress: ['192.0.2.2'] }), slice('node-1')]))).toEqual([
      '-192.0.2.1/32',
    ]);
    expect(of.counts).toEqual({ services: 1, endpoints: 1, routes: 2, aggregates: 2 });
  });
});

describe('several services with one prefix', () => {
  const of = (name: string, labels = {}) => service(LOCAL, { name, labels, ingress: ['192.0.2.1'] });
  const both = [of('b'), of('a'), slice('node-1', { of: 'a' }), slice('node-1', { of: 'b' })];

  it('have it as long as one of them does', () => {
    const advertiser = advertiserOf([NODE, RANGES, ...both]);
    expect(advertiser.routes.get('192.0.2.1/32')).toMatchObject({ service: 'default/a', label: 0 });
    expect(advertiser.change([remove('EndpointSlice', 'a-1')]).set).toMatchObject([{ service: 'default/b' }]);
    expect(texts(advertiser.change([remove('Service', 'b')]))).toEqual(['-192.0.2.1/32']);
  });

  it('have the terms of all of them, and serve as a backup only where all do', () => {
    const addresses = ['LoadBalancerIP'];
    const backup = { addresses, scope: 'Node', others: 'Backup' };
    const rules = [
      advertisement('r', { ...backup, serviceSelector: "app == 'a'", communities: ['1:1'], med: 5 }),
      advertisement('s', { ...backup, serviceSelector: "app == 'b'", communities: ['1:2'], localPreference: 200 }),
    ];
    const any = (name: string) =>
      service({ type: 'LoadBalancer' }, { name, labels: { app: name }, ingress: ['192.0.2.1'] });
    const cluster = (a: string, b: string) =>
      advertiserOf([NODE, RANGES, ...rules, any('a'), any('b'), slice(a, { of: 'a' }), slice(b, { of: 'b' })]);
    const told = (advertiser: ServiceAdvertiser) => {
      const route = advertiser.routes.get('192.0.2.1/32');
      return route && termsFor(advertiser.labels.offersOf(route.label), () => false);
    };
    expect(told(cluster('node-1', 'node-1'))).toEqual({
      role: 'primary',
      communities: ['1:1', '1:2'],
      prepend: 0,
      localPreference: 200,
      med: 5,
    });
    expect(told(cluster('node-1', 'node-2'))).toEqual({ role: 'primary', communities: ['1:1'], prepend: 0, med: 5 });
    expect(told(cluster('node-2', 'node-2'))).toMatchObject({ role: 'backup', communities: ['1:1', '1:2'], med: 100 });
    expect(told(cluster('', 'node-2'))).toMatchObject({ role: 'backup', communities: ['1:2'], med: 100 });
    expect(told(cluster('', ''))).toBeUndefined();
    expect(cluster('node-1', 'node-1').explain('default', 'a')?.merged).toEqual([
      '192.0.2.1/32 is an address of default/a, default/b: a peer is told the best of what holds for each.',
    ]);
  });

  it('are told to all where one of them is', () => {
    const rule = advertisement('r', { serviceSelector: "app == 'a'", peerSelector: 'has(tor)', communities: ['1:1'] });
    const advertiser = advertiserOf([NODE, RANGES, rule, of('a', { app: 'a' }), of('b'), ...both.slice(2)]);
    const offers = advertiser.labels.offersOf(advertiser.routes.get('192.0.2.1/32')?.label ?? 0);
    expect(termsFor(offers, () => false)).toEqual({ role: 'primary', communities: [], prepend: 0 });
    expect(termsFor(offers, () => true)).toEqual({ role: 'primary', communities: ['1:1'], prepend: 0 });
  });

  it('may be thousands behind a shorter one', () => {
    const rule = advertisement('r', { addresses: ['ClusterIP'], aggregationLength: 16 });
    const services = Array.from({ length: 300 }, (_, i) => {
      const clusterIPs = [`10.100.${i >> 8}.${i & 255}`];
      return [service({ clusterIPs }, { name: `s${i}` }), slice('node-1', { of: `s${i}` })];
    }).flat();
    const advertiser = advertiserOf([NODE, rule, ...services]);
    expect(advertiser.routes).toMatchObject(new Map([['10.100.0.0/16', { service: '' }]]));
    for (let i = 1; i < 300; i++) {
      expect(texts(advertiser.change([remove('EndpointSlice', `s${i}-1`)]))).toEqual([]);
    }
    expect(texts(advertiser.change([remove('Service', 's0')]))).toEqual(['-10.100.0.0/16']);
  });
});

describe('a context', () => {
  const resources = [NODE, RANGES, web, slice('node-1')];
  const context = (all: readonly AnyResource[], previous?: ServiceContext, mode: ServiceMode = 'mended') =>
    serviceContext(clusterView(all), { name: 'node-1' }, mode, previous);
  const zonal = advertisement('r', { scope: 'Zone', namespaceSelector: "team == 'x'" });

  it('stays the same object while nothing counts that is different', () => {
    const first = context([...resources, zonal, namespace('default', { team: 'x' })]);
    const same = (...all: AnyResource[]) => context([RANGES, ...all], first) === first;
    const more = { 'topology.kubernetes.io/zone': 'a' };
    const other = namespace('default', { team: 'x' });
    expect(same(node('node-1', { ...more, other: 'label' }), zonal, other)).toBe(true);
    expect(same(node('node-1', { 'topology.kubernetes.io/zone': 'b' }), zonal, other)).toBe(false);
    expect(same(NODE, node('node-2', more), zonal, other)).toBe(false);
    expect(same(NODE, zonal, namespace('default', { team: 'y' }))).toBe(false);
    expect(same(NODE, advertisement('r', { scope: 'Zone' }), other)).toBe(false);
    expect(same(NODE, other)).toBe(false);
    expect(context([NODE, zonal, other], first)).not.toBe(first);
    expect(context([NODE, RANGES, zonal, other], first, 'strict')).not.toBe(first);
  });

  it('without zones and namespaces asks no other node, and no namespace', () => {
    const first = context(resources);
    expect(context([...resources, node('node-2', {}), namespace('x', {})], first)).toBe(first);
  });

  it.each<[string, AnyResource[], ServiceMode?]>([
    [
      'a node that is kept out',
      [node('node-1', { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' })],
    ],
    ['other ranges', [configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.1/32' }] })]],
    ['no ranges', [configuration({})]],
    ['another rule', [advertisement('r', { communities: ['1:1'] })]],
    [
      'a rule for a namespace',
      [advertisement('r', { namespaceSelector: "team == 'x'" }), namespace('default', { team: 'x' })],
    ],
    ['another mode', [], 'strict'],
  ])('may be different by %s alone', (_, difference, mode) => {
    const advertiser = advertiserOf(resources);
    const all = [...resources, ...difference];
    const routes = new Map(advertiser.routes);
    follow(routes, advertiser.setContext(context(all, context(resources), mode)));
    expect(routes).toEqual(advertiser.routes);
    expect(seen(advertiser)).toEqual(seen(advertiserOf(all, mode)));
    advertiser.setContext(context(resources));
    expect(seen(advertiser)).toEqual(seen(advertiserOf(resources)));
  });

  it('is needed before there are routes', () => {
    const advertiser = new ServiceAdvertiser();
    expect(texts(advertiser.replace(resources))).toEqual([]);
    expect([[...advertiser.list()], advertiser.explain('default', 'web')]).toEqual([[], undefined]);
    expect(texts(advertiser.setContext(context(resources)))).toEqual([
      '+10.96.0.0/12',
      '+192.0.2.0/24',
      '+192.0.2.1/32',
    ]);
  });
});

/** Any cluster: few names, so that resources meet. */
const NAMES = ['a', 'b', 'c'];
const oneOf = fc.constantFrom;
const anyEndpoint = fc
  .tuple(oneOf('', '!', '~'), oneOf('', 'node-1', 'node-2', 'node-3'), oneOf('', '@a', '@b'), oneOf('', '', '>a', '>b'))
  .map((parts) => parts.join(''))
  .filter((text) => text !== '');
const anySlice = fc
  .record({
    endpoints: fc.array(anyEndpoint, { maxLength: 4 }),
    of: oneOf(...NAMES),
    name: oneOf('s0', 's1', 's2', 's3'),
    type: oneOf('IPv4', 'IPv6', 'FQDN'),
  })
  .map(({ endpoints, ...options }) => slice(endpoints.join(' '), options));
const anyService = fc
  .record({
    name: oneOf(...NAMES),
    app: oneOf('x', 'y'),
    type: oneOf('ClusterIP', 'LoadBalancer'),
    eTP: oneOf(undefined, 'Cluster', 'Local'),
    iTP: oneOf(undefined, 'Cluster', 'Local'),
    trafficDistribution: oneOf(undefined, 'PreferClose', 'PreferSameNode'),
    clusterIPs: oneOf([], ['10.96.0.1'], ['10.96.0.2', 'fd00::2']),
    externalIPs: oneOf([], ['198.51.100.1'], ['192.0.2.1', '203.0.113.1']),
    ingress: oneOf([], ['192.0.2.1'], ['192.0.2.2', '2001:db8::1']),
  })
  .map(({ name, app, eTP, iTP, ingress, ...spec }) =>
    service(
      { ...spec, externalTrafficPolicy: eTP, internalTrafficPolicy: iTP, ipFamilies: ['IPv4', 'IPv6'] },
      { name, labels: { app }, ingress },
    ),
  );
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  anySlice.map((resource): Change => ({ type: 'upsert', resource })),
  anyService.map((resource): Change => ({ type: 'upsert', resource })),
  oneOf('s0', 's1', 's2', 's3').map((name) => remove('EndpointSlice', name)),
  oneOf(...NAMES).map((name) => remove('Service', name)),
);
const anyRule = fc.record(
  {
    serviceSelector: oneOf('all()', "app == 'x'", "app == 'y'"),
    addresses: oneOf(['ClusterIP'], ['LoadBalancerIP', 'ExternalIP']),
    scope: oneOf('Node', 'Zone', 'Cluster'),
    topologyKey: oneOf('rack'),
    peerSelector: oneOf("tor == 'a'", "tor == 'b'"),
    communities: oneOf(['1:1'], ['1:2']),
    aggregationLength: oneOf(24, 30),
    weighted: fc.boolean(),
    withdrawDelay: oneOf('1s', '5s'),
  },
  { requiredKeys: ['serviceSelector'] },
);
const anyContext = fc
  .record({
    rules: fc.array(anyRule, { maxLength: 3 }),
    backup: fc.boolean(),
    aggregation: oneOf('Enabled', 'Disabled'),
    single: fc.boolean(),
    excluded: oneOf('true', 'false', 'false', 'false'),
    zone: oneOf('a', 'b'),
    racks: fc.tuple(oneOf('1', '2'), oneOf('1', '2')),
    mode: oneOf<ServiceMode>('mended', 'strict'),
  })
  .map(({ rules, backup, aggregation, single, excluded, zone, racks, mode }) => {
    const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': excluded, rack: racks[0] };
    const view = clusterView([
      node('node-1', { ...labels, 'topology.kubernetes.io/zone': zone }),
      node('node-2', { 'topology.kubernetes.io/zone': 'a', rack: racks[1] }),
      configuration({
        serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
        serviceExternalIPs: [{ cidr: '198.51.100.0/24' }, ...(single ? [{ cidr: '192.0.2.1/32' }] : [])],
        serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }, { cidr: '2001:db8::/64' }],
        serviceLoadBalancerAggregation: aggregation,
      }),
      ...rules.map((rule, i) =>
        advertisement(`r${i}`, { ...rule, ...(backup && rule.scope !== 'Cluster' && { others: 'Backup' }) }),
      ),
    ]);
    return { view, mode };
  });

/** All that can be seen of an advertiser; numbers of labels are its own. */
function seen(advertiser: ServiceAdvertiser) {
  const routes = [...advertiser.routes].map(([text, { label, ...route }]) => ({
    text,
    ...route,
    offers: advertiser.labels.offersOf(label),
    reason: advertiser.reason(route.prefix),
  }));
  return {
    routes: routes.sort((a, b) => (a.text < b.text ? -1 : 1)),
    services: [...advertiser.list()].map(({ namespace, name }) => advertiser.explain(namespace, name)),
    counts: advertiser.counts,
    problems: advertiser.problems,
  };
}

function follow(routes: Map<string, ServiceRoute>, { set, removed }: ServiceChanges): void {
  for (const route of set) routes.set(formatPrefix(route.prefix), route);
  for (const prefix of removed) expect(routes.delete(formatPrefix(prefix))).toBe(true);
}

it('comes to the same whatever happened before, and tells each difference', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 6, arbitrary: anyChange }, { weight: 1, arbitrary: anyContext }), { maxLength: 30 }),
      anyContext,
      (steps, first) => {
        const advertiser = new ServiceAdvertiser();
        const resources = new Map<string, AnyResource>();
        const routes = new Map<string, ServiceRoute>();
        let context: ServiceContext | undefined;
        let last = first;
        for (const step of [first, ...steps]) {
          if ('view' in step) {
            last = step;
            context = serviceContext(step.view, { name: 'node-1' }, step.mode, context);
            follow(routes, advertiser.setContext(context));
          } else {
            const key =
              step.type === 'upsert'
                ? `${step.resource.kind} ${step.resource.metadata.name}`
                : `${step.kind} ${step.name}`;
            if (step.type === 'upsert') resources.set(key, step.resource);
            else resources.delete(key);
            follow(routes, advertiser.change([step]));
          }
          expect(routes).toEqual(advertiser.routes);
        }
        const fresh = new ServiceAdvertiser();
        const all = [...resources.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? 1 : -1));
        fresh.setContext(serviceContext(last.view, { name: 'node-1' }, last.mode));
        fresh.replace(all);
        expect(seen(advertiser)).toEqual(seen(fresh));
        expect(texts(advertiser.replace(all))).toEqual([]);
        expect(advertiser.counts.aggregates).toBe(
          [...advertiser.routes.values()].filter(({ prefix: { family, length } }) => length < (family === 0 ? 32 : 128))
            .length,
        );
      },
    ),
    { numRuns: 150 },
  );
});

it('leaves nothing behind of what is gone', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 20 }), anyContext, (changes, { view, mode }) => {
      const advertiser = new ServiceAdvertiser();
      advertiser.setContext(serviceContext(view, { name: 'node-1' }, mode));
      const ranges = routesOf(advertiser);
      advertiser.change(changes);
      const gone = ['s0', 's1', 's2', 's3'].map((name) => remove('EndpointSlice', name));
      advertiser.change([...gone, ...NAMES.map((name) => remove('Service', name))]);
      expect(routesOf(advertiser)).toEqual(ranges);
      expect(advertiser.counts).toMatchObject({ services: 0, endpoints: 0 });
    }),
    { numRuns: 100 },
  );
});
