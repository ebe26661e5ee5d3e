/** The terms on which peers are told, by one ServiceAdvertisement and by several. */
import { describe, expect, it } from 'vitest';
import { IP, advertiser, role, told } from '../../test/support/advertised-service.ts';
import { routesOf, slice } from '../../test/support/service-cluster.ts';

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
    const extreme = { ...backup, localPreference: 301, med: 4_294_967_295 };
    expect(told(advertiser([extreme], { endpoints: 'node-2' }))).toMatchObject({
      localPreference: 150,
      med: 4_294_967_295,
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

  it('have a length for each family', () => {
    const rules = [{ addresses: ['ClusterIP'], aggregationLength: 24, aggregationLengthV6: 64 }];
    const spec = { clusterIPs: ['10.96.0.10', 'fd00::10'], ipFamilies: ['IPv4', 'IPv6'] };
    const slices = [slice('node-2', { name: 'six', type: 'IPv6' })];
    const of = advertiser(rules, { spec, endpoints: 'node-1', slices });
    expect(routesOf(of)).toEqual(['10.96.0.0/24', '192.0.2.0/24', 'fd00::/64']);
  });

  it('have a peer told the longest prefix that is not withdrawn', () => {
    const rules = [{ scope: 'Node', aggregationLength: 26 }, { scope: 'Zone' }];
    const of = advertiser(rules, { endpoints: 'node-1@a>b' });
    expect(routesOf(of)).toEqual(['192.0.2.0/24', '192.0.2.0/26']);
    expect(told(of, '192.0.2.0/26')).toMatchObject({ role: 'primary' });
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
