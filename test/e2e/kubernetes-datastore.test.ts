/** The datastore `kubernetes` on a real API server, with no other rights than those of deploy/rbac.yaml. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { hostnameHash } from '../../src/datastore/kubernetes/api-resources.ts';
import { findKubeApiServer, startKubeApi } from '../support/kube-api.ts';
import type { KubeApi, Manifest } from '../support/kube-api.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { defineCalico, object, Reading } from './kubernetes-fixture.ts';

const RBAC = join(import.meta.dirname, '../../deploy/rbac.yaml');
const V1 = 'crd.projectcalico.org/v1';
const V3 = 'projectcalico.org/v3';
const STARLING = { token: 'starling-token', user: 'system:serviceaccount:kube-system:starling' };
const POLICY = { token: 'policy-token', user: 'system:serviceaccount:kube-system:starling-policy' };
/** May read one Secret only. */
const NARROW = { token: 'narrow-token', user: 'narrow' };

const { path: program, missing: notBuilt } = findKubeApiServer();
const missing = notBuilt ?? missingHere({ programs: ['etcd', 'openssl'] });

const CONTAINER = { name: 'main', image: 'none', ports: [{ name: 'web', containerPort: 8080 }] };

let kube: KubeApi;
let kubeconfig: string;

beforeAll(async () => {
  if (missing !== undefined) return;
  kube = await startKubeApi(program ?? '', [STARLING, POLICY, NARROW]);
  kubeconfig = kube.kubeconfig('starling.yaml', { token: STARLING.token });
  for (const document of parseAllDocuments(readFileSync(RBAC, 'utf8'))) await kube.apply(document.toJS() as Manifest);
  await kube.define('discovery.k8s.io', 'v1', { kind: 'EndpointSlice', plural: 'endpointslices' });
});

afterAll(() => kube?.[Symbol.asyncDispose]());

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

