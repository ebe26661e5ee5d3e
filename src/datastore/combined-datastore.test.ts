import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { CombinedDatastore } from './combined-datastore.ts';
import type { Companion } from './combined-datastore.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, DatastoreWriter } from './datastore.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakeDatastore implements Datastore {
  status: DatastoreStatus;
  readonly writer: DatastoreWriter;
  readonly told: string[] = [];
  listener!: DatastoreListener;

  constructor(type: DatastoreStatus['type']) {
    this.status = { type, state: 'syncing', since: 0, sources: [{ name: type, state: 'syncing', since: 0 }] };
    this.writer = {
      patchNode: async (name) => void this.told.push(`node ${name}`),
      writeNodeStatus: async (name) => void this.told.push(`status ${name}`),
      report: async ({ message }) => void this.told.push(message),
    };
  }

  start(listener: DatastoreListener): void {
    this.listener = listener;
  }

  async stop(): Promise<void> {}
}

function resource(manifest: object): AnyResource {
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const secret = (name: string) => resource({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'n' } });
const namespace = resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } });

/** A BGPPeer whose password is in a Secret. */
function peer(name: string, secretName: string): AnyResource {
  const password = { secretKeyRef: { name: secretName, key: 'k' } };
  const spec = { peerIP: '192.0.2.1', asNumber: 1, password };
  return resource({ apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec });
}

const problem = (message: string) => ({ source: 's', path: [], message, severity: 'error' as const });

function start(more: Omit<Companion, 'datastore'> = {}) {
  const [etcd, kubernetes] = [new FakeDatastore('etcd'), new FakeDatastore('kubernetes')];
  const combined = new CombinedDatastore(etcd, { datastore: kubernetes, ...more });
  const calls: string[] = [];
  const names = (changes: readonly Change[]) =>
    changes.map((change) => (change.type === 'delete' ? `-${change.name}` : change.resource.metadata.name)).join(' ');
  combined.start({
    snapshot: (all, problems) =>
      calls.push(`snapshot ${all.map(({ metadata }) => metadata.name).join(' ')} (${problems.length})`),
    changes: (changes, problems) => calls.push(`changes ${names(changes)} (${problems.length})`),
    status: () => {},
  });
  return { etcd, kubernetes, combined, calls };
}

