import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EMPTY_VIEW, applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { DatastoreListener, DatastoreStatus, SourcedProblem } from './datastore.ts';
import { FileDatastore } from './file-datastore.ts';
import { loadResources } from './load-resources.ts';

const peer = (name: string, as = 64513) =>
  `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: {peerIP: 192.0.2.1, asNumber: ${as}}\n---\n`;

/** Remembers what it was told. */
class Recorder implements DatastoreListener {
  view: ClusterView = EMPTY_VIEW;
  problems: readonly SourcedProblem[] = [];
  readonly states: DatastoreStatus['state'][] = [];
  /** What each call changed: names for snapshot and upsert, `-name` for delete. */
  readonly calls: string[][] = [];

  snapshot(...[resources, problems]: Parameters<DatastoreListener['snapshot']>): void {
    this.view = clusterView(resources);
    this.problems = problems;
    this.calls.push(resources.map(({ metadata }) => metadata.name));
  }

  changes(...[changes, problems]: Parameters<DatastoreListener['changes']>): void {
    this.view = applyChanges(this.view, changes);
    this.problems = problems;
    this.calls.push(
      changes.map((change) => (change.type === 'delete' ? `-${change.name}` : change.resource.metadata.name)),
    );
  }

  status({ state }: DatastoreStatus): void {
    this.states.push(state);
  }

  /** Peers as `name AS`. */
  get peers(): string[] {
    return this.view.list('BGPPeer').map(({ metadata, spec }) => `${metadata.name} ${spec.asNumber}`);
  }
}

let directory: string;
let running: FileDatastore[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'starling-datastore-'));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((datastore) => datastore.stop()));
  rmSync(directory, { recursive: true, force: true });
});

const at = (...names: string[]) => join(directory, ...names);
const write = (name: string, text: string) => writeFileSync(at(name), text);
const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 5000, interval: 10 });

async function started(path = directory, options: { usePodCidr?: boolean } = {}): Promise<Recorder> {
  const recorder = new Recorder();
  const datastore = new FileDatastore(path, options);
  running.push(datastore);
  datastore.start(recorder);
  await until(() => expect(recorder.states).not.toEqual([]));
  return recorder;
}

