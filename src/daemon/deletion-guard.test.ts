import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EMPTY_VIEW, applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { DeletionGuard } from './deletion-guard.ts';
import { EventLog } from '../process/event-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function resource(kind: string, name: string, spec: object): AnyResource {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const BLOCK = resource('BlockAffinity', 'n1-a', { cidr: '10.244.1.0/26', node: 'n1', state: 'confirmed' });
const POOL = resource('IPPool', 'pods', { cidr: '10.244.0.0/16' });
const FILTER = resource('BGPFilter', 'f', {});
const ALL = [BLOCK, POOL, FILTER];

const removal = ({ kind, metadata: { name } }: AnyResource): Change => ({ type: 'delete', kind, name });
const upsert = (one: AnyResource): Change => ({ type: 'upsert', resource: one });
const PROBLEM = { source: 'file', path: [], message: 'bad', severity: 'error' as const };

function start() {
  const events = new EventLog(() => 0);
  const words: string[] = [];
  events.subscribe(({ subject, words: text }, level) => void words.push(`${level} ${subject}: ${text}`));
  let view: ClusterView = EMPTY_VIEW;
  let leaves = false;
  const problems: number[] = [];
  const guard = new DeletionGuard({
    node: 'n1',
    limits: () => ({ enabled: true, maxWithdrawPercent: 50, holdTime: 10 }),
    leaves: () => leaves,
    events,
    view: () => view,
    listener: {
      snapshot: (resources) => void (view = clusterView(resources)),
      changes: (changes, { length }) => {
        view = applyChanges(view, changes);
        problems.push(length);
      },
    },
  });
  const names = () => ALL.map(({ kind, metadata: { name } }) => view.get(kind, name)?.metadata.name ?? '-').join(' ');
  guard.snapshot(ALL, []);
  const leave = (on: boolean): void => {
    leaves = on;
    guard.leave();
  };
  return { guard, words, names, leave, problems };
}

describe('a datastore that is emptied', () => {
  it('leaves blocks and pools for the hold time, which is told and shown', async () => {
    const { guard, words, names, problems } = start();
    guard.changes(ALL.map(removal), [PROBLEM]);
    expect(names()).toBe('n1-a pods -');
    expect([guard.holdsBlock('10.244.1.0/26'), guard.holdsBlock('10.244.0.0/16')]).toEqual([true, false]);
    expect(words).toEqual([
      'warn pods: 1 of 1 BlockAffinities of this node and 1 of 1 IPPools are deleted at once, and the limit is 50 % (services.guard): they stay in force for 10 s; one of them is BlockAffinity "n1-a"',
    ]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(guard.problems).toEqual([
      'Deleted in the datastore, and kept for 9 s in case that is a mistake: BlockAffinity "n1-a", IPPool "pods".',
    ]);
    await vi.advanceTimersByTimeAsync(8999);
    expect(names()).toBe('n1-a pods -');
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toBe('- - -');
    expect(words.slice(1)).toEqual([expect.stringMatching(/^warn pods: 2 blocks and pools .* count as deleted/)]);
    expect([guard.problems, problems]).toEqual([[], [1, 1]]);
  });

  it('and filled again is as if nothing had been', async () => {
    const { guard, words, names } = start();
    guard.changes(ALL.map(removal), []);
    await vi.advanceTimersByTimeAsync(5000);
    guard.changes(ALL.map(upsert), []);
    expect(words.slice(1)).toEqual([
      expect.stringMatching(/^info pods: 2 blocks and pools .* are there again, and stay/),
    ]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(names()).toBe('n1-a pods f');
    expect([guard.problems, words.length]).toEqual([[], 2]);
  });

  it('is followed at once by a node that leaves', () => {
    const { guard, names, words, leave } = start();
    guard.changes([removal(BLOCK)], []);
    expect(words).toEqual([
      expect.stringMatching(/^warn pods: 1 of 1 BlockAffinities of this node are deleted at once/),
    ]);
    leave(false);
    expect(names()).toBe('n1-a pods f');
    leave(true);
    expect(names()).toBe('- pods f');
    guard.changes([removal(POOL)], []);
    expect(names()).toBe('- - f');
  });

  it('is of no matter to a daemon that has stopped', async () => {
    const { guard, names } = start();
    guard.changes([removal(BLOCK)], []);
    guard.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(names()).toBe('n1-a pods f');
  });
});
