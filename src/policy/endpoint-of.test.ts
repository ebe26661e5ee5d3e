import { describe, expect, it } from 'vitest';
import { podManifest, resourceOf } from '../../test/support/policy-resources.ts';
import { endpointOf } from './endpoint-of.ts';
import type { EndpointResource } from './endpoint-of.ts';

const CONTEXT = { node: 'node', interfacePrefix: 'cali,tap' };

const endpoint = (manifest: object) => endpointOf(resourceOf(manifest) as EndpointResource, CONTEXT);

const pod = (more: object = {}, status: object = {}, annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'x', name: 'a', annotations, ...more },
  spec: { nodeName: 'node' },
  status,
});

const calico = (kind: string, metadata: object, spec: object) => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata: { name: 'a', ...metadata },
  spec,
});

describe('a Pod', () => {
  it('has labels of its own and of what it is, and no others that say so', () => {
    const labels = {
      app: 'web',
      'pcns.env': 'prod',
      'pcsa.role': 'admin',
      'projectcalico.org/namespace': 'kube-system',
      'projectcalico.org/serviceaccount': 'admin',
    };
    const ports = [{ name: 'http', protocol: 'TCP', containerPort: 8080 }];
    const manifest = podManifest({ namespace: 'x', name: 'a', labels, addresses: ['10.65.0.2', 'FD00::2'], ports });
    expect(endpoint(manifest)).toEqual({
      key: 'Pod x/a',
      kind: 'workload',
      name: 'x/a',
      namespace: 'x',
      node: 'node',
      labels: { app: 'web', 'projectcalico.org/namespace': 'x', 'projectcalico.org/orchestrator': 'k8s' },
      profiles: ['kns.x'],
      addresses: ['10.65.0.2', 'fd00::2'],
      ports: [{ name: 'http', protocol: 6, port: 8080 }],
      local: { interfaceName: expect.stringMatching(/^cali[0-9a-f]{11}$/), up: true, spoofable: [] },
    });
  });

  it('has the profile and the name of its service account', () => {
    const manifest = podManifest({
      namespace: 'x',
      name: 'a',
      labels: {},
      addresses: ['10.65.0.2'],
      node: 'other',
      serviceAccountName: 'web',
    });
    const found = endpoint(manifest);
    expect(found).toMatchObject({ profiles: ['kns.x', 'ksa.x.web'] });
    expect(found?.labels['projectcalico.org/serviceaccount']).toBe('web');
    expect(found).not.toHaveProperty('local');
  });

  it('without the name of a service account has none', () => {
    const manifest = { ...pod(), spec: { nodeName: 'node', serviceAccountName: '' } };
    expect(endpoint(manifest)?.profiles).toEqual(['kns.x']);
    expect(endpoint(manifest)?.labels).not.toHaveProperty(['projectcalico.org/serviceaccount']);
  });

  const ADDRESSES = 'cni.projectcalico.org/podIPs';
  const ADDRESS = 'cni.projectcalico.org/podIP';

  it.each([
    [{ podIP: '10.65.0.2' }, { [ADDRESSES]: '10.65.0.9/32' }, ['10.65.0.2']],
    [{}, { [ADDRESSES]: '10.65.0.2/32, fd00::2/128' }, ['10.65.0.2', 'fd00::2']],
    [{}, { [ADDRESS]: '10.65.0.2/32' }, ['10.65.0.2']],
    [{}, { 'vpc.amazonaws.com/pod-ips': '10.65.0.2' }, ['10.65.0.2']],
    [{ podIP: '' }, { [ADDRESS]: '10.65.0.2' }, ['10.65.0.2']],
    [{}, { [ADDRESSES]: 'none' }, []],
    [{}, {}, []],
  ])('with status %j and annotations %j has the addresses %j', (status, annotations, addresses) => {
    expect(endpoint(pod({}, status, annotations))?.addresses).toEqual(addresses);
  });

  it('of another node is none before it has an address', () => {
    const manifest = podManifest({ namespace: 'x', name: 'a', labels: {}, addresses: [], node: 'other' });
    expect(endpoint(manifest)).toBeUndefined();
  });

  it('keeps its network until it has ended', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const running = { phase: 'Running', podIP: '10.65.0.2' };
    expect(endpoint(pod({ deletionTimestamp }, running, { [ADDRESS]: '10.65.0.2/32' }))).toBeDefined();
    expect(endpoint(pod({ deletionTimestamp }, running, { [ADDRESS]: '' }))).toBeUndefined();
    expect(endpoint(pod({}, running, { [ADDRESS]: '' }))).toBeDefined();
    for (const phase of ['Succeeded', 'Failed']) expect(endpoint(pod({}, { ...running, phase }))).toBeUndefined();
  });

  it('in the network of its node, or of no node yet, is none', () => {
    expect(endpoint({ ...pod(), spec: { nodeName: 'node', hostNetwork: true } })).toBeUndefined();
    expect(endpoint({ ...pod(), spec: {} })).toBeUndefined();
  });

  it('names further sources that its packets may have', () => {
    const annotations = { 'cni.projectcalico.org/allowedSourcePrefixes': '["192.0.2.0/24", "odd", "fd00::1/128"]' };
    expect(endpoint(pod({}, {}, annotations))?.local?.spoofable).toEqual(['192.0.2.0/24', 'fd00::1/128']);
  });
});

