import { describe, expect, it } from 'vitest';
import { NO_MESH, bgpConfiguration, bgpPeer, node, peeringOf } from '../../test/support/peering-cluster.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';

const N1 = node('n1', { ipv4Address: '192.0.2.1/24' }, { rack: 'a' });
const RED = bgpPeer('red', { localWorkloadSelector: 'color == "red"', asNumber: 65401, filters: ['f'] });
const SETTINGS = bgpConfiguration({
  nodeToNodeMeshEnabled: false,
  localWorkloadPeeringIPV4: '169.254.0.179',
  localWorkloadPeeringIPV6: 'fd00::179',
});

describe('workloads as neighbours', () => {
  it('are waited for, with the terms of their BGPPeer', () => {
    const red = { name: 'default/red-0', addresses: ['10.65.0.2'], labels: { color: 'red' } };
    const blue = { name: 'default/blue-0', addresses: ['10.65.0.3'], labels: { color: 'blue' } };
    const { neighbours, problems } = peeringOf([N1, SETTINGS, RED], 'n1', [red, blue]);
    expect(problems).toEqual([]);
    expect(neighbours).toMatchObject([
      {
        key: '10.65.0.2',
        peerAs: 65401,
        localAs: 64512,
        external: true,
        passive: true,
        families: FAMILIES,
        filters: ['f'],
        localAddresses: { ipv4: '169.254.0.179', ipv6: 'fd00::179' },
        type: 'workload',
        source: 'BGPPeer red',
        reason:
          'BGPPeer "red" makes every node peer with the workloads that match color == "red": "default/red-0" at 10.65.0.2 (AS 65401, eBGP).',
      },
    ]);
    expect(neighbours).toHaveLength(1);
    expect(neighbours[0]).not.toHaveProperty('localAddress');
  });

  it('belong to the BGPPeer that has picked them already', () => {
    const chosen = { name: 'w', addresses: ['10.65.0.2'], bgpPeerName: 'red' };
    expect(peeringOf([N1, SETTINGS, RED], 'n1', [chosen]).neighbours).toMatchObject([{ source: 'BGPPeer red' }]);
    const { neighbours, problems } = peeringOf([N1, SETTINGS, RED], 'n1', [{ ...chosen, bgpPeerName: 'gone' }]);
    expect(neighbours).toEqual([]);
    expect(problems).toMatchObject([{ resource: 'BGPPeer gone', field: 'localWorkloadSelector' }]);
  });

  it('have a session for the first address of each family', () => {
    const red = { name: 'w', addresses: ['fd00:1::2', '10.65.0.2', '10.65.0.3'], labels: { color: 'red' } };
    expect(peeringOf([N1, SETTINGS, RED], 'n1', [red]).neighbours).toMatchObject([
      { key: '10.65.0.2', families: [IPV4_UNICAST] },
      { key: 'fd00:1::2', families: [IPV6_UNICAST] },
    ]);
  });

  it('know this node by its own address where there is none for them', () => {
    const red = { name: 'w', addresses: ['10.65.0.2'], labels: { color: 'red' } };
    expect(peeringOf([N1, NO_MESH, RED], 'n1', [red]).neighbours).toMatchObject([
      { localAddresses: { ipv4: '192.0.2.1' } },
    ]);
  });

  it('are only those of nodes that the BGPPeer is about', () => {
    const red = { name: 'w', addresses: ['10.65.0.2'], labels: { color: 'red' } };
    const elsewhere = bgpPeer('red', { nodeSelector: 'rack == "b"', localWorkloadSelector: 'all()', asNumber: 65401 });
    expect(peeringOf([N1, SETTINGS, elsewhere], 'n1', [red]).neighbours).toEqual([]);
  });

  it('find somebody at the addresses made for them even where the node listens on its own only', () => {
    const settings = bgpConfiguration({ bindMode: 'NodeIP', localWorkloadPeeringIPV4: '169.254.0.179' });
    const red = { name: 'w', addresses: ['10.65.0.2'], labels: { color: 'red' } };
    expect(peeringOf([N1, settings, RED], 'n1', [red]).self?.listen.addresses).toEqual(['192.0.2.1', '169.254.0.179']);
    expect(peeringOf([N1, settings, RED]).self?.listen.addresses).toEqual(['192.0.2.1']);
  });
});
