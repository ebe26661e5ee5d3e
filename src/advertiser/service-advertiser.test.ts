import { describe, expect, it } from 'vitest';
import {
  advertisement,
  deletion,
  differences,
  followChanges,
  seenOf,
  advertiserOf,
  configuration,
  namespace,
  node,
  service,
  slice,
} from '../../test/support/service-cluster.ts';
import type { Change } from '../resources/cluster-view.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { ServiceAdvertiser } from './service-advertiser.ts';
import { serviceContext } from './service-context.ts';
import type { ServiceContext, ServiceMode } from './service-context.ts';
import type { ServiceRoute } from './service-routes.ts';
import { termsFor } from './terms.ts';

const BOTH = {
  serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
  serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
};
const RANGES = configuration(BOTH);
const NODE = node('node-1', { 'topology.kubernetes.io/zone': 'a' });
const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
const web = service(LOCAL, { ingress: ['192.0.2.1'] });

const upsert = (...resources: AnyResource[]): Change[] => resources.map((resource) => ({ type: 'upsert', resource }));
describe('changes', () => {
  const advertiser = () => advertiserOf([NODE, RANGES, web]);

  it('tell what is different, and nothing else', () => {
    const of = advertiser();
    expect(differences(of.change(upsert(slice('node-1'))))).toEqual(['+192.0.2.1/32']);
    expect(differences(of.change(upsert(slice('node-2'))))).toEqual(['-192.0.2.1/32']);
    expect(differences(of.change(upsert(slice('node-2 node-3'))))).toEqual([]);
    expect(differences(of.change(upsert(slice('node-1'))))).toEqual(['+192.0.2.1/32']);
    expect(differences(of.change(upsert(slice('node-1 node-1 node-2'))))).toEqual([]);
    expect(differences(of.change([deletion('Service', 'web')]))).toEqual(['-192.0.2.1/32']);
  });

  it('of a slice that is deleted withdraw the route, whatever its name is', () => {
    const of = advertiser();
    of.change(upsert(slice('node-1', { name: 'web-x7f2p' })));
    expect(differences(of.change([deletion('EndpointSlice', 'web-x7f2p')]))).toEqual(['-192.0.2.1/32']);
  });

  it('of the same slice for another service move the route', () => {
    const of = advertiserOf([NODE, RANGES, web, service(LOCAL, { name: 'api', ingress: ['192.0.2.2'] })]);
    of.change(upsert(slice('node-1', { name: 's' })));
    expect(differences(of.change(upsert(slice('node-1', { of: 'api', name: 's' }))))).toEqual([
      '+192.0.2.2/32',
      '-192.0.2.1/32',
    ]);
  });

  it('of a slice may be of its family', () => {
    const of = advertiser();
    of.change(upsert(slice('node-1')));
    expect(differences(of.change(upsert(slice('node-1', { type: 'IPv6' }))))).toEqual(['-192.0.2.1/32']);
  });

  it('of a service may be of any of its fields', () => {
    const of = advertiserOf([NODE, RANGES, web, slice('node-1')]);
    const other = service(LOCAL, { ingress: ['192.0.2.9'] });
    expect(differences(of.change(upsert(other)))).toEqual(['+192.0.2.9/32', '-192.0.2.1/32']);
  });

  it('may come in any order, and cancel each other', () => {
    const of = advertiserOf([NODE, RANGES]);
    expect(differences(of.change(upsert(slice('node-1'))))).toEqual([]);
    expect(differences(of.change(upsert(web)))).toEqual(['+192.0.2.1/32']);
    expect(differences(of.change([deletion('EndpointSlice', 'web-1'), ...upsert(slice('node-1'))]))).toEqual([]);
    expect(differences(of.change(upsert(NODE, namespace('x', {}))))).toEqual([]);
    expect(differences(of.change([deletion('EndpointSlice', 'nobody'), deletion('Service', 'nobody')]))).toEqual([]);
  });

  it('of a snapshot take away what is in it no more', () => {
    const of = advertiserOf([NODE, RANGES, web, slice('node-1')]);
    expect(differences(of.replace([web, slice('node-1')]))).toEqual([]);
    expect(differences(of.replace([web]))).toEqual(['-192.0.2.1/32']);
    expect(differences(of.replace([web, slice('node-1')]))).toEqual(['+192.0.2.1/32']);
    expect(differences(of.replace([service(LOCAL, { name: 'api', ingress: ['192.0.2.2'] }), slice('node-1')]))).toEqual(
      ['-192.0.2.1/32'],
    );
    expect(of.counts).toEqual({ services: 1, endpoints: 1, routes: 2, aggregates: 2 });
  });
});

