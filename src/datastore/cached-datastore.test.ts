import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { CachedDatastore } from './cached-datastore.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, SourcedProblem } from './datastore.ts';

/** Says what the test has it say. */
class FakeDatastore implements Datastore {
  readonly writer = undefined;
  status: DatastoreStatus = { type: 'etcd', state: 'syncing', since: 1, sources: [] };
  listener!: DatastoreListener;

  start(listener: DatastoreListener): void {
    this.listener = listener;
  }

  async stop(): Promise<void> {}

  become(state: DatastoreStatus['state'], sources: DatastoreStatus['sources'] = []): void {
    const lastError = { words: 'connection refused', at: 2 };
    this.status = { type: 'etcd', state, since: 2, sources, ...(state === 'away' && { lastError }) };
    this.listener.status(this.status);
  }
}

class Recorder implements DatastoreListener {
  readonly calls: string[] = [];
  problems: readonly SourcedProblem[] = [];
  states: DatastoreStatus[] = [];

  snapshot(resources: readonly AnyResource[], problems: readonly SourcedProblem[]): void {
    this.calls.push(`snapshot ${resources.map(({ metadata }) => metadata.name).join(' ')}`);
    this.problems = problems;
  }

  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    const names = changes.map((change) =>
      change.type === 'delete' ? `-${change.name}` : change.resource.metadata.name,
    );
    this.calls.push(`changes ${names.join(' ')}`);
    this.problems = problems;
  }

  status(status: DatastoreStatus): void {
    this.states.push(status);
  }
}

function peer(name: string, asNumber = 64513): AnyResource {
  const spec = { peerIP: '192.0.2.1', asNumber };
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec });
  if (!parsed.ok) throw new Error('not a peer');
  return parsed.resource;
}

function secret(): AnyResource {
  const manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'n' },
    stringData: { a: 'b' },
  };
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error('not a secret');
  return parsed.resource;
}

function namespaced(kind: 'Service', name: string, namespace = 'n'): AnyResource {
  const parsed = parseResource({ apiVersion: 'v1', kind, metadata: { name, namespace }, spec: { type: 'ClusterIP' } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}

let directory: string;
let running: CachedDatastore[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'starling-cached-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((datastore) => datastore.stop()));
  rmSync(directory, { recursive: true, force: true });
});

const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 5000, interval: 5 });
const path = () => join(directory, 'cache', 'etcd.json');

function start(timing = { patience: 60_000, interval: 1 }) {
  const inner = new FakeDatastore();
  const source = { type: 'etcd' as const, node: 'node-1', places: ['http://a'] };
  const datastore = new CachedDatastore(inner, { directory: join(directory, 'cache'), source, key: undefined }, timing);
  running.push(datastore);
  const recorder = new Recorder();
  datastore.start(recorder);
  return { inner, datastore, recorder };
}

/** Leaves a file with these. */
async function leave(resources: readonly AnyResource[]): Promise<void> {
  const { inner, datastore } = start();
  inner.listener.snapshot([...resources], []);
  await datastore.stop();
  expect(existsSync(path())).toBe(true);
}

