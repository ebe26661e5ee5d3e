import { describe, expect, it } from 'vitest';
import { bgpConfiguration as config, NO_MESH, bgpPeer as peer, node } from '../../test/support/peering-cluster.ts';
import type { Fields } from '../../test/support/peering-cluster.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { neighbours } from './neighbours.ts';

function peering(resources: readonly AnyResource[], name = 'n1', routerId?: string) {
  const identity = { name, namespace: 'kube-system', ...(routerId !== undefined && { routerId }) };
  return neighbours(clusterView(resources), identity);
}

const N1 = node('n1', { ipv4Address: '192.0.2.1/24', asNumber: 65001 }, { rack: 'a' });

/** The one neighbour of n1 that a BGPPeer makes of these fields. */
function only(spec: Fields, ...others: readonly AnyResource[]) {
  const result = peering([N1, NO_MESH, peer('tor', { peerIP: '192.0.2.254', asNumber: 65000, ...spec }), ...others]);
  expect(result.neighbours).toHaveLength(1);
  return result.neighbours[0];
}

describe('this node', () => {
  it('has the values of its Node', () => {
    const { self, problems } = peering([
      node('n1', {
        ipv4Address: '192.0.2.1/24',
        ipv6Address: '2001:db8::1/64',
        asNumber: 65001,
        routeReflectorClusterID: '10.0.0.1',
      }),
      config({ listenPort: 1179 }),
      config({ listenPort: 2179 }, 'node.n1'),
    ]);
    expect(self).toEqual({
      name: 'n1',
      asn: 65001,
      routerId: '192.0.2.1',
      listen: { addresses: ['0.0.0.0', '::'], port: 2179 },
      addresses: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' },
      namespace: 'kube-system',
      clusterId: 0x0a000001,
    });
    expect(problems).toEqual([]);
  });

  it('has the values of the cluster where its Node has none, and Calico defaults where neither has', () => {
    const bare = node('n1', { ipv4Address: '192.0.2.1/24' });
    expect(peering([bare]).self).toMatchObject({ asn: 64512, listen: { port: 179 } });
    expect(peering([bare, config({ asNumber: 65100, listenPort: 1179 })]).self).toMatchObject({
      asn: 65100,
      listen: { port: 1179 },
    });
  });

  it.each([
    ['both addresses', { ipv4Address: '192.0.2.1/24', ipv6Address: '2001:db8::1/64' }, ['192.0.2.1', '2001:db8::1']],
    ['the one address that it has', { ipv6Address: '2001:DB8::1/64' }, ['2001:db8::1']],
    ['no address where it has none', {}, []],
  ])('listens with bindMode NodeIP on %s', (_what, bgp, addresses) => {
    expect(peering([node('n1', bgp), config({ bindMode: 'NodeIP' })]).self?.listen).toEqual({ addresses, port: 179 });
    expect(peering([node('n1', bgp), config({ bindMode: 'None' })]).self?.listen.addresses).toEqual(['0.0.0.0', '::']);
  });

  it.each([
    ['the IPv4 address', { ipv4Address: '192.0.2.1/24' }, undefined, '192.0.2.1'],
    ['what is asked for', { ipv4Address: '192.0.2.1/24' }, '10.9.9.9', '10.9.9.9'],
    // The SHA-256 of n1 begins with 67 6b 8b b8.
    ['the hash that is asked for', { ipv4Address: '192.0.2.1/24' }, 'hash', '103.107.139.184'],
    ['a hash without IPv4 address', { ipv6Address: '2001:db8::1/64' }, undefined, '103.107.139.184'],
  ])('has %s as its router id', (_what, bgp, wanted, routerId) => {
    expect(peering([node('n1', bgp)], 'n1', wanted).self?.routerId).toEqual(routerId);
  });

  it('has a hashed router id below the multicast range', () => {
    // The SHA-256 of node-18 begins with 245.194.139.227.
    const v6only = node('node-18', { ipv6Address: '2001:db8::1/64' });
    expect(peering([v6only], 'node-18').self?.routerId).toBe('213.194.139.227');
  });

  it('has no neighbours without a Node, and says so', () => {
    expect(peering([peer('tor', { peerIP: '192.0.2.254', asNumber: 65000 })])).toEqual({
      self: undefined,
      neighbours: [],
      staticRoutes: [],
      problems: [
        {
          resource: 'Node n1',
          field: '',
          message:
            'There is no Node "n1", so this node has no AS number, no address and no neighbours. Create it, or correct nodeName.',
        },
      ],
    });
  });

  it('takes no part in the mesh without an address, and says so', () => {
    const { neighbours, problems } = peering([node('n1', {}), node('n2', { ipv4Address: '192.0.2.2/24' })]);
    expect(neighbours).toEqual([]);
    expect(problems).toMatchObject([{ resource: 'Node n1', field: 'bgp' }]);
    expect(problems[0].message).not.toContain('bindMode');
    expect(peering([node('n1', {}), config({ bindMode: 'NodeIP' })]).problems[0].message).toContain(
      'with bindMode NodeIP no neighbour can connect to it',
    );
  });
});

