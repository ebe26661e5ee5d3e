/** What ServiceAdvertisements make of a service: whose endpoints decide, what the others do, and what is told. */
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
import type { AnyResource } from '../resources/kinds.ts';
import type { ServiceAdvertiser } from './service-advertiser.ts';
import type { ServiceTerms } from './service-routes.ts';
import { termsFor } from './terms.ts';

const ZONE = 'topology.kubernetes.io/zone';
const IP = '192.0.2.1/32';
const NODES = [
  node('node-1', { [ZONE]: 'a', rack: '1' }),
  node('node-2', { [ZONE]: 'a', rack: '2' }),
  node('node-3', { [ZONE]: 'b', rack: '1' }),
];

interface Cluster {
  readonly spec?: object;
  readonly labels?: Record<string, string>;
  readonly endpoints?: string;
  readonly slices?: readonly AnyResource[];
  readonly nodes?: readonly AnyResource[];
  readonly settings?: object;
  readonly others?: readonly AnyResource[];
}

/** A service with load balancer address 192.0.2.1 on node-1 (zone a, rack 1), and ServiceAdvertisements r0, r1, … */
function advertiser(rules: readonly object[], cluster: Cluster = {}): ServiceAdvertiser {
  const { spec = {}, labels = {}, endpoints = '', slices = [], nodes = NODES, settings = {}, others = [] } = cluster;
  const lb = { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster', ...spec };
  return advertiserOf([
    ...nodes,
    configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }], ...settings }),
    service(lb, { labels, ingress: ['192.0.2.1'] }),
    ...(endpoints === '' ? [] : [slice(endpoints)]),
    ...slices,
    ...rules.map((rule, i) => advertisement(`r${i}`, rule)),
    ...others,
  ]);
}

/** What a peer is told of a route; peers are named by the selectors that pick them. */
function told(of: ServiceAdvertiser, route = IP, peer: readonly string[] = []): ServiceTerms | undefined {
  const label = of.routes.get(route)?.label;
  return label === undefined ? undefined : termsFor(of.labels.offersOf(label), (text) => peer.includes(text));
}

const role = (of: ServiceAdvertiser, ...peer: string[]) => told(of, IP, peer)?.role ?? 'none';

