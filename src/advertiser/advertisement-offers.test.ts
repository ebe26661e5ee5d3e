/** What ServiceAdvertisements make of a service: whose endpoints decide, what the others do, and which addresses they are about. */
import { describe, expect, it } from 'vitest';
import { IP, advertiser, role } from '../../test/support/advertised-service.ts';
import type { Cluster } from '../../test/support/advertised-service.ts';
import { namespace, node, routesOf, slice } from '../../test/support/service-cluster.ts';

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
    ['Zone by hints of one that is not ready', zone, { endpoints: 'node-3@b !node-2@a>a' }, 'backup'],
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
      'Cluster, traffic stays on the node, one that terminates here, others ready',
      { scope: 'Cluster' },
      { spec: local, endpoints: '~node-1 node-2' },
      'none',
    ],
    [
      'Zone, traffic stays on the node, an endpoint here with hints for another zone',
      { scope: 'Zone' },
      { spec: local, endpoints: 'node-1@a>b node-3@b>b' },
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

  it('takes hints for zones of Kubernetes, whatever else are zones', () => {
    const rules = [
      { ...zone, peerSelector: 'has(a)' },
      { ...rack, peerSelector: 'has(b)' },
    ];
    const of = advertiser(rules, { endpoints: 'node-2@b>a' });
    expect([role(of, 'has(a)'), role(of, 'has(b)')]).toEqual(['primary', 'backup']);
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

  it('no address that its load balancer serves itself', () => {
    const ingress = [{ ip: '192.0.2.1', ipMode: 'Proxy' }];
    const of = advertiser([{ addresses: ['LoadBalancerIP'] }], { endpoints: 'node-1', ingress });
    expect(routesOf(of)).toEqual(['192.0.2.0/24']);
    expect(of.explain('default', 'web')?.addresses[1].words).toContain('ipMode Proxy');
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
