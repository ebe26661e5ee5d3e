/** Which services are announced where no ServiceAdvertisement picks them: without what is wrong with Calico's rules, and with it. */
import { describe, expect, it } from 'vitest';
import { advertiserOf, configuration, node, routesOf, service, slice } from '../../test/support/service-cluster.ts';
import type { AnyResource } from '../resources/kinds.ts';

const LB = { type: 'LoadBalancer' };
const LOCAL = { ...LB, externalTrafficPolicy: 'Local' };
const CLUSTER = { ...LB, externalTrafficPolicy: 'Cluster' };
const IP = { ingress: ['192.0.2.1'] };
const DUAL = { clusterIPs: ['10.96.0.10', 'fd00::10'], ipFamilies: ['IPv4', 'IPv6'] };
const DUAL_IPS = { ingress: ['192.0.2.1', '2001:db8::1'] };
const EXTERNAL = { externalIPs: ['198.51.100.7', '203.0.113.9'] };

const RANGES = {
  serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }, { cidr: '2001:db8::/64' }],
  serviceExternalIPs: [{ cidr: '198.51.100.0/24' }],
};
const CLUSTER_IPS = { ...RANGES, serviceClusterIPs: [{ cidr: '10.96.0.0/12' }, { cidr: 'fd00::/108' }] };
const EACH = { ...CLUSTER_IPS, serviceLoadBalancerAggregation: 'Disabled' };
const ONE = { serviceLoadBalancerIPs: [{ cidr: '192.0.2.1/32' }], serviceClusterIPs: CLUSTER_IPS.serviceClusterIPs };
const ONE_EXTERNAL = { serviceExternalIPs: [{ cidr: '198.51.100.7/32' }] };

/** Host routes only; as in Calico where `strict` is left out. */
type Row = [what: string, settings: object, cluster: AnyResource[], mended: string[], strict?: string[]];

const SAME: readonly Row[] = [
  ['a service without endpoints', RANGES, [service(LOCAL, IP)], []],
  ['an endpoint here', RANGES, [service(LOCAL, IP), slice('node-1 node-2')], ['192.0.2.1/32']],
  ['an endpoint here that terminates, and one elsewhere', RANGES, [service(LOCAL, IP), slice('~node-1 node-2')], []],
  ['endpoints elsewhere only', RANGES, [service(LOCAL, IP), slice('node-2')], []],
  ['an endpoint here that is not ready', RANGES, [service(LOCAL, IP), slice('!node-1 node-2')], []],
  [
    'an endpoint here that serves, but is neither ready nor about to go',
    RANGES,
    [service(LOCAL, IP), slice('?node-1')],
    [],
  ],
  ['traffic that any node takes', RANGES, [service(CLUSTER, IP), slice('node-1')], []],
  [
    'the same, each address by itself',
    { ...EACH, serviceClusterIPs: [] },
    [service(CLUSTER, IP), slice('node-2')],
    ['192.0.2.1/32'],
  ],
  ['the same without endpoints', EACH, [service(CLUSTER, IP), slice('!node-2')], []],
  ['a headless service', EACH, [service({ clusterIPs: ['None'] }), slice('node-1')], []],
  ['an ExternalName', EACH, [service({ type: 'ExternalName' }), slice('node-1')], []],
  [
    'load balancer addresses outside the ranges',
    RANGES,
    [service(LOCAL, { ingress: ['192.0.3.1'] }), slice('node-1')],
    [],
  ],
  [
    'external IPs inside the ranges',
    RANGES,
    [service({ ...EXTERNAL, externalTrafficPolicy: 'Local' }), slice('node-1')],
    ['198.51.100.7/32'],
  ],
  ['no ranges', {}, [service({ ...LOCAL, ...EXTERNAL }, IP), slice('node-1')], []],
  [
    'an address that is a range, and no endpoint',
    ONE_EXTERNAL,
    [service({ ...EXTERNAL, externalTrafficPolicy: 'Cluster' })],
    ['198.51.100.7/32'],
  ],
  [
    'such an address asked for only',
    { serviceLoadBalancerIPs: ONE.serviceLoadBalancerIPs },
    [service({ ...CLUSTER, loadBalancerIP: '192.0.2.1' })],
    [],
  ],
  [
    'such an address asked for only, and other addresses',
    ONE,
    [service({ ...CLUSTER, loadBalancerIP: '192.0.2.1' })],
    ['10.96.0.10/32'],
  ],
  ['the first address of a range that is longer', RANGES, [service(CLUSTER, { ingress: ['192.0.2.0'] })], []],
  [
    'such an address of a service that stays on the node',
    ONE_EXTERNAL,
    [service({ ...EXTERNAL, externalTrafficPolicy: 'Local' }), slice('node-2')],
    [],
  ],
  [
    'such an address of a service that is no load balancer any more',
    { serviceLoadBalancerIPs: ONE.serviceLoadBalancerIPs },
    [service({ type: 'NodePort', externalTrafficPolicy: 'Cluster' }, IP), slice('node-1')],
    [],
  ],
  ['all cluster IPs, each by itself', EACH, [service(CLUSTER), slice('node-2')], ['10.96.0.10/32']],
  ['several slices', RANGES, [service(LOCAL, IP), slice('node-2'), slice('node-1', { name: 'b' })], ['192.0.2.1/32']],
  ['an endpoint without node', RANGES, [service(LOCAL, IP), slice('@a')], []],
  ['host names as endpoints', EACH, [service(CLUSTER, IP), slice('node-1', { type: 'FQDN' })], []],
  ["another service's endpoints", RANGES, [service(LOCAL, IP), slice('node-1', { of: 'other' })], []],
];