describe('scope', () => {
  const backup = { others: 'Backup' };
  const zone = { scope: 'Zone', ...backup };
  const rack = { ...zone, topologyKey: 'rack' };
  const close = { trafficDistribution: 'PreferClose' };
  const local = { externalTrafficPolicy: 'Local' };

  it.each<[string, object, Cluster, 'primary' | 'backup' | 'none']>([
    ['Cluster, an endpoint anywhere', { scope: 'Cluster' }, { endpoints: 'node-3' }, 'primary'],
    ['Cluster, none that is ready', { scope: 'Cluster' }, { endpoints: '!node-1' }, 'none'],
    ['Cluster, none at all', { scope: 'Cluster' }, {}, 'none'],
    ['Cluster, one that terminates', { scope: 'Cluster' }, { endpoints: '~node-2' }, 'primary'],
    ['Node, an endpoint here', { scope: 'Node' }, { endpoints: 'node-1 node-2' }, 'primary'],
    ['Node, endpoints elsewhere', { scope: 'Node' }, { endpoints: 'node-2' }, 'none'],
    ['Node, endpoints elsewhere, a backup', { scope: 'Node', ...backup }, { endpoints: 'node-2' }, 'backup'],
    ['Node, none anywhere, a backup', { scope: 'Node', ...backup }, { endpoints: '!node-2' }, 'none'],
    ['Node, one that terminates here, others ready', { scope: 'Node' }, { endpoints: '~node-1 node-2' }, 'none'],
    ['Node, one that terminates here, none ready', { scope: 'Node' }, { endpoints: '~node-1 !node-2' }, 'primary'],
    ['Zone by the slice', zone, { endpoints: 'node-9@a node-3@b' }, 'primary'],
    ['Zone by the slice, though the node says another', zone, { endpoints: 'node-2@b' }, 'backup'],
    ['Zone by the node', zone, { endpoints: 'node-2' }, 'primary'],
    ['Zone, endpoints in another', zone, { endpoints: 'node-3@b' }, 'backup'],
    ['Zone, endpoints in another, withdrawn', { scope: 'Zone' }, { endpoints: 'node-3@b' }, 'none'],
    ['Zone by hints', zone, { endpoints: 'node-3@b>a' }, 'primary'],
    ['Zone by hints, for another', zone, { endpoints: 'node-2@a>b node-3@b>b' }, 'backup'],
    ['Zone by hints that only some have', zone, { endpoints: 'node-3@b>a node-3@b' }, 'backup'],
    ['Zone, one that terminates in it, others ready', zone, { endpoints: '~node-2@a node-3@b' }, 'backup'],
    ['Zone, one that terminates in it, none ready', zone, { endpoints: '~node-2@a' }, 'primary'],
    ['Zone of a node without', zone, { endpoints: 'node-2@a', nodes: [node('node-1')] }, 'backup'],
    ['Zone by another label', rack, { endpoints: 'node-3@b' }, 'primary'],
    ['Zone by another label, not the zone', rack, { endpoints: 'node-2@a' }, 'backup'],
    ['Zone by another label, no matter the hints', rack, { endpoints: 'node-2@a>a' }, 'backup'],
    ['none: any endpoint', {}, { endpoints: 'node-3' }, 'primary'],
    ['none, but traffic stays on the node', {}, { spec: local, endpoints: 'node-2' }, 'none'],
    ['none, traffic stays on the node, an endpoint here', {}, { spec: local, endpoints: '~node-1 !node-2' }, 'primary'],
    ['none, but traffic prefers the zone', {}, { spec: close, endpoints: 'node-3@b' }, 'backup'],
    ['none, but traffic prefers the zone, within', {}, { spec: close, endpoints: 'node-2@a' }, 'primary'],
    [
      'none, traffic prefers the zone, no backup',
      { others: 'Withdraw' },
      { spec: close, endpoints: 'node-3@b' },
      'none',
    ],
    [
      'none, but traffic prefers the zone (its newer name)',
      {},
      { spec: { trafficDistribution: 'PreferSameZone' }, endpoints: 'node-3@b' },
      'backup',
    ],
    [
      'none, but traffic prefers the node',
      {},
      { spec: { trafficDistribution: 'PreferSameNode' }, endpoints: 'node-2@a' },
      'backup',
    ],
    [
      'none, traffic prefers what is not known',
      {},
      { spec: { trafficDistribution: 'PreferMars' }, endpoints: 'node-3@b' },
      'primary',
    ],
    ['Zone, but traffic stays on the node', zone, { spec: local, endpoints: 'node-2@a' }, 'none'],
    ['Zone, traffic stays on the node, an endpoint here', zone, { spec: local, endpoints: 'node-1@a' }, 'primary'],
    ['Cluster, but traffic stays on the node', { scope: 'Cluster' }, { spec: local, endpoints: 'node-2' }, 'none'],
    [
      'Zone, traffic stays on the node, an endpoint here with hints for another zone',
      { scope: 'Zone' },
      { spec: local, endpoints: 'node-1@a>b node-3@b>a' },
      'primary',
    ],
    [
      'Zone of a node without, traffic stays on the node, an endpoint here',
      zone,
      { spec: local, endpoints: 'node-1@a', nodes: [node('node-1')] },
      'backup',
    ],
    [
      'Node, backup, but traffic stays on the node',
      { scope: 'Node', ...backup },
      { spec: local, endpoints: 'node-2' },
      'none',
    ],
  ])('%s', (_, rule, cluster, expected) => {
    const of = advertiser([rule], cluster);
    expect(role(of)).toBe(expected);
    expect(of.explain('default', 'web')?.addresses[1]).toMatchObject({
      kind: 'LoadBalancerIP',
      advertised: expected !== 'none',
      role: expected === 'none' ? null : expected,
      rule: 'ServiceAdvertisement "r0"',
    });
  });

  it('is decided for each family by itself', () => {
    const dual = { clusterIPs: ['10.96.0.10', 'fd00::10'], ipFamilies: ['IPv4', 'IPv6'] };
    const of = advertiser([{ addresses: ['ClusterIP'], scope: 'Node' }], {
      spec: dual,
      endpoints: 'node-1',
      slices: [slice('node-2', { name: 'six', type: 'IPv6' })],
    });
    expect(routesOf(of)).toEqual(['10.96.0.10/32', '192.0.2.0/24']);
  });

  it('asks internalTrafficPolicy where a cluster IP is concerned', () => {
    const of = (spec: object) => routesOf(advertiser([{ addresses: ['ClusterIP'] }], { spec, endpoints: 'node-2' }));
    expect(of({ externalTrafficPolicy: 'Local' })).toContain('10.96.0.10/32');
    expect(of({ internalTrafficPolicy: 'Local' })).not.toContain('10.96.0.10/32');
  });
});

