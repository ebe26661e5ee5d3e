import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_VIEW, applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { isJsonObject } from '../resources/resource.ts';
import type { DatastoreListener, SourcedProblem } from './datastore.ts';
import { ResourceCollector } from './resource-collector.ts';
import type { RawItem } from './raw-item.ts';

const peer = (name: string, asNumber: unknown = 64_513, version?: string): RawItem => ({
  key: name,
  place: `BGPPeer/${name}`,
  value: {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name },
    spec: { peerIP: '192.0.2.1', asNumber },
  },
  ...(version !== undefined && { version }),
});

/** Remembers what it was told: of each call the names that changed, `-name` for one that is gone. */
class Recorder implements DatastoreListener {
  view: ClusterView = EMPTY_VIEW;
  problems: readonly SourcedProblem[] = [];
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

  status(): void {
    throw new Error('the status is told by the datastore');
  }

  get peers(): string[] {
    return this.view.list('BGPPeer').map(({ metadata, spec }) => `${metadata.name} ${spec.asNumber}`);
  }

  get messages(): string[] {
    return this.problems.map(({ source, message }) => `${source}: ${message}`);
  }
}

let recorder: Recorder;

beforeEach(() => {
  recorder = new Recorder();
});

describe('the snapshot', () => {
  it('is told once every source was heard of, and not again', () => {
    const collector = new ResourceCollector(recorder, ['a', 'b']);
    collector.replace('a', [peer('x')]);
    collector.flush();
    expect(recorder.calls).toEqual([]);
    collector.replace('b', [peer('y')]);
    collector.flush();
    collector.flush();
    expect(recorder.calls).toEqual([['x', 'y']]);
  });

  it('is told where there is nothing at all', () => {
    const collector = new ResourceCollector(recorder, ['a']);
    collector.replace('a', []);
    collector.flush();
    expect(recorder.calls).toEqual([[]]);
  });

  it('has what came bit by bit', () => {
    const collector = new ResourceCollector(recorder, ['a']);
    collector.put('a', peer('x'));
    collector.put('a', peer('y'));
    collector.flush();
    collector.retain('a', new Set(['y']));
    collector.flush();
    expect(recorder.calls).toEqual([['y']]);
  });
});

describe('changes', () => {
  let collector: ResourceCollector;

  beforeEach(() => {
    collector = new ResourceCollector(recorder, ['a', 'b']);
    collector.replace('a', [peer('x'), peer('y')]);
    collector.replace('b', []);
    collector.flush();
    recorder.calls.length = 0;
  });

  it('are told together', () => {
    collector.put('a', peer('x', 65_000));
    collector.delete('a', 'y');
    collector.put('b', peer('z'));
    collector.flush();
    expect(recorder.calls).toEqual([['x', '-y', 'z']]);
    expect(recorder.peers).toEqual(['x 65000', 'z 64513']);
  });

  it('are none where an object comes to what it was', () => {
    collector.put('a', peer('x', '64513'));
    collector.put('a', peer('y', 1));
    collector.put('a', peer('y'));
    collector.delete('a', 'nothing');
    collector.flush();
    expect(recorder.calls).toEqual([]);
  });

  it('are told after a list as the difference to what was held', () => {
    collector.replace('a', [peer('x'), peer('new')]);
    collector.flush();
    expect(recorder.calls.map((call) => call.toSorted())).toEqual([['-y', 'new']]);
  });

  it('do not flap where an object moves from one source to another', () => {
    collector.put('b', peer('x'));
    collector.flush();
    collector.delete('a', 'x');
    collector.flush();
    expect(recorder.calls).toEqual([]);
    collector.delete('b', 'x');
    collector.flush();
    expect(recorder.calls).toEqual([['-x']]);
  });

  it('are not looked for where the version says that there are none', () => {
    collector.put('a', peer('x', 1, '7'));
    collector.put('a', peer('x', 2, '7'));
    collector.flush();
    expect(recorder.peers).toContain('x 1');
  });
});

