/** What people read of a service. */
import { describe, expect, it } from 'vitest';
import {
  advertisement,
  advertiserOf,
  configuration,
  namespace,
  node,
  service,
  slice,
} from '../../test/support/service-cluster.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { AnyResource } from '../resources/kinds.ts';

const RANGES = configuration({
  serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
  serviceExternalIPs: [{ cidr: '198.51.100.7/32' }],
  serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
});
const NODE = node('node-1', { 'topology.kubernetes.io/zone': 'a' });
const LB = { type: 'LoadBalancer' };
const LOCAL = { ...LB, externalTrafficPolicy: 'Local' };
const IP = { ingress: ['192.0.2.1'], labels: { app: 'web' } };

function explain(cluster: readonly AnyResource[], mode: 'mended' | 'strict' = 'mended') {
  const explanation = advertiserOf([NODE, RANGES, ...cluster], mode).explain('default', 'web');
  if (explanation === undefined) throw new Error('no service');
  return explanation;
}

const addressOf = (cluster: readonly AnyResource[], kind = 'LoadBalancerIP', mode: 'mended' | 'strict' = 'mended') =>
  explain(cluster, mode).addresses.find((address) => address.kind === kind);
const wordsOf = (...asked: Parameters<typeof addressOf>) => addressOf(...asked)?.words;

