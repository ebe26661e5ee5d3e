import { describe, expect, it } from 'vitest';
import {
  NO_MESH,
  bgpConfiguration,
  bgpPeer,
  keysOf,
  node,
  passwordAt,
  peeringOf,
  secret,
} from '../../test/support/peering-cluster.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';

const N1 = node('n1', { ipv4Address: '192.0.2.1/24' }, { rack: 'a' });
const N2 = node('n2', { ipv4Address: '192.0.2.2/24', asNumber: 65002 }, { rack: 'b' });
const N3 = node('n3', { ipv4Address: '192.0.2.3/24' }, { rack: 'b' });
const RR1 = node('rr1', { ipv4Address: '192.0.2.8/24', routeReflectorClusterID: '10.0.0.1' }, { rr: 'yes' });
const RR2 = node('rr2', { ipv4Address: '192.0.2.9/24', routeReflectorClusterID: '10.0.0.1' }, { rr: 'yes' });
const NODES = [N1, N2, N3, RR1, RR2, NO_MESH];

describe('a BGPPeer with peerSelector', () => {
  it('gives the nodes that it selects, each with its AS and by name', () => {
    const { neighbours, problems } = peeringOf([...NODES, bgpPeer('rack', { peerSelector: 'rack == "b"' })]);
    expect(problems).toEqual([]);
    expect(neighbours).toMatchObject([
      {
        key: '192.0.2.2',
        peerAs: 65002,
        localAs: 64512,
        external: true,
        localAddress: '192.0.2.1',
        families: FAMILIES,
        type: 'global',
        nodeName: 'n2',
        source: 'BGPPeer rack',
        reason:
          'BGPPeer "rack" makes every node peer with the nodes that match rack == "b": node "n2" at 192.0.2.2 (AS 65002, eBGP).',
      },
      { key: '192.0.2.3', peerAs: 64512, external: false, nodeName: 'n3' },
    ]);
  });

  it('is reported where it gives no neighbour', () => {
    const peer = bgpPeer('rack', { peerSelector: 'rack == "c"' });
    expect(peeringOf([...NODES, peer]).problems).toEqual([
      {
        resource: 'BGPPeer rack',
        field: 'peerSelector',
        message:
          'No node that it selects is a neighbour of this node by it. Correct it or the labels of the nodes; starling peer explain rack says why each is not.',
      },
    ]);
    // A route reflector without another one is no mistake.
    expect(peeringOf([...NODES, bgpPeer('rack', { peerSelector: 'rack == "a"' })]).problems).toEqual([]);
  });

  it('does not give a node itself, nor a node that has its address', () => {
    const twin = node('twin', { ipv4Address: '192.0.2.1/24' }, { rack: 'a' });
    expect(keysOf([N1, twin, NO_MESH, bgpPeer('rack', { peerSelector: 'rack == "a"' })])).toEqual([]);
  });

  it('has a session for each family that both nodes have, each with its own routes', () => {
    const dual = (n: number) => node(`d${n}`, { ipv4Address: `192.0.2.${n}/24`, ipv6Address: `2001:db8::${n}/64` });
    const v6only = node('v6', { ipv6Address: '2001:db8::f/64' });
    const none = node('none', {});
    const resources = [dual(1), dual(2), v6only, none, N1, NO_MESH, bgpPeer('all', { peerSelector: 'all()' })];
    expect(peeringOf(resources, 'd1').neighbours).toMatchObject([
      { key: '192.0.2.2', families: [IPV4_UNICAST] },
      { key: '2001:db8::2', families: [IPV6_UNICAST], localAddress: '2001:db8::1' },
      { key: '2001:db8::f', families: FAMILIES },
    ]);
    expect(keysOf(resources, 'none')).toEqual([]);
  });

  it('finds the port where each node listens', () => {
    const ports = [bgpConfiguration({ listenPort: 2179 }, 'node.n2')];
    const peer = bgpPeer('rack', { peerSelector: 'rack == "b"' });
    expect(keysOf([...NODES, peer, ...ports])).toEqual(['192.0.2.2:2179', '192.0.2.3']);
    const global = bgpConfiguration({ nodeToNodeMeshEnabled: false, listenPort: 1179 });
    expect(keysOf([...NODES, peer, ...ports, global])).toEqual(['192.0.2.2:2179', '192.0.2.3:1179']);
  });

  it('brings what it says to every neighbour, but for the AS numbers allowed in paths', () => {
    const spec = {
      peerSelector: 'rack == "b"',
      numAllowedLocalASNumbers: 3,
      localASNumber: 65002,
      keepOriginalNextHop: true,
      ttlSecurity: 1,
      sourceAddress: 'None',
      filters: ['f'],
      password: passwordAt('rack'),
    };
    const { neighbours } = peeringOf([...NODES, bgpPeer('rack', spec), secret({ rack: 'hush' })]);
    expect(neighbours).toMatchObject([
      { key: '192.0.2.2', localAs: 65002, external: false, nextHopMode: 'auto' },
      { key: '192.0.2.3', localAs: 65002, external: true, nextHopMode: 'keep' },
    ]);
    for (const neighbour of neighbours) {
      expect(neighbour).toMatchObject({ allowLocalAs: 0, ttlSecurity: 1, filters: ['f'] });
      expect(neighbour.password).toEqual({ kind: 'known', value: 'hush' });
      expect(neighbour).not.toHaveProperty('localAddress');
    }
  });

  it('makes nodes wait by their addresses where it is for all nodes, and not where it is for some', () => {
    const passive = (spec: Readonly<Record<string, unknown>>, name: string) =>
      peeringOf([...NODES, bgpPeer('x', spec)], name).neighbours.map(({ key, passive: waits }) => [key, waits]);
    expect(passive({ peerSelector: 'has(rr)' }, 'rr1')).toContainEqual(['192.0.2.9', true]);
    expect(passive({ peerSelector: 'has(rr)' }, 'rr2')).toContainEqual(['192.0.2.8', false]);
    expect(passive({ nodeSelector: 'all()', peerSelector: 'has(rr)' }, 'rr1')).toContainEqual(['192.0.2.9', false]);
  });

  it('has two nodes that both go by another AS know each other by it', () => {
    const peer = bgpPeer('rack', { nodeSelector: 'rack == "b"', peerSelector: 'rack == "b"', localASNumber: 65100 });
    const expected = { localAs: 65100, peerAs: 65100, external: false };
    expect(peeringOf([...NODES, peer], 'n2').neighbours).toMatchObject([{ key: '192.0.2.3', ...expected }]);
    expect(peeringOf([...NODES, peer], 'n3').neighbours).toMatchObject([{ key: '192.0.2.2', ...expected }]);
  });
});