describe('CombinedDatastore', () => {
  it('tells what both have, then the changes of each', () => {
    const { etcd, kubernetes, calls } = start();
    kubernetes.listener.snapshot([secret('keys'), namespace], [problem('one')]);
    kubernetes.listener.changes([{ type: 'delete', kind: 'Namespace', name: 'n' }], []);
    expect(calls).toEqual([]);
    etcd.listener.snapshot([peer('tor', 'keys')], [problem('two')]);
    etcd.listener.changes([{ type: 'delete', kind: 'BGPPeer', name: 'tor' }], [problem('two')]);
    kubernetes.listener.changes([], [problem('one')]);
    expect(calls).toEqual(['snapshot tor keys (1)', 'changes -tor (1)', 'changes  (2)']);
  });

  it('tells early what the first has of it, and what of that goes before the second was heard', () => {
    const [etcd, kubernetes] = [new FakeDatastore('etcd'), new FakeDatastore('kubernetes')];
    const calls: string[] = [];
    const combined = new CombinedDatastore(etcd, { datastore: kubernetes });
    combined.start({
      early: (changes) => calls.push(`early ${changes.map(({ type }) => type).join(' ')}`),
      snapshot: (all) => calls.push(`snapshot ${all.map(({ metadata }) => metadata.name).join(' ')}`),
      changes: () => {},
      status: () => {},
    });
    expect(kubernetes.listener.early).toBeUndefined();
    etcd.listener.early?.([{ type: 'upsert', resource: peer('tor', 'keys') }]);
    etcd.listener.snapshot([peer('spine', 'keys')], []);
    etcd.listener.changes([{ type: 'delete', kind: 'BGPPeer', name: 'tor' }], []);
    kubernetes.listener.snapshot([namespace], []);
    expect(calls).toEqual(['early upsert', 'early delete', 'snapshot spine n']);
  });

  it('does not wait for the second for ever', async () => {
    const { etcd, kubernetes, calls } = start();
    etcd.listener.snapshot([peer('tor', 'keys')], []);
    await vi.advanceTimersByTimeAsync(9999);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    kubernetes.listener.snapshot([namespace], []);
    expect(calls).toEqual(['snapshot tor (0)', 'changes n (0)']);
  });

  it('asks for the Secrets that are referred to, and takes only the kinds it should', () => {
    const wanted: string[] = [];
    const { etcd, kubernetes, calls } = start({
      kinds: ['Secret'],
      wantSecrets: (names) => wanted.push(names.join(' ')),
    });
    etcd.listener.snapshot([peer('a', 'one'), peer('b', 'two')], []);
    etcd.listener.changes([{ type: 'upsert', resource: peer('b', 'one') }], []);
    etcd.listener.changes([{ type: 'upsert', resource: peer('c', 'one') }], []);
    etcd.listener.changes([{ type: 'delete', kind: 'BGPPeer', name: 'a' }], []);
    expect(wanted).toEqual(['one two', 'one']);
    kubernetes.listener.snapshot([secret('one'), namespace], []);
    expect(calls).toEqual(['snapshot b c one (0)']);
  });

  it('is as the worse of the two is', () => {
    const { etcd, kubernetes, combined } = start();
    etcd.status = { ...etcd.status, state: 'synced', since: 5 };
    expect(combined.status).toMatchObject({ type: 'etcd', state: 'syncing', since: 0 });
    const lastError = { words: 'connection refused', at: 7 };
    kubernetes.status = { ...kubernetes.status, state: 'away', since: 7, lastError, cache: { writtenAt: 1, since: 7 } };
    expect(combined.status).toMatchObject({
      type: 'etcd',
      state: 'away',
      since: 7,
      lastError,
      cache: { writtenAt: 1 },
    });
    expect(combined.status.sources.map(({ name }) => name)).toEqual(['etcd', 'kubernetes']);
  });

  it('writes to the first, and tells problems where their objects are', async () => {
    const { etcd, kubernetes, combined } = start();
    const [first, second] = [problem('first'), problem('second')];
    etcd.listener.snapshot([], [first]);
    kubernetes.listener.snapshot([], [second]);
    await combined.writer?.patchNode('n', {});
    await combined.writer?.writeNodeStatus('n', {});
    await combined.writer?.report?.(first);
    await combined.writer?.report?.(second);
    expect([etcd.told, kubernetes.told]).toEqual([['node n', 'status n', 'first'], ['second']]);
  });

  it('completes the own Node of the first by whether it is to be used, and tells that when it changes', () => {
    const [etcd, kubernetes] = [new FakeDatastore('etcd'), new FakeDatastore('kubernetes')];
    const combined = new CombinedDatastore(etcd, { datastore: kubernetes, nodeName: 'n1' });
    const told: AnyResource[] = [];
    combined.start({
      snapshot: (all) => told.push(...all),
      changes: (changes) => told.push(...changes.flatMap((one) => (one.type === 'upsert' ? [one.resource] : []))),
      status: () => {},
    });
    const calico = (name: string, asNumber: number) =>
      resource({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec: { bgp: { asNumber } } });
    const own = (spec: object, addresses: object[] = []) =>
      resource({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec, status: { addresses } });
    const upsert = (one: AnyResource): Change => ({ type: 'upsert', resource: one });
    const state = () =>
      told
        .splice(0)
        .map((one) =>
          one.kind === 'Node' ? [one.metadata.name, one.spec.bgp.asNumber, one.spec.unschedulable] : [one.kind],
        );

    kubernetes.listener.snapshot([own({ unschedulable: true }), namespace], []);
    etcd.listener.snapshot([calico('n1', 1), calico('n2', 2)], []);
    expect(state()).toEqual([['n1', 1, true], ['n2', 2, undefined], ['Namespace']]);
    // What else it reports of itself is nothing to anybody here.
    kubernetes.listener.changes([upsert(own({ unschedulable: true }, [{ address: '192.0.2.1' }]))], []);
    expect(state()).toEqual([]);
    etcd.listener.changes([upsert(calico('n1', 3))], []);
    kubernetes.listener.changes([upsert(own({})), upsert(namespace)], []);
    expect(state()).toEqual([['n1', 3, true], ['Namespace'], ['n1', 3, undefined]]);
    kubernetes.listener.changes([upsert(own({ unschedulable: true }))], []);
    kubernetes.listener.changes([{ type: 'delete', kind: 'Node', name: 'n1' }], []);
    expect(state()).toEqual([
      ['n1', 3, true],
      ['n1', 3, undefined],
    ]);
    // A Node that the first does not have is not made.
    etcd.listener.changes([{ type: 'delete', kind: 'Node', name: 'n1' }], []);
    kubernetes.listener.changes([upsert(own({ unschedulable: true }))], []);
    expect(state()).toEqual([]);
  });
});
