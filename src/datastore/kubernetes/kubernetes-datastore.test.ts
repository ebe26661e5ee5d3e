import { Agent, createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatastoreRecorder } from '../../../test/support/datastore-recorder.ts';
import { waitFor } from '../../../test/support/wait-for.ts';
import { KubernetesDatastore } from './kubernetes-datastore.ts';

const TIMINGS = {
  watch: 60_000,
  grace: 100,
  answer: 2000,
  patience: 50,
  firstPause: 5,
  longestPause: 20,
  missingPause: 20,
};
const [V1, V3] = ['crd.projectcalico.org/v1', 'projectcalico.org/v3'];

/** As much of an API server as there needs to be: what it holds by path of the collection, and what it refuses. */
class FakeApi {
  readonly server: Server;
  groups: readonly string[] = ['crd.projectcalico.org'];
  readonly objects = new Map<string, readonly object[]>();
  /** Status codes by the last part of the path. */
  readonly refused = new Map<string, number>();
  #revision = 100;
  readonly #watches = new Map<string, Set<ServerResponse>>();

  constructor() {
    this.server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
      if (pathname === '/readyz') response.end('ok');
      else if (pathname === '/apis') json(response, { groups: this.groups.map((name) => ({ name })) });
      else if (searchParams.has('watch')) this.#watch(pathname, response);
      else this.#list(pathname, response);
    });
  }

  put(path: string, ...objects: readonly { name: string; spec?: object }[]): void {
    const full = objects.map(({ name, spec }) => ({
      metadata: { name, resourceVersion: String(this.#revision++) },
      spec,
    }));
    this.objects.set(path, full);
  }

  /** Ends the watches of a path, which is as if it was never there. */
  remove(path: string): void {
    this.objects.delete(path);
    for (const response of this.#watches.get(path) ?? []) response.end();
  }

  #list(path: string, response: ServerResponse): void {
    const code = this.refused.get(path.split('/').at(-1) ?? '');
    const items = this.objects.get(path);
    if (code !== undefined || items === undefined) json(response, { kind: 'Status', message: 'no' }, code ?? 404);
    else json(response, { metadata: { resourceVersion: String(this.#revision) }, items });
  }

  #watch(path: string, response: ServerResponse): void {
    if (!this.objects.has(path)) {
      json(response, { kind: 'Status', message: 'no' }, 404);
      return;
    }
    const all = this.#watches.get(path) ?? new Set();
    this.#watches.set(path, all.add(response));
    response.writeHead(200).flushHeaders();
  }
}

function json(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

const CALICO = ['ippools', 'bgpconfigurations', 'bgppeers', 'bgpfilters', 'clusterinformations', 'felixconfigurations'];

let api: FakeApi;
let agent: Agent;
let datastore: KubernetesDatastore;
let recorder: DatastoreRecorder;

function serve(group: string): void {
  for (const plural of [...CALICO, 'caliconodestatuses', 'blockaffinities']) api.put(`/apis/${group}/${plural}`);
  api.put(
    `/apis/${group}/bgppeers`,
    ...['a', 'b'].map((name) => ({ name, spec: { peerIP: '192.0.2.1', asNumber: 1 } })),
  );
}

beforeEach(async () => {
  api = new FakeApi();
  agent = new Agent({ keepAlive: true });
  for (const path of ['/api/v1/nodes', '/api/v1/services', '/api/v1/namespaces']) api.put(path);
  api.put('/apis/discovery.k8s.io/v1/endpointslices');
  serve(V1);
  api.server.listen(0, '127.0.0.1');
  await new Promise((resolve) => void api.server.once('listening', resolve));
  const server = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
  const access = {
    access: async () => ({ server, agent, headers: {} }),
    renew: () => {},
    close: () => agent.destroy(),
  };
  const node = { nodeName: 'node-1', namespace: 'kube-system', usePodCidr: false };
  const options = {
    kubeconfig: '',
    apiGroup: 'auto' as const,
    scope: 'all' as const,
    purpose: 'routing' as const,
    timings: TIMINGS,
  };
  datastore = new KubernetesDatastore({ ...node, ...options }, access);
  recorder = new DatastoreRecorder();
});

afterEach(async () => {
  await datastore.stop();
  api.server.closeAllConnections();
  api.server.close();
});

const source = (name: string) => datastore.status.sources.find((one) => one.name === name);
const state = (wanted: string) =>
  waitFor(() => datastore.status, { what: wanted, accept: (status) => status.state === wanted, intervalMs: 5 });
const snapshot = () => waitFor(() => recorder.snapshots, { what: 'the snapshot', intervalMs: 5 });

describe('a node', () => {
  it.each([403, 500])(
    'begins without Services where they are refused with %d, and has them as soon as it may',
    async (code) => {
      api.refused.set('services', code);
      datastore.start(recorder);
      await snapshot();
      expect(recorder.peers).toEqual(['a 1', 'b 1']);
      expect(source('Service')).toMatchObject({ state: 'away', unread: { kind: 'Service' } });
      expect(source('BGPPeer')).not.toHaveProperty('unread');
      expect(datastore.status.state).toBe('synced');
      api.put('/api/v1/services', { name: 'web', spec: { type: 'ClusterIP' } });
      api.refused.clear();
      await waitFor(() => recorder.changed, { what: 'the Service', accept: ([one]) => one === 'Service web' });
      expect(source('Service')).not.toHaveProperty('unread');
    },
  );

  it('does not begin without the Secrets that are named', async () => {
    const password = { secretKeyRef: { name: 'keys', key: 'k' } };
    api.put(`/apis/${V1}/bgppeers`, { name: 'a', spec: { peerIP: '192.0.2.1', asNumber: 1, password } });
    api.put('/api/v1/namespaces/kube-system/secrets', { name: 'keys' });
    datastore.start(recorder);
    await snapshot();
    expect(recorder.view.list('Secret').map(({ metadata }) => metadata.name)).toEqual(['keys']);
    expect(recorder.changed).toEqual([]);
  });

  it('does not begin without BGPPeers, whatever else there is', async () => {
    api.refused.set('bgppeers', 403);
    datastore.start(recorder);
    await state('away');
    // The others were read long before that.
    await waitFor(() => source('Service'), { what: 'Services', accept: (one) => one?.state === 'synced' });
    await waitFor(() => recorder.statuses.length, { what: 'more refusals', accept: (count) => count > 10 });
    expect(recorder.snapshots).toBe(0);
    api.refused.clear();
    await snapshot();
    expect(recorder.peers).toEqual(['a 1', 'b 1']);
  });
});

describe('Calico', () => {
  it('may be moved to the other API group, without anything being gone in between', async () => {
    datastore.start(recorder);
    await snapshot();
    // One kind is refused there at first: nothing is told before all are known.
    serve(V3);
    api.put(`/apis/${V3}/bgppeers`, { name: 'a', spec: { peerIP: '192.0.2.1', asNumber: 2 } });
    api.refused.set('bgpfilters', 500);
    api.groups = ['projectcalico.org'];
    for (const plural of [...CALICO, 'caliconodestatuses', 'blockaffinities']) api.remove(`/apis/${V1}/${plural}`);
    await waitFor(() => source('BGPFilter'), { what: 'the refusal', accept: (one) => one?.state === 'away' });
    await waitFor(() => source('BGPPeer'), { what: 'the peers', accept: (one) => one?.state === 'synced' });
    expect(recorder.changed).toEqual([]);
    api.refused.clear();
    await waitFor(() => recorder.changed, { what: 'what is different', accept: (all) => all.length === 2 });
    expect(recorder.changed.toSorted()).toEqual(['-BGPPeer b', 'BGPPeer a']);
    expect(recorder.snapshots).toBe(1);
  });

  it('is not taken for gone where a server does not serve it for a moment', async () => {
    datastore.start(recorder);
    await snapshot();
    const peers = `/apis/${V1}/bgppeers`;
    const objects = api.objects.get(peers) ?? [];
    api.remove(peers);
    await waitFor(() => source('BGPPeer'), {
      what: 'the refusal',
      accept: (one) => /\(404\)/.test(one?.lastError?.words ?? ''),
    });
    api.objects.set(peers, objects);
    await waitFor(() => source('BGPPeer'), { what: 'the peers', accept: (one) => one?.state === 'synced' });
    expect(recorder.changed).toEqual([]);
    api.remove(peers);
    await waitFor(() => recorder.changed, { what: 'the end', accept: (all) => all.length === 2 });
  });
});