describe('a BGPPeer', () => {
  it('gives a neighbour with all that a session needs', () => {
    expect(only({})).toEqual({
      key: '192.0.2.254',
      address: '192.0.2.254',
      port: 179,
      peerAs: 65000,
      localAs: 65001,
      external: true,
      localAddress: '192.0.2.1',
      localAddresses: { ipv4: '192.0.2.1' },
      holdTime: 90,
      restartTime: 120,
      passive: false,
      families: [IPV4_UNICAST, IPV6_UNICAST],
      allowLocalAs: 0,
      nextHopMode: 'auto',
      filters: [],
      reflectorClient: false,
      addPaths: { send: true, receive: true },
      gracefulRestartMode: 'full',
      localPreference: 'auto',
      password: { kind: 'none' },
      type: 'global',
      labels: {
        'peer.starling.dev/type': 'global',
        'peer.starling.dev/name': 'tor',
        'peer.starling.dev/address': '192.0.2.254',
        'peer.starling.dev/as': '65000',
      },
      source: 'BGPPeer tor',
      reason: 'BGPPeer "tor" makes every node peer with 192.0.2.254 (AS 65000, eBGP).',
    });
  });

  it.each([
    ['an IPv6 address', { peerIP: '2001:DB8::FE' }, { key: '2001:db8::fe', address: '2001:db8::fe', port: 179 }],
    ['a port', { peerIP: '192.0.2.254:1179' }, { key: '192.0.2.254:1179', address: '192.0.2.254', port: 1179 }],
    ['a port of IPv6', { peerIP: '[2001:db8::fe]:1179' }, { key: '[2001:db8::fe]:1179', address: '2001:db8::fe' }],
    ['the usual port', { peerIP: '192.0.2.254:179' }, { key: '192.0.2.254', port: 179 }],
    ['its own AS', { asNumber: 65001 }, { peerAs: 65001, external: false }],
    ['another AS on this side', { localASNumber: 65000 }, { localAs: 65000, external: false }],
    ['GTSM', { ttlSecurity: 1 }, { ttlSecurity: 1 }],
    ['local AS numbers in paths', { numAllowedLocalASNumbers: 2 }, { allowLocalAs: 2 }],
    ['filters', { filters: ['b', 'a'] }, { filters: ['b', 'a'] }],
    ['a restart time', { maxRestartTime: '5m' }, { restartTime: 300 }],
    ['a short keepalive time', { keepaliveTime: '20s' }, { keepaliveTime: 20, holdTime: 90 }],
    ['a long keepalive time', { keepaliveTime: '1m' }, { keepaliveTime: 60, holdTime: 180 }],
    ['a keepalive time beyond all bounds', { keepaliveTime: '10h' }, { keepaliveTime: 36000, holdTime: 65535 }],
    ['next hop self', { nextHopMode: 'Self' }, { nextHopMode: 'self' }],
    ['next hop keep', { nextHopMode: 'Keep' }, { nextHopMode: 'keep' }],
    ['next hop auto', { nextHopMode: 'Auto' }, { nextHopMode: 'auto' }],
    ['the older field for the next hop', { keepOriginalNextHop: true }, { nextHopMode: 'keep' }],
    ['the older field for iBGP', { keepOriginalNextHop: true, asNumber: 65001 }, { nextHopMode: 'auto' }],
  ])('can have %s', (_what, spec, fields) => {
    expect(only(spec)).toMatchObject(fields);
  });

  it.each([
    ['the kernel shall choose', { sourceAddress: 'None' }],
    ['there is none of its family', { peerIP: '2001:db8::fe' }],
    ['it is link-local', { peerIP: 'fe80::1%eth0' }],
  ])('gives no source address where %s', (_why, spec) => {
    expect(only(spec)).not.toHaveProperty('localAddress');
  });

  it('leaves GTSM off for 0 hops', () => {
    expect(only({ ttlSecurity: 0 })).not.toHaveProperty('ttlSecurity');
  });

  it.each([
    [{ node: 'n1' }, true, 'node "n1"'],
    [{ node: 'n2' }, false, ''],
    [{ nodeSelector: 'rack == "a"' }, true, 'the nodes that match rack == "a"'],
    [{ nodeSelector: 'rack == "b"' }, false, ''],
    [{ node: '', nodeSelector: '' }, true, 'every node'],
  ])('for %o is about this node: %s', (spec, about, who) => {
    const result = peering([N1, NO_MESH, peer('tor', { peerIP: '192.0.2.254', asNumber: 65000, ...spec })]);
    expect(result.neighbours.map(({ reason }) => reason)).toEqual(
      about ? [`BGPPeer "tor" makes ${who} peer with 192.0.2.254 (AS 65000, eBGP).`] : [],
    );
    expect(result.problems).toEqual([]);
  });

  it('finds the port of a node of the cluster', () => {
    const n9 = node('n9', { ipv4Address: '192.0.2.9/24', asNumber: 65000 });
    const ports = config({ listenPort: 2179 }, 'node.n9');
    expect(only({ peerIP: '192.0.2.9' }, n9, ports)).toMatchObject({ key: '192.0.2.9:2179' });
    expect(only({ peerIP: '192.0.2.9:179' }, n9, ports)).toMatchObject({ key: '192.0.2.9' });
    // Something else at the address of a node, as its AS shows.
    expect(only({ peerIP: '192.0.2.9', asNumber: 65009 }, n9, ports)).toMatchObject({ key: '192.0.2.9' });
  });

  it.each([
    ['greater', '192.0.2.9', {}, true],
    ['greater as text', '192.0.2.10', {}, true],
    ['less', '192.0.2.0', {}, false],
    ['less as text', '10.0.0.9', {}, false],
    ['greater, for some nodes only', '192.0.2.9', { nodeSelector: 'all()' }, false],
  ])('makes this node wait for a node whose address is %s', (_how, address, spec, passive) => {
    const other = node('n9', { ipv4Address: `${address}/24`, asNumber: 65000 });
    expect(only({ peerIP: address, ...spec }, other).passive).toBe(passive);
    expect(only({ peerIP: address, ...spec }).passive).toBe(false);
  });

  it('does not make the node that it names its own neighbour', () => {
    const spec = { peerIP: '192.0.2.1', asNumber: 65001 };
    expect(peering([N1, NO_MESH, peer('rr', spec)])).toMatchObject({ neighbours: [], problems: [] });
  });

  it('with reachableBy brings the route to its neighbour', () => {
    const spec = { peerIP: '198.51.100.1', asNumber: 65000, reachableBy: '192.0.2.254' };
    const other = { ...spec, peerIP: '198.51.100.1:1179', reachableBy: '192.0.2.253' };
    expect(peering([N1, NO_MESH, peer('a', spec), peer('b', other)])).toMatchObject({
      neighbours: [{ key: '198.51.100.1', reachableBy: '192.0.2.254' }, { key: '198.51.100.1:1179' }],
      staticRoutes: [
        {
          prefix: '198.51.100.1/32',
          gateway: '192.0.2.254',
          reason: 'BGPPeer a has reachableBy: 192.0.2.254.',
        },
      ],
      problems: [
        {
          resource: 'BGPPeer b',
          field: 'reachableBy',
          message:
            '198.51.100.1 is reached by 192.0.2.254 already: BGPPeer a has reachableBy: 192.0.2.254. Name one gateway.',
        },
      ],
    });
    const ipv6 = { peerIP: '2001:db8:1::1', asNumber: 65000, reachableBy: '2001:db8::fe' };
    expect(peering([N1, NO_MESH, peer('a', ipv6)]).staticRoutes).toMatchObject([{ prefix: '2001:db8:1::1/128' }]);
  });
});

