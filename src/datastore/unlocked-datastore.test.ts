import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatastoreRecorder } from '../../test/support/datastore-recorder.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import type { Datastore, DatastoreListener, DatastoreStatus } from './datastore.ts';
import { UnlockedDatastore } from './unlocked-datastore.ts';
import type { UnlockedDatastoreOptions } from './unlocked-datastore.ts';

class FakeDatastore implements Datastore {
  readonly writer = undefined;
  status: DatastoreStatus = { type: 'etcd', state: 'synced', since: 1, sources: [] };
  listener!: DatastoreListener;

  start(listener: DatastoreListener): void {
    this.listener = listener;
  }

  async stop(): Promise<void> {}
}

function resource(kind: string, name: string, spec: object): AnyResource {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}

const peer = (name: string, asNumber = 1) => resource('BGPPeer', name, { peerIP: '192.0.2.1', asNumber });
const ready = (datastoreReady?: boolean) =>
  resource('ClusterInformation', 'default', datastoreReady === undefined ? {} : { datastoreReady });
const put = (one: AnyResource): Change => ({ type: 'upsert', resource: one });
const gone = (kind: 'BGPPeer' | 'ClusterInformation' | 'Tier', name: string): Change => ({
  type: 'delete',
  kind,
  name,
});

function start(options: UnlockedDatastoreOptions = {}) {
  const inner = new FakeDatastore();
  const datastore = new UnlockedDatastore(inner, options);
  const recorder = new DatastoreRecorder();
  datastore.start(recorder);
  return { inner, datastore, recorder };
}

describe('a datastore that is being migrated', () => {
  it('changes nothing until it is ready again, and then what is different', () => {
    const { inner, datastore, recorder } = start();
    inner.listener.snapshot([ready(true), peer('a'), peer('b'), peer('c')], []);
    inner.listener.changes([put(peer('a', 2))], []);
    expect(recorder.peers).toEqual(['a 2', 'b 1', 'c 1']);
    inner.listener.changes([put(ready(false))], []);
    expect(recorder.statuses.at(-1)).toMatchObject({
      state: 'away',
      lastError: { words: expect.stringContaining('ClusterInformation "default" says datastoreReady: false') },
    });
    inner.listener.changes([gone('BGPPeer', 'a'), gone('BGPPeer', 'b'), gone('BGPPeer', 'c')], []);
    // The old place of it goes while it is locked.
    inner.listener.changes([gone('ClusterInformation', 'default')], []);
    expect(recorder.peers).toEqual(['a 2', 'b 1', 'c 1']);
    inner.listener.changes([put(peer('a', 2)), put(peer('b', 3))], []);
    inner.listener.changes([put(ready(true)), put(peer('d'))], []);
    expect(recorder.peers).toEqual(['a 2', 'b 3', 'd 1']);
    expect([recorder.snapshots, recorder.statuses.at(-1)?.state, datastore.status]).toEqual([
      1,
      'synced',
      inner.status,
    ]);
    inner.listener.changes([gone('BGPPeer', 'b')], []);
    expect(recorder.peers).toEqual(['a 2', 'd 1']);
  });

  it('is waited for at the start', () => {
    const { inner, datastore, recorder } = start();
    inner.listener.snapshot([peer('a'), peer('b'), ready(false)], []);
    inner.listener.changes([gone('BGPPeer', 'a'), put(peer('c'))], []);
    expect([recorder.snapshots, datastore.status.state]).toEqual([0, 'away']);
    inner.listener.changes([put(ready(true))], []);
    expect([recorder.snapshots, ...recorder.peers]).toEqual([1, 'b 1', 'c 1']);
    expect(recorder.changed).toEqual([]);
  });

  it('tells what came early as it comes, and what of that went while it was locked before the rest', () => {
    const inner = new FakeDatastore();
    const datastore = new UnlockedDatastore(inner);
    const told: string[] = [];
    const recorder = Object.assign(new DatastoreRecorder(), {
      early: (changes: readonly Change[]) => {
        for (const change of changes) told.push(change.type === 'delete' ? `-${change.name}` : 'one');
      },
    });
    datastore.start(recorder);
    inner.listener.early?.([put(peer('a'))]);
    inner.listener.snapshot([ready(false), peer('b')], []);
    inner.listener.changes([gone('BGPPeer', 'a'), put(peer('b', 2))], []);
    expect([told, recorder.snapshots]).toEqual([['one'], 0]);
    inner.listener.changes([put(ready(true))], []);
    expect([told, recorder.peers]).toEqual([['one', '-a'], ['b 2']]);
    // Who takes no part is told all at once.
    const other = new FakeDatastore();
    new UnlockedDatastore(other).start(new DatastoreRecorder());
    expect(other.listener.early).toBeUndefined();
  });

  it('is one that says so: where nothing is said it is ready', () => {
    const { inner, recorder } = start();
    inner.listener.snapshot([ready(), peer('a')], []);
    inner.listener.changes([gone('ClusterInformation', 'default'), gone('BGPPeer', 'a')], []);
    expect([recorder.snapshots, ...recorder.peers]).toEqual([1]);
  });

  it('may be out of reach too', () => {
    const { inner, datastore } = start();
    inner.listener.snapshot([ready(false)], []);
    inner.status = { ...inner.status, state: 'away', lastError: { words: 'connection refused', at: 5 } };
    expect(datastore.status).toEqual(inner.status);
  });
});

describe('a datastore that is wiped', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const tier = (name: string) => resource('Tier', name, { order: 1 });

  it('goes on counting as it was, whatever is told first to be gone, until there is a ClusterInformation again', () => {
    const { inner, datastore, recorder } = start({ unlessWiped: true });
    inner.listener.snapshot([ready(true), peer('a'), peer('b'), tier('t')], []);
    inner.listener.changes([gone('Tier', 't')], []);
    inner.listener.changes([gone('BGPPeer', 'a')], []);
    inner.listener.changes([gone('ClusterInformation', 'default')], []);
    vi.advanceTimersByTime(1000);
    inner.listener.changes([gone('BGPPeer', 'b')], []);
    expect([recorder.peers, recorder.changed]).toEqual([['a 1', 'b 1'], []]);
    expect(datastore.status).toMatchObject({
      state: 'away',
      lastError: { words: expect.stringContaining('it was wiped') },
    });
    inner.listener.changes([put(peer('a', 2)), put(ready(true))], []);
    vi.advanceTimersByTime(1000);
    expect([recorder.peers, datastore.status.state]).toEqual([['a 2'], 'synced']);
  });

  it('is told of what goes alone a moment later, with what comes meanwhile, and of all else at once', () => {
    const { inner, recorder } = start({ unlessWiped: true });
    inner.listener.snapshot([ready(true), peer('a'), tier('t')], []);
    inner.listener.changes([put(peer('b')), gone('BGPPeer', 'a')], []);
    expect(recorder.peers).toEqual(['b 1']);
    inner.listener.changes([gone('Tier', 't')], []);
    inner.listener.changes([put(peer('b', 2))], []);
    expect(recorder.peers).toEqual(['b 1']);
    vi.advanceTimersByTime(100);
    expect(recorder.peers).toEqual(['b 2']);
    inner.listener.changes([put(peer('c'))], []);
    expect(recorder.peers).toEqual(['b 2', 'c 1']);
  });

  it('counts as wiped only where that is asked for', () => {
    const { inner, recorder } = start();
    inner.listener.snapshot([ready(true), peer('a')], []);
    inner.listener.changes([gone('ClusterInformation', 'default'), gone('BGPPeer', 'a')], []);
    expect(recorder.peers).toEqual([]);
  });
});