const DIFFERENT: readonly (readonly [...Required<Row>])[] = [
  [
    'an address is announced where an endpoint of its family is ready',
    RANGES,
    [service({ ...LOCAL, ...DUAL }, DUAL_IPS), slice('node-1'), slice('node-2', { name: 'six', type: 'IPv6' })],
    ['192.0.2.1/32'],
    ['192.0.2.1/32', '2001:db8::1/128'],
  ],
  [
    'the same where any node takes traffic',
    { ...EACH, serviceClusterIPs: [] },
    [service({ ...CLUSTER, ...DUAL }, DUAL_IPS), slice('node-2', { type: 'IPv6' })],
    ['2001:db8::1/128'],
    ['192.0.2.1/32', '2001:db8::1/128'],
  ],
  [
    'endpoints that terminate and still serve count while none is ready anywhere',
    RANGES,
    [service(LOCAL, IP), slice('~node-1')],
    ['192.0.2.1/32'],
    [],
  ],
  [
    'and not while one is ready on another node, which takes over',
    RANGES,
    [service(LOCAL, IP), slice('~node-1 node-2')],
    [],
    [],
  ],
  [
    'the same in the cluster',
    { ...EACH, serviceClusterIPs: [] },
    [service(CLUSTER, IP), slice('~node-2')],
    ['192.0.2.1/32'],
    [],
  ],
  [
    'externalTrafficPolicy says nothing of cluster IPs',
    CLUSTER_IPS,
    [service(LOCAL, IP), slice('node-1')],
    ['192.0.2.1/32'],
    ['10.96.0.10/32', '192.0.2.1/32'],
  ],
  [
    'not even where each address is announced by itself',
    EACH,
    [service(LOCAL, IP), slice('node-2')],
    ['10.96.0.10/32'],
    [],
  ],
  [
    'internalTrafficPolicy does',
    CLUSTER_IPS,
    [service({ internalTrafficPolicy: 'Local' }), slice('node-1')],
    ['10.96.0.10/32'],
    [],
  ],
  [
    'also where each address is announced by itself',
    EACH,
    [service({ ...CLUSTER, internalTrafficPolicy: 'Local' }, IP), slice('node-2')],
    ['192.0.2.1/32'],
    ['10.96.0.10/32', '192.0.2.1/32'],
  ],
  [
    'and where an address is a range by itself',
    ONE,
    [service({ ...CLUSTER, internalTrafficPolicy: 'Local' }, IP), slice('node-2')],
    ['192.0.2.1/32'],
    ['10.96.0.10/32', '192.0.2.1/32'],
  ],
  [
    'no address that its load balancer serves itself',
    RANGES,
    [service(LOCAL, { ingress: [{ ip: '192.0.2.1', ipMode: 'Proxy' }] }), slice('node-1')],
    [],
    ['192.0.2.1/32'],
  ],
  ['a policy that is not set is Cluster, as in Kubernetes', ONE_EXTERNAL, [service(EXTERNAL)], ['198.51.100.7/32'], []],
  [
    'families are those of addresses, whatever ipFamilies says',
    RANGES,
    [service({ ...LOCAL, ipFamilies: [] }, IP), slice('node-1'), slice('node-1', { name: 'six', type: 'IPv6' })],
    ['192.0.2.1/32'],
    [],
  ],
];

