import { describe, expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';
import type { ParseResult } from '../parse-resource.ts';

function problemLines({ problems }: ParseResult): string[] {
  return problems.map(({ severity, path, message }) => `${severity} ${path.join(' ')}: ${message}`);
}

const KUBERNETES_NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'node-1',
    uid: '6f2c0a52-5b2c-4d3a-8d0b-1b6c4c7f1b11',
    labels: { 'topology.kubernetes.io/zone': 'a' },
    annotations: {
      'projectcalico.org/IPv4Address': '192.0.2.1/24',
      'projectcalico.org/IPv6Address': '2001:DB8::1/64',
      'projectcalico.org/ASNumber': '64513',
      'projectcalico.org/RouteReflectorClusterID': '10.0.0.1',
      'projectcalico.org/IPv4IPIPTunnelAddr': '10.244.0.1',
      'projectcalico.org/IPv4VXLANTunnelAddr': '10.244.0.2',
      'projectcalico.org/IPv6VXLANTunnelAddr': 'fd00::2',
      'projectcalico.org/VXLANTunnelMACAddr': '66:00:00:00:00:01',
      'projectcalico.org/IPv4WireguardInterfaceAddr': '10.244.0.3',
      'projectcalico.org/WireguardPublicKey': 'key',
      'projectcalico.org/Interfaces': '[{"name":"eth0","addresses":["192.0.2.1"]}]',
      'projectcalico.org/labels': '{"rack":"a"}',
    },
  },
  spec: {
    podCIDR: '10.244.0.0/24',
    podCIDRs: ['10.244.0.0/24', 'fd00::/64'],
    unschedulable: true,
    taints: [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }],
  },
  status: {
    addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
    capacity: { cpu: '2' },
    conditions: [
      { type: 'NetworkUnavailable', status: 'True', reason: 'CalicoIsDown', message: 'Calico is shutting down' },
      { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' },
    ],
  },
};

const AS_CALICO_SAYS_IT = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Node',
  metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'a', rack: 'a' } },
  spec: {
    bgp: {
      asNumber: 64513,
      ipv4Address: '192.0.2.1/24',
      ipv6Address: '2001:db8::1/64',
      ipv4IPIPTunnelAddr: '10.244.0.1',
      routeReflectorClusterID: '10.0.0.1',
    },
    ipv4VXLANTunnelAddr: '10.244.0.2',
    ipv6VXLANTunnelAddr: 'fd00::2',
    vxlanTunnelMACAddr: '66:00:00:00:00:01',
    wireguard: { interfaceIPv4Address: '10.244.0.3' },
    addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
    interfaces: [{ name: 'eth0', addresses: ['192.0.2.1'] }],
    unschedulable: true,
    taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }],
  },
  status: {
    podCIDRs: ['10.244.0.0/24', 'fd00::/64'],
    wireguardPublicKey: 'key',
    networkUnavailable: true,
    shuttingDown: true,
  },
};

describe('Node', () => {
  it("is the same from Kubernetes' annotations as from Calico's Node", () => {
    const fromKubernetes = parseResource(KUBERNETES_NODE);
    const fromCalico = parseResource(AS_CALICO_SAYS_IT);
    expect(fromCalico).toMatchObject({ ok: true, problems: [], resource: AS_CALICO_SAYS_IT });
    expect(fromKubernetes.problems).toEqual([]);
    expect(fromKubernetes).toEqual({
      ...fromCalico,
      resource: {
        ...AS_CALICO_SAYS_IT,
        metadata: { ...AS_CALICO_SAYS_IT.metadata, annotations: expect.any(Object) },
        spec: { ...AS_CALICO_SAYS_IT.spec, orchRefs: [] },
      },
    });
  });

  it('needs nothing but a name', () => {
    const empty = { bgp: {}, wireguard: {}, orchRefs: [], addresses: [], interfaces: [] };
    expect(parseResource({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } })).toMatchObject({
      ok: true,
      resource: { spec: empty, status: { podCIDRs: [] } },
    });
    expect(parseResource({ ...AS_CALICO_SAYS_IT, spec: undefined })).toMatchObject({
      ok: true,
      resource: { spec: empty },
    });
  });

  it('takes an address without length for a host', () => {
    const node = { ...AS_CALICO_SAYS_IT, spec: { bgp: { ipv4Address: '192.0.2.1' } } };
    expect(parseResource(node)).toMatchObject({ resource: { spec: { bgp: { ipv4Address: '192.0.2.1/32' } } } });
  });

  it.each([
    [
      'projectcalico.org/IPv4Address',
      '192.0.2.1/33',
      'error',
      '"192.0.2.1/33" is not an IPv4 address with its prefix length, such as 192.0.2.1/24',
    ],
    [
      'projectcalico.org/IPv6Address',
      '192.0.2.1/24',
      'error',
      '"192.0.2.1/24" is not an IPv6 address with its prefix length, such as 2001:db8::1/64',
    ],
    [
      'projectcalico.org/ASNumber',
      'sixty',
      'error',
      '"sixty" is not an AS number (1 to 4294967295, or two parts as "1.10")',
    ],
    ['projectcalico.org/Interfaces', '[', 'error', 'must be JSON'],
    [
      'projectcalico.org/IPv4Adress',
      '192.0.2.1/24',
      'warning',
      'is not known (did you mean "projectcalico.org/IPv4Address"?); ignored',
    ],
  ])('annotation %s: %s', (name, value, severity, message) => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', annotations: { [name]: value } } };
    expect(problemLines(parseResource(node))).toEqual([`${severity} metadata annotations ${name}: ${message}`]);
  });

  it.each([
    [
      { bgp: { asNumber: 'x' } },
      'error spec bgp asNumber: "x" is not an AS number (1 to 4294967295, or two parts as "1.10")',
    ],
    [
      { bgp: { routeReflectorClusterID: 'fd00::1' } },
      'error spec bgp routeReflectorClusterID: "fd00::1" is not an IPv4 address',
    ],
    [
      { bgp: { ipv4Adress: 'x' } },
      'warning spec bgp ipv4Adress: is not a known field (did you mean "ipv4Address"?); ignored',
    ],
    [
      { interfaces: [{ name: 'a', addresses: ['b'] }] },
      'error spec interfaces 0 addresses 0: "b" is not an IP address',
    ],
  ])('%j: %s', (spec, problem) => {
    expect(problemLines(parseResource({ ...AS_CALICO_SAYS_IT, spec }))).toEqual([problem]);
  });

  it('takes an empty annotation for none', () => {
    const annotations = {
      'projectcalico.org/IPv4Address': '192.0.2.1/24',
      'projectcalico.org/IPv6Address': '',
      'projectcalico.org/ASNumber': '',
      'projectcalico.org/Interfaces': '',
    };
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', annotations } };
    const parsed = parseResource(node);
    expect(problemLines(parsed)).toEqual([]);
    expect(parsed).toMatchObject({ resource: { spec: { bgp: { ipv4Address: '192.0.2.1/24' }, interfaces: [] } } });
    expect(parsed).not.toHaveProperty('resource.spec.bgp.ipv6Address');
  });
});
