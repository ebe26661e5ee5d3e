import { describe, expect, it } from 'vitest';
import { DatastoreRecorder } from '../../test/support/datastore-recorder.ts';
import type { Change } from '../resources/cluster-view.ts';
import { ResourceCollector } from './resource-collector.ts';

/** A source of Pods beside one of other things, and what is heard of them. */
function collect(heard = new DatastoreRecorder()) {
  const collector = new ResourceCollector(heard, ['others'], new Map([['pods', 'Pod']]));
  const put = (name: string, version: string, labels: unknown = {}) => {
    const value = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'x', labels }, spec: {}, status: {} };
    collector.put('pods', { key: `x/${name}`, place: `Pod/x/${name}`, version, value });
  };
  collector.retain('others', new Set());
  return { heard, collector, put };
}

describe('a source that is handed on', () => {
  it('is in the snapshot, once it was read', () => {
    const { heard, collector, put } = collect();
    put('a', '1');
    put('gone', '1');
    collector.flush();
    expect(heard.snapshots).toBe(0);
    collector.delete('pods', 'x/gone');
    collector.retain('pods', new Set(['x/a']));
    collector.flush();
    expect(heard.view.list('Pod').map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  it('tells what has another version, and what is gone', () => {
    const { heard, collector, put } = collect();
    put('a', '1');
    put('b', '1');
    collector.retain('pods', new Set(['x/a', 'x/b']));
    collector.flush();
    put('a', '1');
    put('b', '2', { app: 'b' });
    collector.flush();
    collector.retain('pods', new Set(['x/b']));
    collector.flush();
    expect(heard.changed).toEqual(['Pod b', '-Pod a']);
    expect(heard.view.get('Pod', 'b', 'x')?.metadata.labels).toEqual({ app: 'b' });
  });

  it('is told bit by bit before the snapshot, which is without it then, to who listens to that', () => {
    const early: string[] = [];
    let longest = 0;
    const listener = Object.assign(new DatastoreRecorder(), {
      early: (changes: readonly Change[]) => {
        longest = Math.max(longest, changes.length);
        for (const change of changes) {
          early.push(change.type === 'delete' ? `-${change.name}` : change.resource.metadata.name);
        }
      },
    });
    const { heard, collector, put } = collect(listener);
    const names = Array.from({ length: 200 }, (_, i) => `p${i}`);
    for (const name of names) put(name, '1');
    expect(early.length).toBeGreaterThan(100);
    expect(longest).toBeLessThan(100);
    collector.retain('pods', new Set(names.slice(1).map((name) => `x/${name}`)));
    collector.flush();
    expect(early).toEqual([...names, '-p0']);
    expect([heard.snapshots, heard.view.list('Pod')]).toEqual([1, []]);
    for (const name of names) put(name, '2');
    collector.flush();
    expect([early.length, heard.changed.length]).toEqual([201, 200]);
  });

  it('keeps what was good of an object that is wrong, and says so, until it is right or gone', () => {
    const { heard, collector, put } = collect();
    put('a', '1');
    put('never', '1', 'wrong');
    collector.retain('pods', new Set(['x/a', 'x/never']));
    collector.flush();
    expect(heard.problems).toMatchObject([{ source: 'Pod/x/never', kind: 'Pod', name: 'never' }]);
    put('a', '2', 'wrong');
    collector.flush();
    expect(heard.view.list('Pod')).toHaveLength(1);
    expect(heard.problems).toMatchObject([{ message: expect.stringContaining('stays in force') }, { name: 'never' }]);
    put('a', '3');
    collector.delete('pods', 'x/never');
    collector.flush();
    expect(heard.problems).toEqual([]);
    // What was never told is not said to be gone.
    expect(heard.changed).toEqual(['Pod a']);
  });
});