describe('peering back', () => {
  const toReflectors = bgpPeer('to-rr', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' });

  it('has the nodes that a peerSelector selects peer with those that the BGPPeer is about', () => {
    const { neighbours, problems } = peeringOf([...NODES, toReflectors], 'rr1');
    expect(problems).toEqual([]);
    expect(neighbours).toMatchObject([
      {
        key: '192.0.2.1',
        type: 'node',
        source: 'BGPPeer to-rr',
        passive: false,
        reflectorClient: true,
        reason:
          'BGPPeer "to-rr" makes the nodes that match !has(rr) peer with this node, which peers back: node "n1" at 192.0.2.1 (AS 64512, iBGP).',
      },
      { key: '192.0.2.2', external: true, reflectorClient: false },
      { key: '192.0.2.3', reflectorClient: true },
    ]);
  });

  it('has every node peer back with all others where the BGPPeer is about all nodes', () => {
    expect(keysOf([...NODES, bgpPeer('x', { peerSelector: 'rack == "a"' })], 'n1')).toEqual([
      '192.0.2.2',
      '192.0.2.3',
      '192.0.2.8',
      '192.0.2.9',
    ]);
  });

  it.each([
    ['its address and AS', { peerIP: '192.0.2.2', asNumber: 65002 }, ['192.0.2.1']],
    ['its port too', { peerIP: '192.0.2.2:179', asNumber: 65002 }, ['192.0.2.1']],
    ['another AS', { peerIP: '192.0.2.2', asNumber: 64512 }, []],
    ['another port', { peerIP: '192.0.2.2:1179', asNumber: 65002 }, []],
    ['Manual', { peerIP: '192.0.2.2', asNumber: 65002, reversePeering: 'Manual' }, []],
    ['Manual, with peerSelector', { peerSelector: 'rack == "b"', reversePeering: 'Manual' }, []],
  ])('depends on what the BGPPeer says of the node: %s', (_what, spec, expected) => {
    expect(keysOf([...NODES, bgpPeer('x', { node: 'n1', ...spec })], 'n2')).toEqual(expected);
  });

  it('is only over the family of the address that the BGPPeer names', () => {
    const dual = (n: number) => node(`d${n}`, { ipv4Address: `192.0.2.${n}/24`, ipv6Address: `2001:db8::${n}/64` });
    const peer = bgpPeer('x', { node: 'd1', peerIP: '2001:db8::2', asNumber: 64512 });
    expect(peeringOf([dual(1), dual(2), NO_MESH, peer], 'd2').neighbours).toMatchObject([
      { key: '2001:db8::1', families: FAMILIES },
    ]);
  });

  it('mirrors the AS that the others go by, the password and the filters, but not the way to this node', () => {
    const spec = {
      node: 'n1',
      peerIP: '192.0.2.2',
      asNumber: 65002,
      localASNumber: 65100,
      numAllowedLocalASNumbers: 2,
      reachableBy: '192.0.2.254',
      filters: ['f'],
      password: passwordAt('x'),
    };
    const resources = [...NODES, bgpPeer('x', spec), secret({ x: 'hush' })];
    expect(peeringOf(resources)).toMatchObject({
      neighbours: [{ localAs: 65100, peerAs: 65002 }],
      staticRoutes: [{ prefix: '192.0.2.2/32' }],
    });
    expect(peeringOf(resources, 'n2')).toMatchObject({
      neighbours: [
        {
          key: '192.0.2.1',
          localAs: 65002,
          peerAs: 65100,
          allowLocalAs: 0,
          filters: ['f'],
          password: { kind: 'known', value: 'hush' },
        },
      ],
      staticRoutes: [],
    });
  });

  it('gives way in silence to a BGPPeer that is about this node', () => {
    const own = bgpPeer('own', { node: 'rr1', peerIP: '192.0.2.1', asNumber: 64512, filters: ['f'] });
    expect(peeringOf([...NODES, toReflectors, own], 'rr1')).toMatchObject({
      neighbours: [{ key: '192.0.2.1', source: 'BGPPeer own' }, { key: '192.0.2.2' }, { key: '192.0.2.3' }],
      problems: [],
    });
  });
});

describe('conflicts between BGPPeers', () => {
  it('are told with the one that counts and why', () => {
    const peers = [
      bgpPeer('c', { peerSelector: 'rack == "b"', filters: ['c'] }),
      bgpPeer('b', { nodeSelector: 'all()', peerIP: '192.0.2.3', asNumber: 64512 }),
      bgpPeer('a', { node: 'n1', peerIP: '192.0.2.3', asNumber: 64512 }),
    ];
    const { neighbours, problems } = peeringOf([...NODES, ...peers]);
    expect(neighbours.map(({ key, source }) => [key, source])).toEqual([
      ['192.0.2.2', 'BGPPeer c'],
      ['192.0.2.3', 'BGPPeer c'],
    ]);
    expect(problems.map(({ resource, message }) => [resource, message])).toEqual(
      ['BGPPeer a', 'BGPPeer b'].map((resource) => [
        resource,
        '192.0.2.3 is a neighbour of this node by BGPPeer c already, which counts because it is for all nodes. Remove one of the two.',
      ]),
    );
  });

  it('arise from nodes that have one address', () => {
    const twin = node('n4', { ipv4Address: '192.0.2.2/24' }, { rack: 'b' });
    const { neighbours, problems } = peeringOf([...NODES, twin, bgpPeer('rack', { peerSelector: 'rack == "b"' })]);
    expect(neighbours).toMatchObject([{ nodeName: 'n2' }, { nodeName: 'n3' }]);
    expect(problems).toMatchObject([
      {
        resource: 'Node n4',
        field: 'bgp',
        message:
          'It has the address 192.0.2.2, as node "n2" has, which alone is a neighbour of this node. Correct one of them.',
      },
    ]);
  });
});