describe('which services and addresses', () => {
  const cluster: Cluster = {
    spec: { externalIPs: ['198.51.100.1', '203.0.113.1'] },
    labels: { app: 'web' },
    endpoints: 'node-2',
    settings: { serviceExternalIPs: [{ cidr: '198.51.100.0/24' }] },
    others: [namespace('default', { team: 'x' })],
  };
  const hosts = (rule: object, more: Cluster = {}) =>
    routesOf(advertiser([rule], { ...cluster, ...more })).filter((text) => text.endsWith('/32'));

  it.each([
    ['those that BGPConfiguration has ranges for', {}, ['192.0.2.1/32', '198.51.100.1/32']],
    ['cluster IPs without a range', { addresses: ['ClusterIP'] }, ['10.96.0.10/32']],
    ['external IPs within a range only', { addresses: ['ExternalIP'] }, ['198.51.100.1/32']],
    ['a service by its labels', { serviceSelector: "app == 'web'" }, ['192.0.2.1/32', '198.51.100.1/32']],
    ['no other service', { serviceSelector: "app == 'db'" }, []],
    ['a service by its namespace', { namespaceSelector: "team == 'x'", addresses: ['ClusterIP'] }, ['10.96.0.10/32']],
    [
      'a service by the name of its namespace',
      { namespaceSelector: "kubernetes.io/metadata.name == 'default'", addresses: ['ClusterIP'] },
      ['10.96.0.10/32'],
    ],
    ['no service of another namespace', { namespaceSelector: "team == 'y'", addresses: ['ClusterIP'] }, []],
  ])('%s', (_, rule, expected) => {
    expect(hosts(rule)).toEqual(expected);
  });

  it('load balancer addresses without a range', () => {
    expect(hosts({ addresses: ['LoadBalancerIP'] }, { settings: { serviceLoadBalancerIPs: [] } })).toEqual([IP]);
  });

  it('takes the place of what would be announced without it', () => {
    const spec = { externalTrafficPolicy: 'Local' };
    expect(routesOf(advertiser([{ addresses: ['ClusterIP'] }], { spec, endpoints: 'node-1' }))).toEqual([
      '10.96.0.10/32',
      '192.0.2.0/24',
    ]);
  });
});