describe('FileDatastore', () => {
  it('gives a snapshot of all files, however deep, and says that it is in sync', async () => {
    mkdirSync(at('racks', 'a'), { recursive: true });
    write('racks/a/peer.yml', peer('a'));
    write('b.json', JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } }));
    write('readme.md', peer('no'));
    write('.hidden.yaml', peer('no'));
    const recorder = await started();
    expect(recorder.states).toEqual(['synced']);
    expect(recorder.calls).toEqual([['node', 'a']]);
    expect(running[0].status).toMatchObject({ type: 'file', state: 'synced' });
  });

  it('makes blocks of pod CIDRs where that is asked for, and follows them', async () => {
    const node = (podCIDR: string) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { podCIDR } });
    write('n.json', node('10.244.1.0/24'));
    const recorder = await started(directory, { usePodCidr: true });
    expect(recorder.calls).toEqual([['n', 'n-10-244-1-0-24']]);
    write('n.json', node('10.244.2.0/24'));
    await until(() => expect(recorder.calls).toHaveLength(2));
    expect(recorder.calls[1]).toEqual(['-n-10-244-1-0-24', 'n', 'n-10-244-2-0-24']);
  });

  it('tells only what is different', async () => {
    write('a.yaml', peer('a') + peer('b') + peer('c'));
    const recorder = await started();
    write('a.yaml', `# a note\n${peer('b', 1)}${peer('c')}${peer('d')}`);
    await until(() => expect(recorder.calls).toHaveLength(2));
    expect(recorder.calls[1]).toEqual(['-a', 'b', 'd']);
    write('a.yaml', peer('b', 1) + peer('c') + peer('d'));
    write('b.yaml', peer('e'));
    await until(() => expect(recorder.calls).toHaveLength(3));
    expect(recorder.calls[2]).toEqual(['e']);
  });

  it('misses no change, however fast they follow each other', async () => {
    const recorder = await started();
    for (let as = 1; as <= 200; as++) {
      write('a.yaml', peer('a', as));
      if (as % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => expect(recorder.peers).toEqual(['a 200']));
    write('a.yaml', peer('a', 201));
    await until(() => expect(recorder.peers).toEqual(['a 201']));
  });

  it('follows files that are replaced, moved and deleted', async () => {
    write('a.yaml', peer('a'));
    const recorder = await started();
    write('a.yaml.new', peer('a', 2));
    renameSync(at('a.yaml.new'), at('a.yaml'));
    await until(() => expect(recorder.peers).toEqual(['a 2']));
    mkdirSync(at('deep', 'er'), { recursive: true });
    renameSync(at('a.yaml'), at('deep', 'er', 'a.yaml'));
    write('deep/b.yaml', peer('b'));
    await until(() => expect(recorder.peers).toEqual(['a 2', 'b 64513']));
    write('deep/er/a.yaml', peer('a', 3));
    await until(() => expect(recorder.peers).toEqual(['a 3', 'b 64513']));
    rmSync(at('deep'), { recursive: true });
    await until(() => expect(recorder.peers).toEqual([]));
    mkdirSync(at('deep'));
    write('deep/c.yaml', peer('c'));
    await until(() => expect(recorder.peers).toEqual(['c 64513']));
  });

  it('follows the links of a ConfigMap volume', async () => {
    const version = (name: string, as: number) => {
      mkdirSync(at(name));
      write(`${name}/a.yaml`, peer('a', as));
      symlinkSync(name, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
    };
    version('..1', 1);
    symlinkSync('..data/a.yaml', at('a.yaml'));
    const recorder = await started();
    expect(recorder.peers).toEqual(['a 1']);
    version('..2', 2);
    rmSync(at('..1'), { recursive: true });
    await until(() => expect(recorder.peers).toEqual(['a 2']));
    version('..3', 3);
    await until(() => expect(recorder.peers).toEqual(['a 3']));
  });

  it('follows links to elsewhere, and does not go in circles', async () => {
    mkdirSync(at('root'));
    mkdirSync(at('elsewhere'));
    write('elsewhere/a.yaml', peer('a', 1));
    symlinkSync('../elsewhere/a.yaml', at('root', 'a.yaml'));
    symlinkSync('.', at('root', 'loop'));
    symlinkSync('nowhere', at('root', 'dangling.yaml'));
    const recorder = await started(at('root'));
    expect(recorder.peers).toEqual(['a 1']);
    write('elsewhere/a.yaml', peer('a', 2));
    await until(() => expect(recorder.peers).toEqual(['a 2']));
  });

  it('reads a single file, also when it is replaced', async () => {
    write('a.conf', peer('a'));
    const recorder = await started(at('a.conf'));
    write('other.yaml', peer('no'));
    write('new', peer('a', 2));
    renameSync(at('new'), at('a.conf'));
    await until(() => expect(recorder.peers).toEqual(['a 2']));
  });

  it('waits for a directory that is made later, and keeps all when it goes away', async () => {
    const recorder = await started(at('etc', 'starling', 'resources'));
    expect(recorder.states).toEqual(['away']);
    expect(recorder.calls).toEqual([]);
    expect(running[0].status.lastError?.words).toBe(
      `${at('etc', 'starling', 'resources')} can't be read: no such file or directory`,
    );
    mkdirSync(at('etc', 'starling', 'resources'), { recursive: true });
    write('etc/starling/resources/a.yaml', peer('a'));
    await until(() => expect(recorder.peers).toEqual(['a 64513']));
    renameSync(at('etc'), at('gone'));
    await until(() => expect(recorder.states).toEqual(['away', 'synced', 'away']));
    expect(recorder.peers).toEqual(['a 64513']);
    write('gone/starling/resources/a.yaml', peer('a', 2));
    renameSync(at('gone'), at('etc'));
    await until(() => expect(recorder.peers).toEqual(['a 2']));
    expect(recorder.states).toEqual(['away', 'synced', 'away', 'synced']);
  });

  it('keeps what a file held while it is broken, and names it', async () => {
    write('a.yaml', peer('a') + peer('b'));
    const recorder = await started();
    write('a.yaml', `${peer('a', 2)}spec: [`);
    await until(() => expect(recorder.problems).toHaveLength(1));
    expect(recorder.problems[0]).toMatchObject({
      source: `${at('a.yaml')}:6:8`,
      severity: 'error',
      message: expect.stringMatching(/^not valid YAML: .*; what the file held before stays in force$/),
    });
    expect(recorder.calls).toEqual([['a', 'b'], []]);
    write('a.yaml', peer('a', 2));
    await until(() => expect(recorder.peers).toEqual(['a 2']));
    expect(recorder.problems).toEqual([]);
  });

  it('takes the first of duplicates, and the other when the first is gone', async () => {
    write('a.yaml', peer('x', 1));
    write('b.yaml', peer('x', 2) + peer('y') + peer('y', 3));
    const recorder = await started();
    expect(recorder.peers).toEqual(['x 1', 'y 64513']);
    expect(recorder.problems.map(({ source, message }) => `${source}: ${message}`)).toEqual([
      `${at('b.yaml')}:1:1: BGPPeer "x": is defined already in ${at('a.yaml')}:1:1; this one is ignored`,
      `${at('b.yaml')}:11:1: BGPPeer "y": is defined already in ${at('b.yaml')}:6:1; this one is ignored`,
    ]);
    rmSync(at('a.yaml'));
    await until(() => expect(recorder.peers).toEqual(['x 2', 'y 64513']));
  });

  it('says nothing after it was stopped', async () => {
    const recorder = await started();
    write('a.yaml', peer('a'));
    await running[0].stop();
    const calls = recorder.calls.length;
    write('b.yaml', peer('b'));
    const other = await started();
    await until(() => expect(other.peers).toHaveLength(2));
    expect(recorder.calls).toHaveLength(calls);
  });
});

describe('loadResources', () => {
  it('reads once', async () => {
    write('a.yaml', peer('a') + peer('a'));
    const { resources, problems } = await loadResources(directory);
    expect(resources.map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(problems).toHaveLength(1);
  });

  it('refuses a path where nothing is', async () => {
    await expect(loadResources(at('nothing'))).rejects.toMatchObject({
      code: 'DATASTORE_UNREADABLE',
      message: `${at('nothing')} can't be read: no such file or directory`,
    });
  });
});
