/** starlingd with its resources in a Kubernetes API server that dies and comes back, in both API groups of Calico. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findKubeApiServer, startKubeApi } from '../support/kube-api.ts';
import type { KubeApi } from '../support/kube-api.ts';
import { relayPort } from '../support/namespace-relay.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, linkAddresses } from './daemon-fixture.ts';
import { survivesItsDatastore } from './datastore-scenario.ts';
import { defineCalico, object } from './kubernetes-fixture.ts';

const { path: program, missing: notBuilt } = findKubeApiServer();
const missing = notBuilt ?? missingHere({ ...DAEMON_NEEDS, programs: [...DAEMON_NEEDS.programs, 'etcd', 'openssl'] });

let kube: KubeApi;

beforeAll(async () => {
  if (missing !== undefined) return;
  kube = await startKubeApi(program ?? '', []);
  await kube.define('discovery.k8s.io', 'v1', { kind: 'EndpointSlice', plural: 'endpointslices' });
});

afterAll(() => kube?.[Symbol.asyncDispose]());

beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

const blockOf = (apiVersion: string) => (cidr: string) => {
  const deleted = apiVersion.endsWith('/v1') ? 'false' : false;
  const spec = { state: 'confirmed', node: 'node-1', cidr, deleted };
  return kube.apply(object(apiVersion, 'BlockAffinity', `node-1-${cidr.replaceAll(/[./]/g, '-')}`, { spec }));
};

const IPV4 = 'projectcalico.org/IPv4Address';
const AS = 'projectcalico.org/ASNumber';

/** Takes from the Node what Calico says of it, and leaves what the kubelet says. */
function withoutAnnotations(address: string): Promise<unknown> {
  const patch = {
    metadata: { annotations: { [IPV4]: null, [AS]: null } },
    status: { addresses: [{ type: 'InternalIP', address }] },
  };
  return kube.request('PATCH', '/api/v1/nodes/node-1/status', patch, 'application/merge-patch+json');
}

/** Waits until the Node has these annotations. */
async function annotated(annotations: Readonly<Record<string, string>>): Promise<void> {
  const metadata = async () => JSON.stringify((await kube.request('GET', '/api/v1/nodes/node-1')).body['metadata']);
  const accept = (text: string) =>
    Object.entries(annotations).every((entry) => text.includes(entry.map((part) => JSON.stringify(part)).join(':')));
  await waitFor(metadata, { what: 'the annotations', accept });
}

/** Fills one of Calico's groups, and gives the settings of a daemon that reads it. */
async function fill(apiVersion: string): Promise<object> {
  const [group, version] = apiVersion.split('/');
  await defineCalico(kube, group, version);
  const annotations = {
    'projectcalico.org/IPv4Address': `${linkAddresses(1).ours}/24`,
    'projectcalico.org/ASNumber': String(NODE_AS),
  };
  await kube.apply(object('v1', 'Node', 'node-1', {}, { annotations }));
  await kube.apply(object(apiVersion, 'BGPConfiguration', 'default', { spec: { nodeToNodeMeshEnabled: false } }));
  await kube.apply({ ...object(apiVersion, 'BGPPeer', 'router-1'), ...bgpPeer(1, 65_001), apiVersion });
  await blockOf(apiVersion)('10.244.1.0/26');
  const kubeconfig = kube.kubeconfig('admin.yaml', { token: 'admin-token' });
  return { type: 'kubernetes', kubernetes: { kubeconfig }, cache: join(kube.scratch.path, `cache-${version}`) };
}

describe('starlingd with the Kubernetes API', () => {
  it('follows projectcalico.org/v3, and tells who the node is, how it is, and of a bad object', async () => {
    await using node = new TestNode();
    await using bird = await Bird.start(node.addLink(1), 1, 65_001);
    await using _relay = await relayPort(Number(new URL(kube.server).port), node.namespace);
    const apiVersion = 'projectcalico.org/v3';
    const settings = await fill(apiVersion);
    await withoutAnnotations(linkAddresses(1).ours);
    const wish = { node: 'node-1', classes: ['BGP'], updatePeriodSeconds: 1 };
    await kube.apply(object(apiVersion, 'CalicoNodeStatus', 'report', { spec: wish }));
    await kube.apply(object(apiVersion, 'BGPPeer', 'bad', { spec: { peerIP: '192.0.2.1', asNumber: 'many' } }));
    const self = { ip: 'autodetect', ipAutodetectionMethod: 'kubernetes-internal-ip', asNumber: NODE_AS };
    await node.startDaemon(node.configure({ datastore: settings, ...self, publishNode: true }));
    await bird.has('10.244.1.0/26');
    await annotated({ [IPV4]: `${linkAddresses(1).ours}/24`, [AS]: String(NODE_AS) });
    const before = await bird.heard();
    await blockOf(apiVersion)('10.244.2.0/26');
    await bird.has('10.244.1.0/26', '10.244.2.0/26');
    expect(await bird.heard()).toEqual({ ...before, routes: before.routes + 1 });
    const events = async () => JSON.stringify((await kube.request('GET', '/api/v1/events')).body);
    const accept = (text: string) => /"kind":"BGPPeer"[^}]*"name":"bad"/.test(text);
    expect(await waitFor(events, { what: 'an Event at the bad object', accept })).toContain('spec.asNumber');
    const report = async () => (await kube.request('GET', `/apis/${apiVersion}/caliconodestatuses/report`)).body;
    const isUp = ({ status }: Readonly<Record<string, unknown>>) => JSON.stringify(status)?.includes('"Established"');
    const { spec, status } = await waitFor(report, { what: 'the report', accept: isUp });
    expect(spec).toEqual(wish);
    expect(status).toMatchObject({ bgp: { numberEstablishedV4: 1, peersV4: [{ type: 'GlobalPeer' }] } });
  });

  // With both groups there, the older one counts: the other is then served by Calico's own API server.
  it('peers on while the API server is dead, starts without it, and takes up only what is different', async () => {
    await using node = new TestNode();
    await using bird = await Bird.start(node.addLink(1), 1, 65_001);
    await using _relay = await relayPort(Number(new URL(kube.server).port), node.namespace);
    const apiVersion = 'crd.projectcalico.org/v1';
    const settings = await fill(apiVersion);
    const problems = await survivesItsDatastore(node, bird, {
      name: 'kubernetes',
      settings,
      kill: () => kube.kill(),
      restart: () => kube.start([]),
      addBlock: blockOf(apiVersion),
    });
    expect(problems).toEqual([]);
  });
});