function hostRoutes(settings: object, cluster: AnyResource[], mode: 'mended' | 'strict') {
  const advertiser = advertiserOf([node('node-1'), configuration(settings), ...cluster], mode);
  const told = [...advertiser.list()].flatMap(({ addresses }) => addresses.flatMap(({ prefix }) => prefix ?? []));
  const ranges = new Set(configuredRanges(settings));
  const routes = routesOf(advertiser).filter((text) => !ranges.has(text) || told.includes(text));
  expect([...new Set(told)].sort()).toEqual(routes);
  return routes;
}

function configuredRanges(settings: object): readonly string[] {
  return Object.values(settings).flatMap((value: unknown) =>
    Array.isArray(value) ? value.map(({ cidr }: { cidr: string }) => cidr) : [],
  );
}

describe('host routes', () => {
  it.each(SAME)('%s', (_, settings, cluster, routes) => {
    expect(hostRoutes(settings, cluster, 'mended')).toEqual(routes);
    expect(hostRoutes(settings, cluster, 'strict')).toEqual(routes);
  });

  it.each(DIFFERENT)('other than in Calico: %s', (_, settings, cluster, mended, strict) => {
    expect(hostRoutes(settings, cluster, 'mended')).toEqual(mended);
    expect(hostRoutes(settings, cluster, 'strict')).toEqual(strict);
  });
});

describe.each(['mended', 'strict'] as const)('ranges (%s)', (mode) => {
  const ranges = (settings: object, labels: Record<string, string> = {}, ...more: AnyResource[]) =>
    routesOf(advertiserOf([node('node-1', labels), configuration(settings), ...more], mode));

  it('are announced as a whole, with services or without', () => {
    expect(ranges(CLUSTER_IPS)).toEqual([
      '10.96.0.0/12',
      '192.0.2.0/24',
      '198.51.100.0/24',
      '2001:db8::/64',
      'fd00::/108',
    ]);
  });

  it('of load balancers are not where each address is announced by itself', () => {
    expect(ranges(EACH)).toEqual(['10.96.0.0/12', '198.51.100.0/24', 'fd00::/108']);
  });

  it('of one address are announced with the service, but for cluster IPs', () => {
    expect(ranges({ ...ONE, ...ONE_EXTERNAL, serviceClusterIPs: [{ cidr: '10.96.0.1/32' }] })).toEqual([
      '10.96.0.1/32',
    ]);
  });

  it('and services are announced by no node that is kept out', () => {
    const excluded = { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' };
    const cluster = [service(LOCAL, IP), slice('node-1')];
    expect(ranges(CLUSTER_IPS, excluded, ...cluster)).toEqual([]);
    const other = { 'node.kubernetes.io/exclude-from-external-load-balancers': 'yes' };
    expect(ranges(RANGES, other, ...cluster)).toContain('192.0.2.1/32');
  });
});