describe('words about an address', () => {
  const local = service(LOCAL, IP);
  const any = service(LB, IP);
  const rule = (spec: object) => advertisement('r', spec);
  const zone = { scope: 'Zone', others: 'Backup' };

  it.each<[string, readonly AnyResource[], string?]>([
    ['1 of 2 ready endpoints is on this node, and externalTrafficPolicy is Local.', [local, slice('node-1 node-2')]],
    [
      'No endpoint on this node is ready any more, but 2 that terminate still serve, and externalTrafficPolicy is Local.',
      [local, slice('~node-1 ~node-1')],
    ],
    [
      'It waits for a ready IPv4 endpoint on this node, because externalTrafficPolicy is Local: 1 of 3 in the cluster are ready. 192.0.2.0/24 of serviceLoadBalancerIPs, which it is in, is announced by every node.',
      [local, slice('!node-1 !node-2 node-3')],
    ],
    [
      'It waits for a ready IPv4 endpoint on this node, because internalTrafficPolicy is Local: there are none in the cluster. 10.96.0.0/12 of serviceClusterIPs, which it is in, is announced by every node.',
      [service({ internalTrafficPolicy: 'Local' })],
      'ClusterIP',
    ],
    [
      'Any node may take its traffic, so it is announced as part of 192.0.2.0/24 of serviceLoadBalancerIPs.',
      [any, slice('node-2')],
    ],
    [
      'Any node may take its traffic, so it is announced only as part of a range, and no range that is announced has it.',
      [service({ clusterIPs: ['10.1.0.1'] })],
      'ClusterIP',
    ],
    [
      'An address of the service is a range by itself in BGPConfiguration "default", so every node announces it, with endpoints or without.',
      [service({ externalIPs: ['198.51.100.7'] })],
      'ExternalIP',
    ],
    [
      'It is outside serviceExternalIPs of BGPConfiguration "default".',
      [service({ externalIPs: ['203.0.113.1'] })],
      'ExternalIP',
    ],
    ['BGPConfiguration "default" has no serviceLoadBalancerIPs.', [configuration({}), local, slice('node-1')]],
    [
      'Its load balancer takes the connections itself (ipMode Proxy), so the address is of no use on a node.',
      [service(LOCAL, { ingress: [{ ip: '192.0.2.1', ipMode: 'Proxy' }] })],
    ],
    [
      'This node is kept out: it has the label node.kubernetes.io/exclude-from-external-load-balancers.',
      [node('node-1', { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' }), local, slice('node-1')],
    ],
    [
      'ServiceAdvertisement "r" (scope Zone): 1 of 2 ready endpoints is in the zone of this node (topology.kubernetes.io/zone=a).',
      [rule(zone), any, slice('node-2@a node-3@b')],
    ],
    [
      'ServiceAdvertisement "r" (scope Zone, to the peers that has(tor) picks): no IPv4 endpoint is ready in the zone of this node (topology.kubernetes.io/zone=a), so it is announced as a backup: 1 of 1 in the cluster is ready.',
      [rule({ ...zone, peerSelector: 'has(tor)' }), any, slice('node-3@b')],
    ],
    [
      'ServiceAdvertisement "r" (scope Zone): this node has no label row, and so no zone: it is announced as a backup only.',
      [rule({ ...zone, topologyKey: 'row' }), any, slice('node-3@b')],
    ],
    [
      'ServiceAdvertisement "r" (scope Zone by trafficDistribution PreferClose): no endpoint in the zone of this node (topology.kubernetes.io/zone=a) is ready any more, but 1 that terminates still serves.',
      [rule({}), service({ ...LB, trafficDistribution: 'PreferClose' }, IP), slice('~node-2@a')],
    ],
    [
      'ServiceAdvertisement "r" (scope Node): it waits for a ready IPv4 endpoint on this node: 1 of 1 in the cluster is ready.',
      [rule({ scope: 'Node' }), any, slice('node-2')],
    ],
    [
      'ServiceAdvertisement "r" (scope Cluster): it waits for a ready IPv4 endpoint: there are none in the cluster.',
      [rule({}), any],
    ],
    [
      'ServiceAdvertisement "r" (scope Cluster): 2 endpoints are ready. ServiceAdvertisement "s" (scope Node): 1 of 2 ready endpoints is on this node.',
      [rule({}), advertisement('s', { scope: 'Node' }), any, slice('node-1 node-2')],
    ],
    [
      'ServiceAdvertisement "r" (scope Zone): it waits for a ready IPv4 endpoint on this node, because externalTrafficPolicy is Local: 1 of 1 in the cluster is ready. Its externalTrafficPolicy is Local, so only nodes with an endpoint of it announce it, whatever scope Zone asks for.',
      [rule(zone), local, slice('node-2@a')],
    ],
    [
      'ServiceAdvertisement "r" (scope Node by its traffic policy): 1 of 1 ready endpoint is on this node. Its externalTrafficPolicy is Local, but the prefix that is announced has other addresses too, traffic for which this node may drop.',
      [rule({ aggregationLength: 28 }), local, slice('node-1')],
    ],
    [
      'ServiceAdvertisement "r" picked the service, but not its addresses of this kind: these get no route of their own then.',
      [rule({ addresses: ['LoadBalancerIP'] }), local],
      'ClusterIP',
    ],
    [
      'It is outside serviceExternalIPs of BGPConfiguration "default".',
      [rule({ addresses: ['ExternalIP'] }), service({ externalIPs: ['203.0.113.1'] })],
      'ExternalIP',
    ],
  ])('%s', (words, cluster, kind) => {
    expect(addressOf(cluster, kind)).toMatchObject({ words, isWaiting: /[Ii]t waits for/.test(words) });
  });

  it('tell what rules come to that do not agree', () => {
    const words = (...specs: object[]) =>
      wordsOf([any, slice('node-2@b'), ...specs.map((spec, i) => advertisement(`r${i}`, spec))]);
    const together =
      'Together they have it announced to nobody: the narrowest scope decides, in which Withdraw goes before Backup.';
    expect(words(zone, { scope: 'Node' })).toBe(
      `ServiceAdvertisement "r0" (scope Zone): no IPv4 endpoint is ready in the zone of this node (topology.kubernetes.io/zone=a), so it is announced as a backup: 1 of 1 in the cluster is ready. ServiceAdvertisement "r1" (scope Node): it waits for a ready IPv4 endpoint on this node: 1 of 1 in the cluster is ready. ${together}`,
    );
    expect(words(zone, { scope: 'Cluster' })).not.toContain('Together');
    expect(words({ scope: 'Zone' }, { scope: 'Node' })).not.toContain('Together');
  });

  it('tell a node without zone, for which no endpoint is enough, from one that waits', () => {
    const row = rule({ scope: 'Zone', topologyKey: 'row' });
    expect(addressOf([row, any, slice('node-3@b')])).toMatchObject({ advertised: false, isWaiting: false });
    const both = [row, advertisement('s', { scope: 'Node' }), any, slice('node-3@b')];
    expect(addressOf(both)).toMatchObject({ advertised: false, isWaiting: true });
  });

  it('where each address is announced by itself', () => {
    const each = configuration({
      serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
      serviceLoadBalancerAggregation: 'Disabled',
    });
    const told = '1 endpoint is ready, and serviceLoadBalancerAggregation is Disabled.';
    expect(wordsOf([each, any, slice('node-2')])).toBe(told);
    expect(wordsOf([each, any, slice('!node-2')])).toBe(
      'It waits for a ready IPv4 endpoint: 0 of 1 in the cluster is ready.',
    );
  });

  it('name what Calico goes by where it is followed to the letter', () => {
    expect(wordsOf([local, slice('node-1')], 'ClusterIP', 'strict')).toBe(
      '1 of 1 ready endpoint is on this node, and externalTrafficPolicy is Local.',
    );
  });
});

it('says where an address is announced, and of which range it is', () => {
  const { addresses } = explain([service(LOCAL, IP), slice('node-1')]);
  expect(addresses).toMatchObject([
    { address: '10.96.0.10', prefix: null, coveredBy: '10.96.0.0/12', advertised: true, role: null },
    { address: '192.0.2.1', prefix: '192.0.2.1/32', coveredBy: '192.0.2.0/24', advertised: true, role: 'primary' },
  ]);
  expect(explain([service(LOCAL, IP)]).addresses[1]).toMatchObject({ advertised: false, prefix: null, offers: [] });
});

it('finds the services that have an address, in order', () => {
  const web = service(LOCAL, IP);
  const api = service({ externalIPs: ['192.0.2.1'] }, { name: 'api' });
  const of = advertiserOf([NODE, RANGES, web, api, service({ clusterIPs: ['fd00::1'] }, { name: 'v6' })]);
  const names = (text: string) => of.withAddress(text).map(({ name }) => name);
  expect(names('192.0.2.1')).toEqual(['api', 'web']);
  expect(names('fd00::1')).toEqual(['v6']);
  expect(names('192.0.2.10')).toEqual([]);
  of.change([{ type: 'delete', kind: 'Service', namespace: 'default', name: 'web' }]);
  expect(names('192.0.2.1')).toEqual(['api']);
});

it('says of a service without addresses of its own that it has none', () => {
  expect(explain([service({ clusterIPs: ['None'] })])).toMatchObject({ type: 'ClusterIP', addresses: [] });
});

it('counts endpoints by family, here, in the zone and in the cluster', () => {
  const slices = [slice('node-1@a ~node-2@a !node-3@b'), slice('node-2@a', { name: 'six', type: 'IPv6' })];
  expect(explain([service(LB), ...slices]).endpoints).toEqual([
    {
      family: 'IPv4',
      here: { ready: 1, serving: 0, all: 1 },
      zone: { ready: 1, serving: 1, all: 2 },
      cluster: { ready: 1, serving: 1, all: 3 },
    },
    {
      family: 'IPv6',
      here: { ready: 0, serving: 0, all: 0 },
      zone: { ready: 1, serving: 0, all: 1 },
      cluster: { ready: 1, serving: 0, all: 1 },
    },
  ]);
  expect(explain([service(LB)]).endpoints).toEqual([]);
});

it('names every rule, and whether it is about the service', () => {
  const rules = [
    advertisement('a', { serviceSelector: "app == 'web'" }),
    advertisement('b', { serviceSelector: "app == 'db'" }),
    advertisement('c', { namespaceSelector: "team == 'x'" }),
  ];
  expect(explain([...rules, service(LB, IP), namespace('default', {})]).rules).toEqual([
    { rule: 'BGPConfiguration "default"', applies: false, words: 'A ServiceAdvertisement picks it instead.' },
    { rule: 'ServiceAdvertisement "a"', applies: true, words: "Its serviceSelector picks it: app == 'web'" },
    { rule: 'ServiceAdvertisement "b"', applies: false, words: "Its serviceSelector does not pick it: app == 'db'" },
    {
      rule: 'ServiceAdvertisement "c"',
      applies: false,
      words: "Its namespaceSelector does not pick the namespace: team == 'x'",
    },
  ]);
  expect(explain([service(LB)]).rules).toEqual([
    { rule: 'BGPConfiguration "default"', applies: true, words: 'No ServiceAdvertisement picks it.' },
  ]);
});

it('says how rules and services come together', () => {
  const rules = [
    advertisement('a', { addresses: ['ClusterIP', 'LoadBalancerIP'], aggregationLength: 24 }),
    advertisement('b', { addresses: ['ClusterIP'], aggregationLength: 12 }),
  ];
  const other = service({ clusterIPs: ['10.96.0.99'] }, { name: 'other' });
  const slices = [slice('node-1'), slice('node-1', { of: 'other' })];
  expect(explain([...rules, service(LB, IP), other, ...slices]).merged).toEqual([
    '10.96.0.10: ServiceAdvertisement "a" and ServiceAdvertisement "b" count together for a peer that several of them pick: the narrowest scope decides, communities are united, and the highest localPreference, the lowest med, the greatest prepend and the longest prefix count.',
    '10.96.0.0/24 is announced for 2 services.',
    '10.96.0.0/12 is announced as 10.96.0.0/12 of serviceClusterIPs all the same.',
    '192.0.2.0/24 is announced as 192.0.2.0/24 of serviceLoadBalancerIPs all the same.',
  ]);
});

describe('the reason of a route', () => {
  const reason = (prefix: string, ...cluster: AnyResource[]) =>
    advertiserOf([NODE, RANGES, ...cluster, slice('node-1')]).reason(parsePrefix(prefix));

  it.each([
    ['10.96.0.0/12', [], 'It is a range of serviceClusterIPs in BGPConfiguration "default".'],
    ['192.0.2.1/32', [service(LOCAL, IP)], 'LoadBalancerIP of service default/web, by BGPConfiguration "default".'],
    [
      '10.96.0.10/32',
      [service(LB, IP), advertisement('a', {}), advertisement('b', {})],
      'ClusterIP of service default/web, by ServiceAdvertisement "a", ServiceAdvertisement "b".',
    ],
    [
      '10.96.0.0/28',
      [service(LB, IP), advertisement('a', { aggregationLength: 28 })],
      'It has addresses of services, by ServiceAdvertisement "a".',
    ],
    ['203.0.113.1/32', [], undefined],
  ])('%s', (prefix, cluster, words) => {
    expect(reason(prefix, ...cluster)).toBe(words);
  });
});