describe('terms', () => {
  const rule = { communities: ['64512:2', '64512:1', '64512:1'], localPreference: 300, med: 20, prepend: 1 };

  it('are told as they are by a node that is to take traffic', () => {
    expect(told(advertiser([rule], { endpoints: 'node-1' }))).toEqual({
      role: 'primary',
      communities: ['64512:1', '64512:2'],
      localPreference: 300,
      med: 20,
      prepend: 1,
    });
  });

  it('are worse for a backup, in every way that routers compare', () => {
    const backup = { scope: 'Node', others: 'Backup' };
    expect(told(advertiser([backup], { endpoints: 'node-2' }))).toEqual({
      role: 'backup',
      communities: [],
      localPreference: 50,
      med: 100,
      prepend: 3,
    });
    expect(told(advertiser([{ ...rule, ...backup }], { endpoints: 'node-2' }))).toEqual({
      role: 'backup',
      communities: ['64512:1', '64512:2'],
      localPreference: 150,
      med: 120,
      prepend: 4,
    });
    const given = { communities: ['64512:666'], localPreference: 1, med: 7, prepend: 0 };
    expect(told(advertiser([{ ...rule, ...backup, backup: given }], { endpoints: 'node-2' }))).toEqual({
      ...given,
      role: 'backup',
      communities: ['64512:1', '64512:2', '64512:666'],
    });
  });

  it('have a bandwidth by the ready endpoints of the node where it is weighted', () => {
    const bandwidth = (endpoints: string) => told(advertiser([{ weighted: true }], { endpoints }))?.bandwidth;
    expect(bandwidth('node-1 node-2')).toBe(1_250_000);
    expect(bandwidth('node-1 node-1 ~node-1 !node-1 node-2')).toBe(2_500_000);
    expect(bandwidth('~node-1 !node-2')).toBe(1_250_000);
    expect(bandwidth('~node-1 node-2')).toBe(125_000);
    expect(bandwidth('node-2')).toBe(125_000);
  });

  it('are for the peers that are picked', () => {
    const of = advertiser(
      [{ ...rule, peerSelector: 'tor' }].map((one) => ({ ...one, peerSelector: 'has(tor)' })),
      {
        endpoints: 'node-1',
      },
    );
    expect(role(of, 'has(tor)')).toBe('primary');
    expect(role(of)).toBe('none');
  });

  it('come with a delay of withdrawals', () => {
    const of = advertiser([{ withdrawDelay: '1m30s' }, { withdrawDelay: '5s' }], { endpoints: 'node-1' });
    expect(of.routes.get(IP)).toMatchObject({ withdrawDelay: 90 });
    expect(advertiser([{}], { endpoints: 'node-1' }).routes.get(IP)).not.toHaveProperty('withdrawDelay');
  });
});

