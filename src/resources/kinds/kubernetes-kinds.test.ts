import { describe, expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';

function read(manifest: object) {
  const parsed = parseResource(manifest);
  const problems = parsed.problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
  return { resource: parsed.ok ? parsed.resource : undefined, problems };
}

const metadata = { name: 'web', namespace: 'shop', labels: {}, annotations: {} };

describe('Service', () => {
  const service = (spec: object, status?: object) =>
    read({ apiVersion: 'v1', kind: 'Service', metadata, spec, status });

  it('keeps what is advertised and by whom, of all that Kubernetes says', () => {
    const { resource, problems } = service(
      {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.10',
        clusterIPs: ['10.96.0.10', '2001:DB8::10'],
        externalIPs: ['192.0.2.7'],
        loadBalancerIP: '198.51.100.1',
        loadBalancerClass: 'calico',
        externalTrafficPolicy: 'Local',
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4', 'IPv6'],
        ipFamilyPolicy: 'PreferDualStack',
        trafficDistribution: 'PreferClose',
        ports: [{ port: 80, targetPort: 8080 }],
        selector: { app: 'web' },
        sessionAffinity: 'None',
      },
      { loadBalancer: { ingress: [{ ip: '198.51.100.1', ipMode: 'VIP' }, { hostname: 'lb.example' }] } },
    );
    expect(problems).toEqual([]);
    expect(resource).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'LoadBalancer',
        clusterIPs: ['10.96.0.10', '2001:db8::10'],
        externalIPs: ['192.0.2.7'],
        loadBalancerIP: '198.51.100.1',
        loadBalancerClass: 'calico',
        externalTrafficPolicy: 'Local',
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4', 'IPv6'],
        trafficDistribution: 'PreferClose',
      },
      status: { loadBalancer: { ingress: [{ ip: '198.51.100.1', ipMode: 'VIP' }] } },
    });
  });

  it.each([
    [{ clusterIP: 'None', clusterIPs: ['None'] }, []],
    [{ clusterIP: '' }, []],
    [{ type: 'ExternalName', externalName: 'db.example' }, []],
    [{ clusterIP: '10.96.0.10' }, ['10.96.0.10']],
  ])('finds the cluster IPs of %j', (spec, clusterIPs) => {
    expect(service(spec).resource).toMatchObject({ spec: { clusterIPs, externalIPs: [], ipFamilies: [] } });
  });

  it('keeps its other addresses where one that a person wrote is wrong', () => {
    const { resource, problems } = service({ clusterIPs: ['10.96.0.10'], externalIPs: ['192.0.2.300'] });
    expect(resource).toMatchObject({ spec: { clusterIPs: ['10.96.0.10'], externalIPs: [] } });
    expect(problems).toEqual(['warning spec.externalIPs.0: "192.0.2.300" is not an IP address; taken as unset']);
  });
});

describe('EndpointSlice', () => {
  const slice = (fields: object, labels: object = { 'kubernetes.io/service-name': 'web', app: 'web' }) =>
    read({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...metadata, labels }, ...fields });

  it('keeps where the endpoints are and whether they are ready, of all that Kubernetes says', () => {
    const { resource, problems } = slice({
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.244.0.2'],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: 'node-1',
          zone: 'a',
          hints: { forZones: [{ name: 'a' }] },
          targetRef: { kind: 'Pod', name: 'web-1' },
        },
        { addresses: ['10.244.0.3'], conditions: { ready: false, serving: true, terminating: true } },
        { addresses: ['10.244.0.4'] },
        { addresses: ['10.244.0.5'], conditions: { ready: false } },
      ],
    });
    expect(problems).toEqual([]);
    expect(resource).toEqual({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
      spec: {
        addressType: 'IPv4',
        endpoints: [
          { nodeName: 'node-1', zone: 'a', forZones: ['a'], ready: true, serving: true, terminating: false },
          { ready: false, serving: true, terminating: true },
          { ready: true, serving: true, terminating: false },
          { ready: false, serving: false, terminating: false },
        ],
      },
    });
    expect(parseResource(resource)).toEqual({ ok: true, resource, problems: [] });
  });

  it('has addresses and ports where ports are asked for', () => {
    const { resource, problems } = slice({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.2'] }],
      ports: [
        { name: 'http', port: 8080 },
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: null },
      ],
    });
    expect(problems).toEqual([]);
    expect(resource).toMatchObject({
      spec: {
        endpoints: [{ addresses: ['10.244.0.2'], ready: true }],
        ports: [
          { protocol: 'TCP', port: 8080 },
          { protocol: 'UDP', port: 53 },
        ],
      },
    });
    expect(parseResource(resource)).toEqual({ ok: true, resource, problems: [] });
  });

  it('may be empty, and of no Service', () => {
    expect(slice({ addressType: 'IPv6', endpoints: null, ports: null }, {})).toMatchObject({
      problems: [],
      resource: { metadata: { labels: {} }, spec: { addressType: 'IPv6', endpoints: [], ports: [] } },
    });
  });

  it('needs its address type', () => {
    expect(slice({}).problems).toEqual(['error addressType: is required']);
  });
});

describe('Namespace', () => {
  it('has its labels', () => {
    const labels = { team: 'a' };
    const manifest = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', labels, annotations: { a: 'b' } },
    };
    expect(read({ ...manifest, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } })).toEqual({
      resource: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels, annotations: {} }, spec: {} },
      problems: [],
    });
  });
});

describe('Pod', () => {
  it('keeps its addresses, node and named ports, of all that Kubernetes says', () => {
    const annotations = { 'cni.projectcalico.org/podIP': '10.244.0.2/32', other: 'x' };
    const { resource, problems } = read({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: 'web' }, annotations, deletionTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        nodeName: 'node-1',
        serviceAccountName: 'web',
        containers: [{ name: 'a', image: 'a', ports: [{ name: 'http', containerPort: 8080 }, { containerPort: 1 }] }],
        initContainers: [{ name: 'b', ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP' }] }],
      },
      status: { phase: 'Running', podIP: '10.244.0.2', podIPs: [{ ip: '10.244.0.2' }, { ip: 'FD00::2' }] },
    });
    expect(problems).toEqual([]);
    expect(resource).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        labels: { app: 'web' },
        annotations: { 'cni.projectcalico.org/podIP': '10.244.0.2/32' },
      },
      spec: {
        nodeName: 'node-1',
        serviceAccountName: 'web',
        hostNetwork: false,
        ports: [
          { name: 'http', protocol: 'TCP', port: 8080 },
          { name: 'dns', protocol: 'UDP', port: 53 },
        ],
        terminating: true,
      },
      status: { phase: 'Running', podIPs: [{ ip: '10.244.0.2' }, { ip: 'fd00::2' }] },
    });
    expect(parseResource(resource)).toEqual({ ok: true, resource, problems: [] });
  });

  it('has no address before it has a node', () => {
    const pending = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] }, status: { phase: 'Pending' } };
    expect(read(pending)).toMatchObject({ problems: [], resource: { spec: { ports: [] }, status: { podIPs: [] } } });
  });
});
