import { describe, expect, it } from 'vitest';
import {
  bgpConfiguration as config,
  bgpPeer,
  keysOf as keys,
  node,
  passwordAt,
  peeringOf as peering,
  secret,
} from '../../test/support/peering-cluster.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';

const N1 = node('n1', { ipv4Address: '192.0.2.1/24' });
const N2 = node('n2', { ipv4Address: '192.0.2.2/24' });
const N3 = node('n3', { ipv4Address: '192.0.2.3/24', asNumber: 65003 });

describe('the node-to-node mesh', () => {
  it('makes every node a neighbour, by name', () => {
    const { neighbours, problems } = peering([N3, N2, N1]);
    expect(problems).toEqual([]);
    expect(neighbours).toEqual([
      {
        key: '192.0.2.2',
        address: '192.0.2.2',
        port: 179,
        peerAs: 64512,
        localAs: 64512,
        external: false,
        localAddress: '192.0.2.1',
        localAddresses: { ipv4: '192.0.2.1' },
        holdTime: 90,
        restartTime: 120,
        passive: true,
        families: [IPV4_UNICAST, IPV6_UNICAST],
        allowLocalAs: 0,
        nextHopMode: 'auto',
        filters: [],
        reflectorClient: false,
        addPaths: { send: true, receive: true },
        gracefulRestartMode: 'full',
        localPreference: 'auto',
        password: { kind: 'none' },
        type: 'mesh',
        labels: {
          'peer.starling.dev/type': 'mesh',
          'peer.starling.dev/name': 'n2',
          'peer.starling.dev/address': '192.0.2.2',
          'peer.starling.dev/as': '64512',
        },
        nodeName: 'n2',
        source: 'node-to-node mesh',
        reason: 'The node-to-node mesh makes this node peer with node "n2" at 192.0.2.2 (AS 64512, iBGP).',
      },
      expect.objectContaining({
        peerAs: 65003,
        external: true,
        reason: 'The node-to-node mesh makes this node peer with node "n3" at 192.0.2.3 (AS 65003, eBGP).',
      }),
    ]);
  });

  it('has one side of each pair wait', () => {
    const nodes = ['192.0.2.1', '192.0.2.10', '192.0.2.9'].map((address, i) =>
      node(`n${i + 1}`, { ipv4Address: `${address}/24` }),
    );
    const passive = (name: string) => peering(nodes, name).neighbours.map((neighbour) => neighbour.passive);
    expect(passive('n1')).toEqual([true, true]);
    expect(passive('n2')).toEqual([false, true]);
    expect(passive('n3')).toEqual([false, false]);
  });

  it('can be off', () => {
    expect(keys([N1, N2, config({ nodeToNodeMeshEnabled: false })])).toEqual([]);
  });

  it('leaves route reflectors out, on either side', () => {
    const reflector = node('rr', { ipv4Address: '192.0.2.9/24', routeReflectorClusterID: '10.0.0.1' });
    expect(keys([N1, N2, reflector])).toEqual(['192.0.2.2']);
    expect(keys([N1, N2, reflector], 'rr')).toEqual([]);
  });

  it('leaves nodes without an address of a shared family out', () => {
    expect(keys([N1, node('n2', {}), node('n3', { ipv6Address: '2001:db8::3/64' })])).toEqual([]);
  });

  it('has a session for each family that both nodes have, each with its own routes', () => {
    const dual = ['1', '2'].map((n) =>
      node(`n${n}`, { ipv4Address: `192.0.2.${n}/24`, ipv6Address: `2001:db8::${n}/64` }),
    );
    const { neighbours } = peering([...dual, node('n3', { ipv6Address: '2001:db8::3/64' })]);
    expect(neighbours).toMatchObject([
      { key: '192.0.2.2', localAddress: '192.0.2.1', families: [IPV4_UNICAST] },
      { key: '2001:db8::2', localAddress: '2001:db8::1', families: [IPV6_UNICAST] },
      { key: '2001:db8::3', localAddress: '2001:db8::1', families: [IPV4_UNICAST, IPV6_UNICAST] },
    ]);
  });

  it('finds the port of each node', () => {
    const ports = [config({ listenPort: 1179 }), config({ listenPort: 2179 }, 'node.n2')];
    expect(keys([N1, N2, N3, ...ports])).toEqual(['192.0.2.2:2179', '192.0.2.3:1179']);
  });

  it('takes the restart time and the password of the mesh, and is held down without it', () => {
    const settings = config({
      nodeMeshMaxRestartTime: '4m',
      nodeMeshPassword: passwordAt('mesh'),
    });
    expect(peering([N1, N2, settings, secret({ mesh: 'a password' })]).neighbours).toMatchObject([
      { restartTime: 240, password: { kind: 'known', value: 'a password' } },
    ]);
    expect(peering([N1, N2, settings]).neighbours).toMatchObject([
      {
        password: { kind: 'unavailable' },
        heldDown:
          'The session needs a password. There is no Secret "bgp" in namespace "kube-system". Create it, with the key "mesh".',
      },
    ]);
  });

  it('gives way to a BGPPeer for the same neighbour', () => {
    const peer = bgpPeer('special', { peerIP: '192.0.2.2', asNumber: 64512, filters: ['f'] });
    expect(peering([N1, N2, peer])).toMatchObject({
      neighbours: [{ key: '192.0.2.2', source: 'BGPPeer special', filters: ['f'] }],
      problems: [],
    });
  });
});

describe('a route reflector', () => {
  const reflector = node('rr1', { ipv4Address: '192.0.2.9/24', routeReflectorClusterID: '10.0.0.1' });
  const twin = node('rr2', { ipv4Address: '192.0.2.10/24', routeReflectorClusterID: '10.0.0.1' });
  const other = node('rr3', { ipv4Address: '192.0.2.11/24', routeReflectorClusterID: '10.0.0.2' });
  const to = (name: string, peerIP: string, asNumber = 64512) => bgpPeer(name, { node: 'rr1', peerIP, asNumber });

  it('has every iBGP neighbour as a client, except reflectors of its cluster', () => {
    const { neighbours } = peering(
      [
        reflector,
        twin,
        other,
        N1,
        to('a', '192.0.2.1'),
        to('b', '192.0.2.10'),
        to('c', '192.0.2.11'),
        to('d', '198.51.100.1'),
        to('e', '198.51.100.2', 65000),
      ],
      'rr1',
    );
    expect(neighbours.map(({ key, reflectorClient, clusterId }) => [key, reflectorClient, clusterId])).toEqual([
      ['192.0.2.1', true, 0x0a000001],
      ['192.0.2.10', false, 0x0a000001],
      ['192.0.2.11', true, 0x0a000001],
      ['198.51.100.1', true, 0x0a000001],
      ['198.51.100.2', false, 0x0a000001],
    ]);
  });

  it('is an ordinary neighbour to others', () => {
    const peer = bgpPeer('rr', { peerIP: '192.0.2.9', asNumber: 64512 });
    const [neighbour] = peering([N1, reflector, peer]).neighbours;
    expect(neighbour.reflectorClient).toBe(false);
    expect(neighbour).not.toHaveProperty('clusterId');
  });
});