describe('several that pick one service', () => {
  const A = 'has(a)';
  const B = 'has(b)';

  it('come together for the peers that several pick', () => {
    const one = { communities: ['1:1'], localPreference: 200, med: 30, prepend: 0, peerSelector: A };
    const other = { communities: ['1:2'], localPreference: 100, med: 10, prepend: 2, peerSelector: B, weighted: true };
    const of = advertiser([one, other], { endpoints: 'node-1' });
    expect(told(of, IP, [A])).toMatchObject({ communities: ['1:1'], localPreference: 200, med: 30, prepend: 0 });
    expect(told(of, IP, [B])).toMatchObject({ communities: ['1:2'], localPreference: 100, med: 10, prepend: 2 });
    expect(told(of, IP, [A, B])).toEqual({
      role: 'primary',
      communities: ['1:1', '1:2'],
      localPreference: 200,
      med: 10,
      prepend: 2,
      bandwidth: 1_250_000,
    });
    expect(told(of, IP, [])).toBeUndefined();
  });

  it('have the narrowest scope decide', () => {
    const zone = { scope: 'Zone', others: 'Backup', communities: ['1:1'], peerSelector: A };
    const cluster = { scope: 'Cluster', communities: ['1:2'], localPreference: 500, peerSelector: B };
    const of = advertiser([zone, cluster], { endpoints: 'node-3@b' });
    expect(role(of, A)).toBe('backup');
    expect(role(of, B)).toBe('primary');
    expect(told(of, IP, [A, B])).toEqual({
      role: 'backup',
      communities: ['1:1', '1:2'],
      localPreference: 50,
      med: 100,
      prepend: 3,
    });
    const withdrawn = advertiser([{ ...zone, others: 'Withdraw' }, cluster], { endpoints: 'node-3@b' });
    expect([role(withdrawn, A), role(withdrawn, B), role(withdrawn, A, B)]).toEqual(['none', 'primary', 'none']);
  });

  it('have the narrowest scope decide also where a wider one has the route withdrawn', () => {
    const hintedAway = { endpoints: 'node-1@a>b' };
    expect(role(advertiser([{ scope: 'Zone' }], hintedAway))).toBe('none');
    expect(role(advertiser([{ scope: 'Zone' }, { scope: 'Node' }], hintedAway))).toBe('primary');
  });

  it('have the terms of a wider one too where one between has the route withdrawn', () => {
    const rules = [
      { scope: 'Node', communities: ['1:1'] },
      { scope: 'Zone', communities: ['1:2'] },
      { scope: 'Cluster', communities: ['1:3'], localPreference: 300 },
    ];
    const of = advertiser(rules, { endpoints: 'node-1@a>b' });
    expect(told(of)).toMatchObject({ role: 'primary', communities: ['1:1', '1:3'], localPreference: 300 });
  });

  it('come together where they are about the same address of two kinds', () => {
    const rules = [
      { addresses: ['LoadBalancerIP'], communities: ['1:1'] },
      { addresses: ['ExternalIP'], communities: ['1:2'] },
    ];
    const of = advertiser(rules, {
      spec: { externalIPs: ['192.0.2.1'] },
      settings: { serviceExternalIPs: [{ cidr: '192.0.2.0/24' }] },
      endpoints: 'node-1',
    });
    expect(told(of)).toMatchObject({ communities: ['1:1', '1:2'] });
  });

  it('have Withdraw decide before Backup', () => {
    const rules = [
      { scope: 'Node', others: 'Backup' },
      { scope: 'Node', others: 'Withdraw' },
    ];
    const of = advertiser(rules, { endpoints: 'node-2' });
    expect(of.routes.has(IP)).toBe(false);
    expect(of.problems).toEqual([
      {
        resource: 'ServiceAdvertisement r0',
        field: 'others',
        message:
          'ServiceAdvertisement "r1" has others Withdraw for the same services, peers and scope, which counts: no node is a backup. Delete one of them, or let them agree.',
      },
    ]);
  });

  it('leave no route behind that nobody is told', () => {
    const rules = [{ scope: 'Cluster' }, { scope: 'Node' }];
    expect(routesOf(advertiser(rules, { endpoints: 'node-2' }))).toEqual(['192.0.2.0/24']);
    const ofPeers = rules.map((rule) => ({ ...rule, peerSelector: A }));
    expect(routesOf(advertiser(ofPeers, { endpoints: 'node-2' }))).toEqual(['192.0.2.0/24']);
    const ofSome = [{ scope: 'Cluster', peerSelector: A }, { scope: 'Node' }];
    expect(routesOf(advertiser(ofSome, { endpoints: 'node-2' }))).toEqual(['192.0.2.0/24']);
    const others = advertiser(
      [
        { scope: 'Cluster', peerSelector: A },
        { scope: 'Node', peerSelector: B },
      ],
      {
        endpoints: 'node-2',
      },
    );
    expect([role(others, A), role(others, B), role(others, A, B)]).toEqual(['primary', 'none', 'none']);
  });

  it('have each peer told the longest prefix that is for it', () => {
    const rules = [
      { peerSelector: A, aggregationLength: 28, communities: ['1:1'] },
      { peerSelector: B, communities: ['1:2'] },
    ];
    const of = advertiser(rules, { endpoints: 'node-1' });
    expect(routesOf(of)).toEqual(['192.0.2.0/24', '192.0.2.0/28', '192.0.2.1/32']);
    const seen = (...peer: string[]) =>
      ['192.0.2.0/28', IP].map((route) => told(of, route, peer)?.communities ?? 'none');
    expect(seen(A)).toEqual([['1:1'], 'none']);
    expect(seen(B)).toEqual(['none', ['1:2']]);
    expect(seen(A, B)).toEqual(['none', ['1:1', '1:2']]);
  });
});
