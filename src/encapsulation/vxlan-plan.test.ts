import { describe, expect, it } from 'vitest';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { clusterRouting } from './cluster-routing.ts';

type Fields = Readonly<Record<string, unknown>>;

function resource(kind: string, name: string, fields: Fields, apiVersion = 'projectcalico.org/v3'): AnyResource {
  const { metadata, ...rest } = { metadata: {}, ...fields };
  const result = parseResource({ apiVersion, kind, metadata: { name, ...metadata }, ...rest });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

const node = (name: string, bgp: Fields, spec: Fields = {}) => resource('Node', name, { spec: { bgp, ...spec } });
const ipv4 = (last: number) => ({ ipv4Address: `192.0.2.${last}/24` });
const V4 = resource('IPPool', 'v4', { spec: { cidr: '10.1.0.0/16', vxlanMode: 'Always' } });
const V6 = resource('IPPool', 'v6', { spec: { cidr: 'fd00:1::/48', vxlanMode: 'CrossSubnet' } });

/** The plans of node n1, which has no Felix. */
function planned(...resources: readonly AnyResource[]) {
  return clusterRouting(clusterView(resources), { name: 'n1' }, { felix: 'absent' });
}

describe('the VXLAN plans', () => {
  it('are left to Felix where it is, without problems of ours', () => {
    const resources = [V4, V6, node('n1', ipv4(1)), node('n2', ipv4(2)), node('n3', {})];
    const { vxlan: ours } = planned(...resources);
    const { vxlan, problems } = clusterRouting(clusterView(resources), { name: 'n1' }, { felix: 'present' });
    expect(vxlan).toEqual([{ ...ours[0], peers: [], leftToFelix: true }]);
    expect(problems).toEqual([]);
    const off = resource('FelixConfiguration', 'default', { spec: { vxlanEnabled: false } });
    expect(clusterRouting(clusterView([...resources, off]), { name: 'n1' }, { felix: 'present' }).vxlan).toEqual([]);
  });

  it('are one for each family that has a pool', () => {
    const dual = { ...ipv4(1), ipv6Address: '2001:db8::1/64' };
    const tunnel = { ipv4VXLANTunnelAddr: '10.1.0.1', vxlanTunnelMACAddr: '66:AA:00:00:00:01' };
    const annotations = {
      'projectcalico.org/IPv4Address': '192.0.2.3/24',
      'projectcalico.org/IPv6Address': '2001:db8::3/64',
      'projectcalico.org/IPv4VXLANTunnelAddr': '10.1.0.3',
      'projectcalico.org/IPv6VXLANTunnelAddr': 'fd00:1::3',
      'projectcalico.org/VXLANTunnelMACAddrV6': '66:00:00:00:06:03',
    };
    const resources = [
      V4,
      V6,
      resource('Node', 'n3', { metadata: { annotations } }, 'v1'),
      node('n2', { ipv4Address: '198.51.100.2/24', ipv6Address: '2001:db8:1::2/64' }),
      node('n1', dual, { ...tunnel, ipv6VXLANTunnelAddr: 'fd00:1::1' }),
    ];
    const { vxlan, problems, vxlanKey } = planned(...resources);
    expect(problems).toEqual([]);
    expect(vxlan).toEqual([
      {
        family: 0,
        device: 'vxlan.calico',
        vni: 4096,
        port: 4789,
        mac: '66:aa:00:00:00:01',
        localAddress: '192.0.2.1',
        tunnelAddress: '10.1.0.1',
        peers: [
          { node: 'n2', address: '198.51.100.2', gateway: '198.51.100.2', mac: '66:40:24:34:76:fc' },
          { node: 'n3', address: '192.0.2.3', gateway: '10.1.0.3', mac: '66:26:c2:ce:28:d0' },
        ],
      },
      {
        family: 1,
        device: 'vxlan-v6.calico',
        vni: 4096,
        port: 4789,
        mac: '66:46:32:55:72:28',
        localAddress: '2001:db8::1',
        tunnelAddress: 'fd00:1::1',
        peers: [
          { node: 'n2', address: '2001:db8:1::2', gateway: '2001:db8:1::2', mac: '66:f4:09:ca:1b:0c' },
          { node: 'n3', address: '2001:db8::3', gateway: 'fd00:1::3', mac: '66:00:00:00:06:03' },
        ],
      },
    ]);
    expect(planned(...resources.toReversed()).vxlanKey).toBe(vxlanKey);
    expect(planned(...resources, node('n4', ipv4(4))).vxlanKey).not.toBe(vxlanKey);
  });

  it("take Felix' settings, those for the node first", () => {
    const settings = resource('FelixConfiguration', 'default', {
      spec: { vxlanVNI: 5000, vxlanPort: 8472, vxlanMTU: 1400, vxlanMTUV6: 0 },
    });
    const own = resource('FelixConfiguration', 'node.n1', { spec: { vxlanMTU: 1350 } });
    const self = node('n1', { ...ipv4(1), ipv6Address: '2001:db8::1/64' });
    const [first, second] = planned(V4, V6, settings, own, self).vxlan;
    expect(first).toMatchObject({ vni: 5000, port: 8472, mtu: 1350 });
    expect(second).toMatchObject({ vni: 5000, port: 8472 });
    expect(second).not.toHaveProperty('mtu');
  });

  it('are none without VXLAN pools', () => {
    const plain = resource('IPPool', 'plain', { spec: { cidr: '10.1.0.0/16' } });
    expect(planned(plain, node('n1', ipv4(1)), node('n2', ipv4(2)))).toMatchObject({ vxlan: [], problems: [] });
  });
});

describe('what is wrong with VXLAN', () => {
  it('a node of its own without an address', () => {
    for (const self of [[], [node('n1', {})]]) {
      expect(planned(V4, ...self, node('n2', ipv4(2)))).toMatchObject({
        vxlan: [],
        problems: [
          {
            resource: 'Node n1',
            field: 'bgp.ipv4Address',
            message:
              'This node has no IPv4 address, so it has no VXLAN tunnel, and addresses of "v4" on other nodes can\'t be reached from it. Set bgp.ipv4Address of Node "n1".',
          },
        ],
      });
    }
  });

  it('other nodes without an address, in one sentence', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'].map((name) => node(name, {}));
    expect(planned(V4, node('n1', ipv4(1)), ...nodes)).toMatchObject({
      vxlan: [{ peers: [] }],
      problems: [
        {
          resource: 'IPPool v4',
          field: 'vxlanMode',
          message:
            'Addresses of "v4" on nodes without an IPv4 address ("a", "b", "c" and 2 more) can\'t be reached by VXLAN. Set bgp.ipv4Address of these nodes.',
        },
      ],
    });
  });

  it.each([
    ['the address of', node('n3', ipv4(2)), 'bgp.ipv4Address', '192.0.2.2 is that of node "n2" as well'],
    [
      'the tunnel address of',
      node('n3', ipv4(3), { ipv4VXLANTunnelAddr: '10.1.0.2' }),
      'ipv4VXLANTunnelAddr',
      '10.1.0.2 is that of node "n2" as well',
    ],
    [
      'the MAC address of',
      node('n3', ipv4(3), { vxlanTunnelMACAddr: '66:00:00:00:00:02' }),
      'vxlanTunnelMACAddr',
      '66:00:00:00:00:02 is that of node "n2" as well',
    ],
    [
      'the tunnel address, on this node, of',
      node('n3', ipv4(3), { ipv4VXLANTunnelAddr: '10.1.0.1' }),
      'ipv4VXLANTunnelAddr',
      '10.1.0.1 is that of node "n1" as well',
    ],
  ])('a node with %s another, which gets no tunnel', (_what, third, field, message) => {
    const second = { ipv4VXLANTunnelAddr: '10.1.0.2', vxlanTunnelMACAddr: '66:00:00:00:00:02' };
    const self = node('n1', ipv4(1), { ipv4VXLANTunnelAddr: '10.1.0.1' });
    const { vxlan, problems } = planned(V4, self, node('n2', ipv4(2), second), third);
    expect(vxlan[0].peers.map((peer) => peer.node)).toEqual(['n2']);
    expect(problems).toEqual([
      {
        resource: 'Node n3',
        field,
        message: `${message}. No VXLAN tunnel leads to node "n3", because it might lead to the other. Give each a different one.`,
      },
    ]);
  });

  it.each(['66:00:00:00:00', '67:00:00:00:00:01', 'f00'])('a MAC address that is none: %s', (vxlanTunnelMACAddr) => {
    const { vxlan, problems } = planned(V4, node('n1', ipv4(1)), node('n2', ipv4(2), { vxlanTunnelMACAddr }));
    expect(vxlan[0].peers[0].mac).toBe('66:40:24:34:76:fc');
    expect(problems).toMatchObject([{ resource: 'Node n2', field: 'vxlanTunnelMACAddr' }]);
    expect(problems[0].message).toContain(`"${vxlanTunnelMACAddr}" is not the MAC address of one device`);
  });

  it('a tunnel address that only others have', () => {
    const other = node('n2', ipv4(2), { ipv4VXLANTunnelAddr: '10.1.0.2' });
    expect(planned(V4, node('n1', ipv4(1)), other, node('n3', ipv4(3))).problems).toEqual([
      {
        resource: 'Node n1',
        field: 'ipv4VXLANTunnelAddr',
        message:
          'is not set, while other nodes have a tunnel address ("n2"). Where they run Felix, it has no route to a node without one. Set it to an address of a VXLAN pool that nobody else has.',
      },
    ]);
  });
});