describe('CachedDatastore', () => {
  it('passes on what a datastore says that answers, and keeps it on disk', async () => {
    const { inner, recorder } = start();
    inner.listener.snapshot([peer('a')], []);
    await until(() => expect(readFileSync(path(), 'utf8')).toContain('"a"'));
    inner.listener.changes(
      [
        { type: 'upsert', resource: peer('b') },
        { type: 'delete', kind: 'BGPPeer', name: 'a' },
      ],
      [],
    );
    await until(() => expect(readFileSync(path(), 'utf8')).not.toContain('"a"'));
    expect(recorder.calls).toEqual(['snapshot a', 'changes b -a']);
    expect(recorder.problems).toEqual([]);
  });

  it('gives what is on disk at once where the datastore is away, and then only what is different', async () => {
    await leave([peer('a'), peer('b'), peer('c')]);
    const { inner, datastore, recorder } = start();
    inner.become('away');
    await until(() => expect(recorder.calls).toEqual(['snapshot a b c']));
    const { state, cache, lastError } = datastore.status;
    expect({ state, words: lastError?.words }).toEqual({ state: 'away', words: 'connection refused' });
    expect(cache?.writtenAt).toBeLessThanOrEqual(cache!.since);
    inner.listener.snapshot([peer('a'), peer('b', 1), peer('d')], []);
    inner.become('synced');
    expect(recorder.calls).toEqual(['snapshot a b c', 'changes -c b d']);
    expect(recorder.states.at(-1)).toEqual(inner.status);
    await datastore.stop();
    await leave([peer('a')]);
  });

  it('lets nothing go of what the datastore could not read yet, until it could', async () => {
    const service = namespaced('Service', 'web');
    await leave([peer('a'), peer('b'), service, namespaced('Service', 'gone')]);
    const { inner, recorder } = start();
    inner.become('away');
    await until(() => expect(recorder.calls).toHaveLength(1));
    const source = { name: 'Service', state: 'away' as const, since: 3 };
    inner.status = { ...inner.status, state: 'synced', sources: [{ ...source, unread: { kind: 'Service' } }] };
    inner.listener.snapshot([peer('a')], []);
    inner.become('synced', inner.status.sources);
    inner.listener.changes([{ type: 'upsert', resource: peer('c') }], []);
    expect(recorder.calls.slice(1)).toEqual(['changes -b', 'changes c']);
    // It is kept on disk too.
    await until(() => expect(readFileSync(path(), 'utf8')).toContain('"c"'));
    expect(readFileSync(path(), 'utf8')).toContain('"web"');
    inner.status = { ...inner.status, sources: [source] };
    inner.listener.changes([{ type: 'upsert', resource: service }], []);
    expect(recorder.calls.at(-1)).toBe('changes web -gone');
  });

  it('lets go of what there is no more once it was looked for, also where that is no change to the datastore', async () => {
    await leave([peer('a'), namespaced('Service', 'gone'), namespaced('Service', 'other', 'm')]);
    const { inner, recorder } = start();
    inner.become('away');
    await until(() => expect(recorder.calls).toHaveLength(1));
    const unread = { kind: 'Service' as const, namespace: 'n', name: 'gone' };
    inner.status = { ...inner.status, sources: [{ name: 'one', state: 'away', since: 3, unread }] };
    inner.listener.snapshot([peer('a')], []);
    expect(recorder.calls.at(-1)).toBe('changes -other');
    inner.become('synced');
    expect(recorder.calls.at(-1)).toBe('changes -gone');
  });

  it('tells no change where nothing is different', async () => {
    await leave([peer('a')]);
    const { inner, recorder } = start({ patience: 1, interval: 1 });
    await until(() => expect(recorder.calls).toEqual(['snapshot a']));
    inner.listener.snapshot([peer('a')], []);
    expect(recorder.calls).toEqual(['snapshot a', 'changes ']);
  });

  it('leaves the file alone where the datastore answers while that is read', async () => {
    await leave([peer('a')]);
    const { inner, datastore, recorder } = start();
    inner.become('away');
    inner.listener.snapshot([peer('b')], []);
    await datastore.stop();
    expect(recorder.calls).toEqual(['snapshot b']);
  });

  it('waits while there is nothing on disk', async () => {
    const { inner, recorder } = start();
    inner.become('away');
    await until(() => expect(recorder.states).toHaveLength(1));
    inner.listener.snapshot([], []);
    expect(recorder.calls).toEqual(['snapshot ']);
  });

  it('names a file that it can not use, and goes on without it', async () => {
    mkdirSync(join(directory, 'cache'));
    writeFileSync(path(), 'rubbish\n');
    const { inner, datastore, recorder } = start();
    inner.become('away');
    const words = `connection refused; the last known state ${path()} is damaged: its checksum is not that of its contents: it is ignored`;
    await until(() => expect(datastore.status.lastError?.words).toBe(words));
    expect(recorder.states.at(-1)?.lastError?.words).toBe(words);
    inner.listener.snapshot([peer('a')], []);
    expect(recorder.calls).toEqual(['snapshot a']);
    await until(() => expect(readFileSync(path(), 'utf8')).toContain('"a"'));
  });

  it('says that Secrets are missing as long as they are', async () => {
    await leave([peer('a'), secret()]);
    const { inner, recorder } = start();
    inner.become('away');
    await until(() => expect(recorder.calls).toEqual(['snapshot a']));
    expect(recorder.problems).toMatchObject([{ source: path(), message: expect.stringMatching(/^holds no Secrets/) }]);
    inner.listener.snapshot([peer('a'), secret()], []);
    expect(recorder.calls.at(-1)).toBe('changes keys');
    expect(recorder.problems).toEqual([]);
  });

  it('says while nothing can be written', async () => {
    writeFileSync(join(directory, 'cache'), 'a file');
    const { inner, recorder } = start();
    inner.listener.snapshot([peer('a')], []);
    await until(() =>
      expect(recorder.problems).toMatchObject([{ message: expect.stringMatching(/can't be written/) }]),
    );
    rmSync(join(directory, 'cache'));
    await until(() => expect(recorder.problems).toEqual([]));
    expect(existsSync(path())).toBe(true);
  });
});