describe('several services with one prefix', () => {
  const of = (name: string, labels = {}) => service(LOCAL, { name, labels, ingress: ['192.0.2.1'] });
  const both = [of('b'), of('a'), slice('node-1', { of: 'a' }), slice('node-1', { of: 'b' })];

  it('have it as long as one of them does', () => {
    const advertiser = advertiserOf([NODE, RANGES, ...both]);
    expect(advertiser.routes.get('192.0.2.1/32')).toMatchObject({ service: 'default/a', label: 0 });
    expect(advertiser.change([deletion('EndpointSlice', 'a-1')]).set).toMatchObject([{ service: 'default/b' }]);
    expect(differences(advertiser.change([deletion('Service', 'b')]))).toEqual(['-192.0.2.1/32']);
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
      expect(differences(advertiser.change([deletion('EndpointSlice', `s${i}-1`)]))).toEqual([]);
    }
    expect(differences(advertiser.change([deletion('Service', 's0')]))).toEqual(['-10.100.0.0/16']);
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
    expect(context([...resources, node('node-1', {})], first)).not.toBe(first);
  });

  it('has the labels of the node as they were where nothing tells of it any more', () => {
    const excluded = node('node-1', {
      'node.kubernetes.io/exclude-from-external-load-balancers': 'true',
      'topology.kubernetes.io/zone': 'a',
    });
    const first = context([excluded, RANGES, zonal]);
    expect(context([RANGES, zonal], first)).toBe(first);
    const other = context([configuration({}), zonal], first);
    expect(other).toMatchObject({ excluded: true, topologies: [{ own: 'a' }] });
    expect(context([node('node-1'), RANGES, zonal], first)).toMatchObject({ excluded: false });
  });

  it.each<[string, AnyResource[], ServiceMode?]>([
    [
      'a node that is kept out',
      [node('node-1', { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' })],
    ],
    ['other ranges', [configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.1/32' }] })]],
    ['no ranges', [configuration({})]],
    [
      'ranges that are not announced as a whole',
      [configuration({ ...BOTH, serviceLoadBalancerAggregation: 'Disabled' })],
    ],
    ['another rule', [advertisement('r', { communities: ['1:1'] })]],
    [
      'a rule for a namespace',
      [advertisement('r', { namespaceSelector: "team == 'x'" }), namespace('default', { team: 'x' })],
    ],
    ['another mode', [], 'strict'],
    ['another zone of this node', [node('node-1', { 'topology.kubernetes.io/zone': 'b' })]],
    ['another zone of another node', [node('node-2', { 'topology.kubernetes.io/zone': 'a' })]],
    [
      'a zone by another label',
      [advertisement('zonal', { addresses: ['ClusterIP'], scope: 'Zone', topologyKey: 'rack' })],
    ],
  ])('may be different by %s alone', (_, difference, mode) => {
    const rule = { serviceSelector: "app == 'zonal'", addresses: ['ClusterIP'], scope: 'Zone', others: 'Backup' };
    const zones = [advertisement('zonal', rule), service({}, { name: 'zonal', labels: { app: 'zonal' } })];
    const base = [
      ...resources,
      ...zones,
      slice('node-2', { of: 'zonal' }),
      service({ clusterIPs: ['10.96.0.2'] }, { name: 'idle' }),
    ];
    const all = [...base, ...difference];
    const advertiser = new ServiceAdvertiser();
    const routes = new Map<string, ServiceRoute>();
    const first = context(base);
    advertiser.replace(base);
    followChanges(routes, advertiser.setContext(first));
    const second = context(all, first, mode);
    followChanges(routes, advertiser.setContext(second));
    expect(routes).toEqual(advertiser.routes);
    expect(seenOf(advertiser)).toEqual(seenOf(advertiserOf(all, mode)));
    followChanges(routes, advertiser.setContext(context(base, second)));
    expect(routes).toEqual(advertiser.routes);
    expect(seenOf(advertiser)).toEqual(seenOf(advertiserOf(base)));
  });

  it('is needed before there are routes', () => {
    const advertiser = new ServiceAdvertiser();
    expect(differences(advertiser.replace(resources))).toEqual([]);
    expect([[...advertiser.list()], advertiser.explain('default', 'web')]).toEqual([[], undefined]);
    expect(differences(advertiser.setContext(context(resources)))).toEqual([
      '+10.96.0.0/12',
      '+192.0.2.0/24',
      '+192.0.2.1/32',
    ]);
  });
});