describe('a bad object', () => {
  let collector: ResourceCollector;

  beforeEach(() => {
    collector = new ResourceCollector(recorder, ['a']);
    collector.replace('a', [peer('x'), peer('bad', -1)]);
    collector.flush();
  });

  it('is reported with its place, and skipped', () => {
    expect(recorder.peers).toEqual(['x 64513']);
    expect(recorder.messages).toEqual([
      expect.stringMatching(/^BGPPeer\/bad: BGPPeer "bad": spec\.asNumber: (?!.*in force)/),
    ]);
  });

  it('leaves its last good version in force', () => {
    collector.put('a', peer('x', -1));
    collector.flush();
    expect(recorder.peers).toEqual(['x 64513']);
    expect(recorder.messages[1]).toMatch(
      /^BGPPeer\/x: BGPPeer "x": spec\.asNumber: .*; what it was before stays in force$/,
    );
    expect(recorder.calls.at(-1)).toEqual([]);
    collector.delete('a', 'x');
    collector.flush();
    expect(recorder.peers).toEqual([]);
    expect(recorder.messages).toHaveLength(1);
  });

  it('leaves it in force also where it can not be taken apart at all', () => {
    collector.put('a', { key: 'x', place: '/x', value: undefined, unreadable: 'is not JSON' });
    collector.flush();
    expect(recorder.peers).toEqual(['x 64513']);
    expect(recorder.messages[0]).toBe('/x: BGPPeer "x": is not JSON; what it was before stays in force');
  });

  it('is told of again only when something is different', () => {
    const { length } = recorder.calls;
    const { problems } = recorder;
    collector.put('a', peer('bad', -1));
    collector.flush();
    expect(recorder.calls).toHaveLength(length);
    collector.put('a', peer('y'));
    collector.flush();
    expect(recorder.problems).toBe(problems);
    collector.put('a', peer('bad', 1));
    collector.flush();
    expect(recorder.problems).toEqual([]);
    expect(recorder.peers).toContain('bad 1');
  });
});

describe('a large cluster', () => {
  const node = (i: number, address: string): RawItem => ({
    key: `n${i}`,
    place: `Node/n${i}`,
    value: {
      apiVersion: 'projectcalico.org/v3',
      kind: 'Node',
      metadata: { name: `n${i}`, labels: { rack: `r${i % 40}` } },
      spec: { bgp: { ipv4Address: address } },
    },
  });

  it('costs a change what the change is', () => {
    const collector = new ResourceCollector(recorder, ['nodes']);
    collector.replace(
      'nodes',
      Array.from({ length: 2000 }, (_, i) => node(i, `10.0.${i >> 8}.${i & 255}/16`)),
    );
    collector.flush();
    const told: number[] = [];
    recorder.changes = (changes) => void told.push(changes.length);
    for (let i = 0; i < 500; i += 1) {
      collector.put('nodes', node(i, `10.1.${i >> 8}.${i & 255}/16`));
      collector.flush();
    }
    expect(told).toEqual(Array.from({ length: 500 }, () => 1));
  });
});

describe('whatever a source holds', () => {
  const texts = fc.constantFrom('', '{', 'all()', 'a ==', '10.0.0.1', '10.0.0.0/8', '{"labels":5}', 'x'.repeat(300));
  // Not the name: with another one it is another resource.
  const names = ['metadata', 'labels', 'annotations', 'spec', 'peerIP', 'password', 'secretKeyRef', '__proto__'];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      texts,
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(fc.tuple(fc.constantFrom(...names), tie('value'))).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  const spec = fc.dictionary(fc.constantFrom('asNumber', 'peerIP', 'nodeSelector', 'password', 'filters', 'x'), value);

  it('is told or named, and takes away nothing that was good', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            value,
            spec.map((fields) => ({ spec: fields })),
          ),
          { maxLength: 5 },
        ),
        (values) => {
          const heard = new Recorder();
          const all = new ResourceCollector(heard, ['s']);
          all.replace('s', [peer('a'), peer('b')]);
          all.flush();
          for (const item of values) {
            const manifest = isJsonObject(item) ? { ...(peer('a').value as object), ...item } : item;
            all.put('s', { ...peer('a'), value: manifest });
            all.flush();
            const errors = heard.problems.filter(({ severity }) => severity === 'error');
            const [a] = heard.view.list('BGPPeer').filter(({ metadata }) => metadata.name === 'a');
            expect(a !== undefined || errors.length === 0).toBe(true);
            for (const { source, kind, name, message } of errors) {
              expect([source, kind, name]).toEqual(['BGPPeer/a', 'BGPPeer', 'a']);
              expect(message).toMatch(/^BGPPeer "a": .+; what it was before stays in force$/s);
            }
          }
          expect(heard.view.get('BGPPeer', 'b')).toBeDefined();
        },
      ),
      { numRuns: 200 },
    );
  });
});
