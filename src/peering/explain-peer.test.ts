import { describe, expect, it } from 'vitest';
import { NO_MESH, bgpPeer, node, passwordAt, peerProfile } from '../../test/support/peering-cluster.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { explainPeer } from './explain-peer.ts';

const N1 = node('n1', { ipv4Address: '192.0.2.1/24', ipv6Address: '2001:db8::1/64' }, { rack: 'a' });
const N2 = node('n2', { ipv4Address: '192.0.2.2/24' }, { rack: 'a' });
const N3 = node('n3', { ipv4Address: '192.0.2.3/24' }, { rack: 'b' });
const RR = node('rr', { ipv4Address: '192.0.2.9/24', routeReflectorClusterID: '10.0.0.1' }, { rr: 'yes' });
const TO_RR = bgpPeer('to-rr', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' });
const TOR = bgpPeer('tor', { nodeSelector: 'rack == "b"', peerIP: '192.0.2.254', asNumber: 65000 });

function explain(what: string, resources: readonly AnyResource[], name = 'n1') {
  return explainPeer(clusterView(resources), { name, namespace: 'kube-system' }, what);
}

describe('why there is a neighbour, or not', () => {
  it('says for an address what each BGPPeer and the mesh decide', () => {
    const { wanted, neighbours, steps } = explain('192.0.2.9', [N1, N2, RR, TO_RR, TOR]);
    expect(wanted).toBe(
      '192.0.2.9 is wanted. BGPPeer "to-rr" makes the nodes that match !has(rr) peer with the nodes that match has(rr): node "rr" at 192.0.2.9 (AS 64512, iBGP).',
    );
    expect(neighbours).toMatchObject([{ key: '192.0.2.9', source: 'BGPPeer to-rr' }]);
    expect(steps).toEqual([
      {
        source: 'BGPPeer to-rr',
        applies: true,
        words: neighbours[0].reason,
      },
      { source: 'BGPPeer tor', applies: false, words: 'It names another neighbour, 192.0.2.254.' },
      {
        source: 'BGPPeer to-rr, peering back',
        applies: false,
        words: 'Its peerSelector has(rr) does not match this node, whose labels are rack=a.',
      },
      {
        source: 'node-to-node mesh',
        applies: false,
        words: 'Node "rr": The node is a route reflector, and these take no part in it.',
      },
    ]);
  });

  it('says on the other side why it peers back', () => {
    const { neighbours, steps } = explain('n1', [N1, N2, RR, TO_RR, TOR], 'rr');
    expect(neighbours).toMatchObject([{ key: '192.0.2.1', source: 'BGPPeer to-rr', type: 'node' }]);
    expect(steps).toContainEqual({
      source: 'BGPPeer to-rr, peering back',
      applies: true,
      words:
        'BGPPeer "to-rr" makes the nodes that match !has(rr) peer with this node, which peers back: node "n1" at 192.0.2.1 (AS 64512, iBGP).',
    });
    expect(steps).toContainEqual({
      source: 'BGPPeer to-rr, peering back',
      applies: false,
      words: 'Node "n1": This node has no IPv6 address.',
    });
    expect(steps).toContainEqual({
      source: 'node-to-node mesh',
      applies: false,
      words: 'This node is a route reflector, and these take no part in it.',
    });
  });

  it.each<[string, string, readonly AnyResource[], string, string]>([
    [
      'a selector that leaves the node out',
      'n3',
      [N1, N3, NO_MESH, bgpPeer('rack', { peerSelector: 'rack == "a"' })],
      'BGPPeer rack',
      'Node "n3": Its peerSelector rack == "a" does not match the node, whose labels are rack=b.',
    ],
    [
      'a mesh that is off',
      'n2',
      [N1, N2, NO_MESH],
      'node-to-node mesh',
      'It is off: nodeToNodeMeshEnabled in BGPConfiguration "default".',
    ],
    ['an address that is missing', 'n2', [N1, N2], 'node-to-node mesh', 'Node "n2": The node has no IPv6 address.'],
    [
      'an address that is this node’s',
      '192.0.2.1',
      [N1, NO_MESH, bgpPeer('self', { peerIP: '192.0.2.1', asNumber: 64512, reversePeering: 'Manual' })],
      'BGPPeer self',
      'Node "n1": The address is that of this node.',
    ],
    [
      'peering back that is off',
      'n2',
      [
        N1,
        N2,
        NO_MESH,
        bgpPeer('one-way', { node: 'n2', peerIP: '192.0.2.1', asNumber: 64512, reversePeering: 'Manual' }),
      ],
      'BGPPeer one-way, peering back',
      'It names this node as a neighbour, but has reversePeering: Manual.',
    ],
    [
      'another AS at the address of this node',
      'n2',
      [N1, N2, NO_MESH, bgpPeer('wrong', { node: 'n2', peerIP: '192.0.2.1', asNumber: 64513 })],
      'BGPPeer wrong, peering back',
      'It names an address of this node, but AS 64513, not 64512.',
    ],
    [
      'another port at the address of this node',
      'n2',
      [N1, N2, NO_MESH, bgpPeer('wrong', { node: 'n2', peerIP: '192.0.2.1:1179', asNumber: 64512 })],
      'BGPPeer wrong, peering back',
      'It names an address of this node, but port 1179, not 179.',
    ],
    [
      'a node too far away',
      'n3',
      [N1, N3, peerProfile('racks', { topologyKey: 'rack' })],
      'node-to-node mesh',
      'Node "n3": PeerProfile "racks" has topologyKey rack: here it is a, and for the node it is b.',
    ],
    [
      'another BGPPeer that counts',
      '192.0.2.254',
      [
        N1,
        NO_MESH,
        bgpPeer('a', { peerIP: '192.0.2.254', asNumber: 65000 }),
        bgpPeer('b', { node: 'n1', peerIP: '192.0.2.254', asNumber: 65001 }),
      ],
      'BGPPeer b',
      '192.0.2.254 is a neighbour of this node by BGPPeer a already, which counts because it is for all nodes.',
    ],
    [
      'a BGPPeer for another address',
      '192.0.2.253',
      [N1, NO_MESH, bgpPeer('a', { peerIP: '192.0.2.254', asNumber: 65000 })],
      'BGPPeer a',
      'It names another neighbour, 192.0.2.254.',
    ],
    [
      'an address that no node has',
      '192.0.2.77',
      [N1],
      'Nodes',
      'No node of the cluster has the address 192.0.2.77, so neither a peerSelector nor the mesh finds it.',
    ],
  ])('names %s', (_what, subject, resources, source, words) => {
    expect(explain(subject, resources).steps).toContainEqual({ source, applies: false, words });
  });

  it('says that a neighbour is wanted but held down, and why', () => {
    const peer = bgpPeer('tor', {
      peerIP: '192.0.2.254',
      asNumber: 65000,
      password: passwordAt('tor'),
    });
    const { wanted, steps } = explain('tor', [N1, NO_MESH, peer]);
    const why =
      'The session needs a password. There is no Secret "bgp" in namespace "kube-system". Create it, with the key "tor".';
    expect(wanted).toBe(`192.0.2.254 is wanted, but held down. ${why}`);
    expect(steps[0].words).toContain(`It is held down: ${why}`);
  });

  it('goes through all nodes for a BGPPeer, those not selected together', () => {
    const peer = bgpPeer('rack', { peerSelector: 'rack == "b"' });
    const { wanted, steps } = explain('BGPPeer rack', [N1, N2, N3, RR, NO_MESH, peer]);
    expect(wanted).toContain('192.0.2.3 is wanted.');
    expect(steps.filter(({ source }) => source === 'BGPPeer rack').map(({ words }) => words)).toEqual([
      expect.stringContaining('node "n3" at 192.0.2.3'),
      '3 nodes are not selected: "n1", "n2", "rr". The first of them: Its peerSelector rack == "b" does not match the node, whose labels are rack=a.',
      'Node "n3": The node has no IPv6 address.',
    ]);
  });

  it('tells ports apart', () => {
    const peers = ['192.0.2.254', '192.0.2.254:1179'].map((peerIP, i) => bgpPeer(`p${i}`, { peerIP, asNumber: 65000 }));
    expect(explain('192.0.2.254', [N1, ...peers]).neighbours).toHaveLength(2);
    expect(explain('192.0.2.254:1179', [N1, ...peers]).neighbours).toMatchObject([{ key: '192.0.2.254:1179' }]);
  });

  it('says that there is nothing of a name', () => {
    expect(explain('nobody', [N1])).toEqual({
      wanted: '"nobody" is no address, and there is neither a node nor a BGPPeer of that name.',
      neighbours: [],
      steps: [],
    });
    expect(explain('192.0.2.1', [N2]).wanted).toContain('There is no Node "n1"');
  });
});
