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
  it('follows projectcalico.org/v3, and tells of a bad object by an Event', async () => {
    await using node = new TestNode();
    await using bird = await Bird.start(node.addLink(1), 1, 65_001);
    await using _relay = await relayPort(Number(new URL(kube.server).port), node.namespace);
    const apiVersion = 'projectcalico.org/v3';
    const settings = await fill(apiVersion);
    await kube.apply(object(apiVersion, 'BGPPeer', 'bad', { spec: { peerIP: '192.0.2.1', asNumber: 'many' } }));
    await node.startDaemon(node.configure({ datastore: settings }));
    await bird.has('10.244.1.0/26');
    const before = await bird.heard();
    await blockOf(apiVersion)('10.244.2.0/26');
    await bird.has('10.244.1.0/26', '10.244.2.0/26');
    expect(await bird.heard()).toEqual({ ...before, routes: before.routes + 1 });
    const events = async () => JSON.stringify((await kube.request('GET', '/api/v1/events')).body);
    const accept = (text: string) => /"kind":"BGPPeer"[^}]*"name":"bad"/.test(text);
    expect(await waitFor(events, { what: 'an Event at the bad object', accept })).toContain('spec.asNumber');
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