describe('a WorkloadEndpoint', () => {
  const spec = {
    orchestrator: 'openstack',
    node: 'node',
    interfaceName: 'tap1',
    ipNetworks: ['10.65.0.2/32', 'fd00::2'],
    profiles: ['p'],
    ports: [
      { name: 'http', protocol: 'TCP', port: 80 },
      { protocol: 'TCP', port: 81 },
    ],
    allowSpoofedSourcePrefixes: ['192.0.2.0/24'],
  };

  it('is what its orchestrator says', () => {
    expect(endpoint(calico('WorkloadEndpoint', { namespace: 'x', labels: { 'pcns.a': 'b', sg: '1' } }, spec))).toEqual({
      key: 'WorkloadEndpoint x/a',
      kind: 'workload',
      name: 'x/a',
      namespace: 'x',
      node: 'node',
      labels: { sg: '1', 'projectcalico.org/namespace': 'x', 'projectcalico.org/orchestrator': 'openstack' },
      profiles: ['p'],
      addresses: ['10.65.0.2', 'fd00::2'],
      ports: [{ name: 'http', protocol: 6, port: 80 }],
      local: { interfaceName: 'tap1', up: true, spoofable: ['192.0.2.0/24'] },
    });
  });

  it('of a Pod has the name of the Pod', () => {
    const name = 'node-k8s-web--1-eth0';
    const found = endpoint(
      calico('WorkloadEndpoint', { namespace: 'x', name }, { ...spec, pod: 'web-1', node: 'other' }),
    );
    expect(found).toMatchObject({ key: `WorkloadEndpoint x/${name}`, name: 'x/web-1' });
    expect(found).not.toHaveProperty('local');
  });
});

describe('a HostEndpoint', () => {
  it('is at an interface, or where its addresses are', () => {
    const spec = { node: 'node', expectedIPs: ['192.0.2.1'], profiles: ['p'] };
    const found = endpoint(calico('HostEndpoint', { labels: { role: 'db' } }, spec));
    expect(found).toMatchObject({ kind: 'host', name: 'a', labels: { role: 'db' }, addresses: ['192.0.2.1'] });
    expect(found?.local).toEqual({ up: true, spoofable: [] });
    expect(endpoint(calico('HostEndpoint', {}, { ...spec, interfaceName: '' }))?.local).toEqual(found?.local);
    expect(endpoint(calico('HostEndpoint', {}, { ...spec, interfaceName: '*' }))?.local?.interfaceName).toBe('*');
    expect(endpoint(calico('HostEndpoint', {}, { ...spec, node: 'other' }))).not.toHaveProperty('local');
  });
});

describe('a network set', () => {
  it('has addresses and prefixes, everything in halves', () => {
    const nets = ['192.0.2.1', '10.0.0.0/8', '0.0.0.0/0', '::/0', '192.0.2.1/32'];
    expect(endpoint(calico('GlobalNetworkSet', { labels: { role: 'ext' } }, { nets }))).toEqual({
      key: 'GlobalNetworkSet /a',
      kind: 'set',
      name: 'a',
      labels: { role: 'ext' },
      profiles: [],
      addresses: ['192.0.2.1', '10.0.0.0/8', '0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'],
      ports: [],
    });
  });

  it('of a namespace has the labels of it, and can not pass for something else', () => {
    const labels = { 'pcns.env': 'prod', 'projectcalico.org/orchestrator': 'k8s', role: 'ext' };
    expect(endpoint(calico('NetworkSet', { namespace: 'x', labels }, {}))).toMatchObject({
      name: 'x/a',
      labels: { role: 'ext', 'projectcalico.org/namespace': 'x' },
      profiles: ['kns.x'],
    });
    const found = endpoint(calico('NetworkSet', { namespace: 'x', labels }, {}));
    expect(Object.keys(found?.labels ?? {}).sort()).toEqual(['projectcalico.org/namespace', 'role']);
  });
});