describe('the datastore kubernetes', () => {
  it('is in sync without any of the custom resources, and finds them when they come', async () => {
    await using reading = await new Reading(kubeconfig).synced();
    expect([...reading.resources.keys()].filter((name) => !/^(?:Namespace|Service) /.test(name))).toEqual([]);
    await defineCalico(kube, 'projectcalico.org', 'v3');
    await kube.define('starling.dev', 'v1alpha1', { kind: 'PeerProfile', plural: 'peerprofiles' });
    await kube.apply(object(V3, 'BGPPeer', 'late', { spec: { peerIP: '192.0.2.9', asNumber: 64999 } }));
    await kube.apply(object('starling.dev/v1alpha1', 'PeerProfile', 'slow', { spec: { holdTime: '90s' } }));
    await reading.until('BGPPeer late', ({ apiVersion }) => apiVersion === V3);
    await reading.until('PeerProfile slow', () => true);
    expect(reading.snapshots).toBe(1);
    expect(reading.states).not.toContain('away');
  });

  it('tells a snapshot of every kind, then what changes, and nothing that is the same', async () => {
    const affinity = (name: string, node: string, labels: object = {}) =>
      object(V3, 'BlockAffinity', name, { spec: { state: 'confirmed', node, cidr: '10.244.1.0/26' } }, { labels });
    const hash = { 'projectcalico.org/hostname-hash': hostnameHash('node-1') };
    const slice = { addressType: 'IPv4', endpoints: [{ addresses: ['10.244.0.5'], nodeName: 'node-1' }], ports: [] };
    const inDefault = { namespace: 'default' };
    const node = { spec: { podCIDRs: ['10.244.0.0/24'], podCIDR: '10.244.0.0/24' } };
    for (const manifest of [
      object(V3, 'IPPool', 'pods', { spec: { cidr: '10.244.0.0/16' } }),
      object(V3, 'BGPConfiguration', 'default', { spec: { asNumber: 64513 } }),
      object(V3, 'BGPFilter', 'none', { spec: { exportV4: [{ action: 'Reject' }] } }),
      object(V3, 'ClusterInformation', 'default', { spec: { calicoVersion: 'v3.31.0' } }),
      object(V3, 'FelixConfiguration', 'default', { spec: {} }),
      object(V3, 'CalicoNodeStatus', 'report', { spec: { node: 'node-1', classes: ['BGP'] } }),
      affinity('node-1-labelled', 'node-1', hash),
      affinity('node-1-old', 'node-1'),
      affinity('node-2-old', 'node-2'),
      affinity('node-2-labelled', 'node-2', { 'projectcalico.org/hostname-hash': hostnameHash('node-2') }),
      object('v1', 'Node', 'node-1', node, { annotations: { 'projectcalico.org/IPv4Address': '192.0.2.1/24' } }),
      object('v1', 'Service', 'web', { spec: { ports: [{ port: 80 }], externalIPs: ['203.0.113.7'] } }, inDefault),
      object('discovery.k8s.io/v1', 'EndpointSlice', 'web-1', slice, {
        ...inDefault,
        labels: { 'kubernetes.io/service-name': 'web' },
      }),
    ]) {
      await kube.apply(manifest);
    }
    await using reading = await new Reading(kubeconfig).synced();
    expect(reading.problems).toEqual([]);
    expect([...reading.resources.keys()].filter((name) => !/kube-|default\/kubernetes/.test(name)).sort()).toEqual([
      'BGPConfiguration default',
      'BGPFilter none',
      'BGPPeer late',
      'BlockAffinity node-1-labelled',
      'BlockAffinity node-1-old',
      'CalicoNodeStatus report',
      'ClusterInformation default',
      'EndpointSlice default/web-1',
      'FelixConfiguration default',
      'IPPool pods',
      'Namespace default',
      'Node node-1',
      'PeerProfile slow',
      'Service default/web',
    ]);
    expect(reading.resources.get('Node node-1')).toMatchObject({
      spec: { bgp: { ipv4Address: '192.0.2.1/24' } },
      status: { podCIDRs: ['10.244.0.0/24'] },
    });
    const heartbeat = { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:00Z' }] };
    await kube.request('PATCH', '/api/v1/nodes/node-1/status', { status: heartbeat }, 'application/merge-patch+json');
    await kube.apply(object('v1', 'Node', 'node-1', {}, { annotations: { 'example.com/seen': 'now' } }));
    await kube.apply(object('v1', 'Node', 'node-1', {}, { labels: { rack: 'a' } }));
    await reading.until('Node node-1', ({ metadata }) => metadata.labels['rack'] === 'a');
    await kube.apply(affinity('node-1-old', 'node-1', hash));
    await reading.until('BlockAffinity node-1-old', ({ metadata }) => Object.keys(metadata.labels).length > 0);
    await kube.delete(object(V3, 'BGPFilter', 'none'));
    await reading.untilGone('BGPFilter none');
    // The block was never gone while it got its label.
    expect(reading.changed).toEqual(['+Node node-1', '+BlockAffinity node-1-old', '-BGPFilter none']);
  });

  it("makes blocks of its Node's pod CIDRs where it is to, and asks for no BlockAffinities", async () => {
    await kube.apply(
      object('v1', 'Node', 'node-2', { spec: { podCIDR: '10.244.2.0/24', podCIDRs: ['10.244.2.0/24'] } }),
    );
    await using reading = await new Reading(kubeconfig, { usePodCidr: true }).synced();
    expect(reading.source('BlockAffinity')).toBeUndefined();
    const blocks = [...reading.resources.values()].filter(({ kind }) => kind === 'BlockAffinity');
    expect(blocks).toMatchObject([{ spec: { node: 'node-1', cidr: '10.244.0.0/24', state: 'confirmed' } }]);
    await kube.delete(object('v1', 'Node', 'node-2'));
    await reading.untilGone('Node node-2');
    expect(reading.changed).toEqual(['-Node node-2']);
  });

  it('reads for policies, with rights of its own, what they need and the cluster has', async () => {
    await kube.define('projectcalico.org', 'v3', { kind: 'GlobalNetworkPolicy', plural: 'globalnetworkpolicies' });
    const inDefault = { namespace: 'default' };
    const pod = (name: string, labels: object, spec: object = {}) =>
      object(
        'v1',
        'Pod',
        name,
        { spec: { nodeName: 'n', containers: [CONTAINER], ...spec } },
        { ...inDefault, labels },
      );
    for (const manifest of [
      pod('a', { app: 'a' }),
      pod('of-the-host', {}, { hostNetwork: true }),
      object('v1', 'ServiceAccount', 'robot', {}, { ...inDefault, labels: { role: 'robot' } }),
      object('networking.k8s.io/v1', 'NetworkPolicy', 'closed', { spec: { podSelector: {} } }, inDefault),
      object(V3, 'GlobalNetworkPolicy', 'all', { spec: { selector: 'all()', types: ['Ingress'] } }),
    ]) {
      await kube.apply(manifest);
    }
    const path = '/api/v1/namespaces/default/pods/a/status';
    const address = { podIP: '10.244.0.9', podIPs: [{ ip: '10.244.0.9' }] };
    await kube.request('PATCH', path, { status: address }, 'application/merge-patch+json');
    const readable = kube.kubeconfig('policy.yaml', { token: POLICY.token });
    await using reading = await new Reading(readable, { purpose: 'policy' }).synced();
    expect(reading.problems).toEqual([]);
    expect([...reading.resources.keys()]).toEqual(
      expect.arrayContaining([
        'GlobalNetworkPolicy all',
        'KubernetesNetworkPolicy default/closed',
        'Namespace default',
        'Pod default/a',
        'ServiceAccount default/robot',
      ]),
    );
    expect(reading.resources.get('Pod default/a')).toMatchObject({
      metadata: { labels: { app: 'a' } },
      spec: { nodeName: 'n', ports: [{ name: 'web', protocol: 'TCP', port: 8080 }], terminating: false },
      status: { podIPs: [{ ip: '10.244.0.9' }] },
    });
    expect(reading.resources.has('Pod default/of-the-host')).toBe(false);
    // It is not defined.
    expect(reading.source('Tier')).toMatchObject({ state: 'synced' });
    await kube.apply(pod('a', { app: 'b' }));
    await reading.until('Pod default/a', ({ metadata }) => metadata.labels['app'] === 'b');
    await kube.request('DELETE', '/api/v1/namespaces/default/pods/a?gracePeriodSeconds=0');
    await reading.untilGone('Pod default/a');
    expect(reading.source('Secret')).toBeUndefined();
  });

  it('is not in sync for policies as long as a right is missing', async () => {
    await using reading = new Reading(kubeconfig, { purpose: 'policy' });
    await waitFor(() => reading.source('Pod')?.lastError?.words, { what: 'the refusal' });
    expect(reading.source('Pod')).toMatchObject({ state: 'away', unread: { kind: 'Pod' } });
    expect(reading.source('Pod')?.lastError?.words).toContain('deploy/rbac.yaml holds the rights that are needed');
    await waitFor(() => reading.source('GlobalNetworkPolicy')?.state === 'away', { what: 'the other refusal' });
    expect(reading.snapshots).toBe(0);
  });

  it('reads more than a page', async () => {
    const names = Array.from({ length: 520 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => kube.apply(object(V3, 'BGPFilter', name, { spec: {} }))));
    await using reading = await new Reading(kubeconfig).synced();
    expect(names.filter((name) => !reading.resources.has(`BGPFilter ${name}`))).toEqual([]);
    await kube.request('DELETE', `/apis/${V3}/bgpfilters`);
    await waitFor(() => [...reading.resources.keys()].filter((name) => name.startsWith('BGPFilter')).length, {
      what: 'the filters to be gone',
      timeoutMs: 20_000,
      accept: (left) => left === 0,
    });
  });

  it('goes on where it was when the API server was killed', async () => {
    await using reading = await new Reading(kubeconfig).synced();
    await kube.kill();
    await waitFor(() => reading.datastore.status.state, { what: 'away', accept: (state) => state === 'away' });
    await kube.start([STARLING, NARROW]);
    await kube.apply(object(V3, 'BGPPeer', 'late', { spec: { peerIP: '192.0.2.10', asNumber: 64999 } }));
    await reading.until('BGPPeer late', ({ spec }) => 'peerIP' in spec && spec.peerIP === '192.0.2.10');
    await waitFor(() => reading.datastore.status, { what: 'all in sync', accept: ({ state }) => state === 'synced' });
    expect(reading.changed).toEqual(['+BGPPeer late']);
  });

  it('lists again without a flap when etcd was compacted meanwhile', async () => {
    await using reading = await new Reading(kubeconfig).synced();
    // Revisions that the watches of other kinds have not seen.
    for (const port of [81, 82]) {
      const spec = { ports: [{ port }], externalIPs: ['203.0.113.7'] };
      await kube.apply(object('v1', 'Service', 'web', { spec }, { namespace: 'default' }));
    }
    const revision = () => Number(reading.source('IPPool')?.revision);
    const before = revision();
    await kube.kill();
    await kube.compact();
    await kube.start([STARLING, NARROW]);
    await kube.apply(object(V3, 'BGPPeer', 'late', { spec: { peerIP: '192.0.2.11', asNumber: 64999 } }));
    await reading.until('BGPPeer late', ({ spec }) => 'peerIP' in spec && spec.peerIP === '192.0.2.11');
    await waitFor(() => reading.datastore.status, { what: 'all in sync', accept: ({ state }) => state === 'synced' });
    await waitFor(revision, { what: 'the pools to be listed again', accept: (now) => now > before });
    expect(reading.changed).toEqual(['+BGPPeer late']);
  });

  it('notices a server that hangs, and goes on with it afterwards', async () => {
    const timings = { watch: 500, grace: 300, answer: 500 };
    await using reading = await new Reading(kubeconfig, { timings }).synced();
    kube.freeze();
    try {
      await waitFor(() => reading.datastore.status.state, { what: 'away', accept: (state) => state === 'away' });
      expect(reading.datastore.status.lastError?.words).toContain('has not said anything');
    } finally {
      kube.thaw();
    }
    await kube.apply(object(V3, 'BGPPeer', 'late', { spec: { peerIP: '192.0.2.12', asNumber: 64999 } }));
    await reading.until('BGPPeer late', ({ spec }) => 'peerIP' in spec && spec.peerIP === '192.0.2.12');
    expect(reading.changed).toEqual(['+BGPPeer late']);
  });

  it('reads only the Secrets that are named, and does without one that it may not read', async () => {
    const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'], resourceNames: ['bgp'] };
    const rbac = 'rbac.authorization.k8s.io';
    const bind = (kind: string, role: string) => ({
      roleRef: { apiGroup: rbac, kind, name: role },
      subjects: [{ apiGroup: rbac, kind: 'User', name: NARROW.user }],
    });
    const namespace = { namespace: 'kube-system' };
    const password = (name: string) => ({ secretKeyRef: { name, key: 'password' } });
    const peer = (name: string, secret: string) =>
      object(V3, 'BGPPeer', name, { spec: { peerIP: '192.0.2.20', asNumber: 64999, password: password(secret) } });
    for (const manifest of [
      object(`${rbac}/v1`, 'ClusterRoleBinding', 'narrow', bind('ClusterRole', 'starling')),
      object(`${rbac}/v1`, 'Role', 'narrow', { rules: [secrets] }, namespace),
      object(`${rbac}/v1`, 'RoleBinding', 'narrow', bind('Role', 'narrow'), namespace),
      object('v1', 'Secret', 'bgp', { data: { password: 'c2VjcmV0' } }, namespace),
      object('v1', 'Secret', 'other', { data: { password: 'c2VjcmV0' } }, namespace),
      peer('with-password', 'bgp'),
    ]) {
      await kube.apply(manifest);
    }
    await using reading = await new Reading(kube.kubeconfig('narrow.yaml', { token: NARROW.token })).synced();
    // It is there from the start, so that no session begins without its password.
    expect(reading.resources.get('Secret kube-system/bgp')).toMatchObject({
      spec: { data: { password: 'c2VjcmV0' } },
    });
    await kube.apply(object('v1', 'Secret', 'bgp', { data: { password: 'bmV3' } }, namespace));
    await reading.until('Secret kube-system/bgp', ({ spec }) => JSON.stringify(spec).includes('bmV3'));
    await kube.apply(peer('forbidden', 'other'));
    await waitFor(() => reading.source('Secret/kube-system/other')?.lastError?.words, { what: 'the refusal' });
    expect(reading.source('Secret/kube-system/other')).toMatchObject({ state: 'away' });
    expect(reading.resources.has('Secret kube-system/other')).toBe(false);
    expect(reading.datastore.status.state).toBe('synced');
    await kube.delete(peer('with-password', 'bgp'));
    await reading.untilGone('Secret kube-system/bgp');
    await kube.delete(peer('forbidden', 'other'));
    await waitFor(() => reading.datastore.status.sources, {
      what: 'the Secrets to be left alone',
      accept: (sources) => !sources.some(({ name }) => name.startsWith('Secret')),
    });
  });

  it('skips a bad object, keeps what it was before, and makes one Event of it', async () => {
    await kube.apply(object(V3, 'IPPool', 'broken', { spec: { cidr: '10.245.0.0/16', blockSize: 99 } }));
    await using reading = await new Reading(kubeconfig).synced();
    expect(reading.resources.has('IPPool broken')).toBe(false);
    await kube.apply(object(V3, 'BGPPeer', 'late', { spec: { peerIP: 'nowhere' } }));
    await waitFor(() => reading.problems.length, { what: 'both problems', accept: (count) => count === 2 });
    expect(reading.problems.map(({ source }) => source)).toEqual(['BGPPeer/late', 'IPPool/broken']);
    expect(reading.resources.get('BGPPeer late')).toMatchObject({ spec: { peerIP: '192.0.2.12' } });
    const { writer } = reading.datastore;
    for (const problem of [...reading.problems, ...reading.problems]) await writer.report?.(problem);
    const { body } = await kube.request('GET', '/api/v1/namespaces/default/events');
    const events = body['items'] as { involvedObject: object; message: string; metadata: { name: string } }[];
    const ours = events.filter(({ metadata }) => metadata.name.startsWith('starling-'));
    expect(ours.map(({ involvedObject }) => involvedObject)).toEqual(
      expect.arrayContaining([
        { apiVersion: V3, kind: 'BGPPeer', name: 'late' },
        { apiVersion: V3, kind: 'IPPool', name: 'broken' },
      ]),
    );
    expect(ours.map(({ message }) => message).sort()).toEqual(reading.problems.map(({ message }) => message).sort());
    await kube.delete(object(V3, 'IPPool', 'broken'));
    await kube.apply(object(V3, 'BGPPeer', 'late', { spec: { peerIP: '192.0.2.12' } }));
    await waitFor(() => reading.problems.length, { what: 'no problems', accept: (count) => count === 0 });
  });

  it("writes the node's addresses and AS number as annotations", async () => {
    await using reading = await new Reading(kubeconfig).synced();
    const { writer } = reading.datastore;
    await writer.patchNode('node-1', { ipv4Address: '192.0.2.2/24', ipv6Address: '2001:db8::2/64', asNumber: 64600 });
    const bgp = { ipv4Address: '192.0.2.2/24', ipv6Address: '2001:db8::2/64', asNumber: 64600 };
    await reading.until('Node node-1', ({ spec }) => isDeepStrictEqual({ ...('bgp' in spec && spec.bgp) }, bgp));
    await writer.patchNode('node-1', { ipv6Address: null });
    const { ipv6Address: _, ...rest } = bgp;
    await reading.until('Node node-1', ({ spec }) => isDeepStrictEqual({ ...('bgp' in spec && spec.bgp) }, rest));
    await expect(writer.patchNode('nobody', { asNumber: 1 })).rejects.toThrow(`Node "nobody" can't be written`);
  });

  it('takes the older of both API groups where a cluster has both, with the metadata that is hidden there', async () => {
    await defineCalico(kube, 'crd.projectcalico.org', 'v1');
    const metadata = { annotations: { 'projectcalico.org/metadata': '{"labels":{"rack":"b"}}' } };
    await kube.apply(object(V1, 'BGPPeer', 'old', { spec: { peerIP: '192.0.2.30', asNumber: 64998 } }, metadata));
    await kube.apply(object(V1, 'CalicoNodeStatus', 'report', { spec: { node: 'node-1', classes: ['BGP'] } }));
    await using found = await new Reading(kubeconfig).synced();
    expect(found.resources.get('BGPPeer old')).toMatchObject({ metadata: { labels: { rack: 'b' } } });
    expect(found.resources.has('BGPPeer late')).toBe(false);
    await using chosen = await new Reading(kubeconfig, { apiGroup: V3 }).synced();
    expect(chosen.resources.has('BGPPeer old')).toBe(false);
    expect(chosen.resources.has('BGPPeer late')).toBe(true);
    // With a status subresource (v3 here) and without.
    for (const [reading, version] of [
      [chosen, V3],
      [found, V1],
    ] as const) {
      const path = `/apis/${version}/caliconodestatuses/report`;
      for (const status of [
        { lastUpdated: 'a', agent: { birdV4: { state: 'Ready' } } },
        { lastUpdated: 'b' },
      ] as const) {
        await reading.datastore.writer.writeNodeStatus('report', status);
        expect((await kube.request('GET', path)).body).toMatchObject({ spec: { node: 'node-1' }, status });
      }
      expect((await kube.request('GET', path)).body['status']).toEqual({ lastUpdated: 'b' });
    }
  });

  it('gives a companion what another datastore lacks', async () => {
    const namespace = { namespace: 'kube-system' };
    await using reading = new Reading(kubeconfig, { scope: 'companion' });
    expect(reading.datastore.status.sources.map(({ name }) => name)).toEqual([
      'Service',
      'EndpointSlice',
      'Namespace',
      'Node',
    ]);
    reading.datastore.wantSecrets(['bgp', 'absent']);
    await reading.synced();
    expect([...reading.resources.keys()]).toContain('Secret kube-system/bgp');
    await kube.apply(object('v1', 'Secret', 'absent', {}, namespace));
    await reading.until('Secret kube-system/absent', () => true);
  });

  it('reads the token again when the server does not take the old one any more', async () => {
    kube.scratch.write('token', `${STARLING.token}\n`);
    await using reading = await new Reading(kube.kubeconfig('rotated.yaml', { tokenFile: 'token' })).synced();
    await kube.kill();
    await kube.start([{ ...STARLING, token: 'second-token' }]);
    const words = () => reading.datastore.status.sources.flatMap(({ lastError }) => lastError?.words ?? []);
    await waitFor(() => words().some((text) => text.includes('401')), { what: 'the old token to be refused' });
    kube.scratch.write('token', 'second-token\n');
    await waitFor(() => reading.datastore.status, { what: 'all in sync', accept: ({ state }) => state === 'synced' });
    expect(reading.changed).toEqual([]);
  });
});