describe('several BGPPeers', () => {
  const spec = { peerIP: '192.0.2.254', asNumber: 65000 };

  it('come in one order: for all nodes, then for some, each by name', () => {
    const peers = [
      peer('b', { ...spec, peerIP: '192.0.2.11', node: 'n1' }),
      peer('d', { ...spec, peerIP: '192.0.2.12' }),
      peer('a', { ...spec, peerIP: '192.0.2.13', nodeSelector: 'all()' }),
      peer('c', { ...spec, peerIP: '192.0.2.14' }),
    ];
    const expected = ['BGPPeer c', 'BGPPeer d', 'BGPPeer a', 'BGPPeer b'];
    expect(peering([N1, NO_MESH, ...peers]).neighbours.map(({ source }) => source)).toEqual(expected);
    expect(peering([...peers.toReversed(), NO_MESH, N1]).neighbours.map(({ source }) => source)).toEqual(expected);
  });

  it.each([
    ['first by name', { nodeSelector: 'all()' }],
    ['for all nodes', {}],
  ])('count once for an address and port: %s', (why, first) => {
    const result = peering([N1, NO_MESH, peer('a', { ...spec, ...first }), peer('b', { ...spec, node: 'n1' })]);
    expect(result.neighbours.map(({ source }) => source)).toEqual(['BGPPeer a']);
    expect(result.problems).toEqual([
      {
        resource: 'BGPPeer b',
        field: 'peerIP',
        message: `192.0.2.254 is a neighbour of this node by BGPPeer a already, which counts because it is ${why}. Remove one of the two.`,
      },
    ]);
  });

  it('may name one address with different ports', () => {
    const result = peering([N1, NO_MESH, peer('a', spec), peer('b', { ...spec, peerIP: '192.0.2.254:1179' })]);
    expect(result.neighbours.map(({ key }) => key)).toEqual(['192.0.2.254', '192.0.2.254:1179']);
    expect(result.problems).toEqual([]);
  });
});
