import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { ResourceFeed } from './resource-feed.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function peer(name: string): Extract<Change, { type: 'upsert' }> {
  const spec = { peerIP: '192.0.2.1', asNumber: 1 };
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec });
  if (!parsed.ok) throw new Error('no peer');
  return { type: 'upsert', resource: parsed.resource };
}

function resource(manifest: object) {
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

function service(name: string) {
  return resource({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: {} });
}

function slice(name: string) {
  const metadata = { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } };
  return resource({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4' });
}

function start(taken: () => Promise<void> = () => Promise.resolve()) {
  const log: string[] = [];
  const feed = new ResourceFeed({
    now: Date.now,
    first: () => log.push('first'),
    taken: (view: ClusterView) => {
      log.push(
        view
          .list('BGPPeer')
          .map(({ metadata }) => metadata.name)
          .join(' '),
      );
      return taken();
    },
    troubled: ({ message }) => log.push(`! ${message}`),
    services: {
      snapshot: (resources) => log.push(...resources.map(({ kind, metadata }) => `= ${kind} ${metadata.name}`)),
      changes: (changes) =>
        log.push(
          ...changes.map((change) =>
            change.type === 'upsert' ? `+ ${change.resource.metadata.name}` : `- ${change.name}`,
          ),
        ),
    },
  });
  return { feed, log };
}

const problem = (message: string) => ({ source: 'file', path: [], message, severity: 'error' as const });

describe('ResourceFeed', () => {
  it('takes a first change at once, and the next ones together', async () => {
    const { feed, log } = start();
    feed.snapshot([peer('a').resource], []);
    expect(log).toEqual(['first', 'a']);
    await vi.advanceTimersByTimeAsync(1000);
    feed.changes([peer('b')], []);
    expect(log.at(-1)).toBe('a b');
    for (const name of ['c', 'd', 'e']) feed.changes([peer(name)], []);
    expect(feed.latest.list('BGPPeer')).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(99);
    expect(log).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(log.slice(3)).toEqual(['a b c d e']);
    expect(feed.count).toBe(5);
  });

  it('waits until a batch is done', async () => {
    let done = (): void => {};
    const { feed, log } = start(() => new Promise((resolve) => (done = resolve)));
    feed.snapshot([], []);
    feed.changes([peer('a')], []);
    feed.changes([{ type: 'delete', kind: 'BGPPeer', name: 'a' }, peer('b')], []);
    await vi.advanceTimersByTimeAsync(1000);
    expect(log).toEqual(['first', '']);
    done();
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['first', '', 'b']);
    feed.changes([peer('c')], []);
    feed.stop();
    done();
    await vi.advanceTimersByTimeAsync(1000);
    expect(log).toHaveLength(3);
  });

  it('passes services on at once, and makes no batch of them', async () => {
    const { feed, log } = start();
    feed.snapshot([service('a'), peer('p').resource, slice('a-1')], []);
    expect(log).toEqual(['first', '= Service a', '= EndpointSlice a-1', 'p']);
    feed.changes([{ type: 'upsert', resource: service('b') }], []);
    feed.changes([{ type: 'delete', kind: 'EndpointSlice', namespace: 'default', name: 'a-1' }, peer('q')], []);
    expect(log.slice(4)).toEqual(['+ b', '- a-1']);
    expect(feed.latest.list('Service')).toEqual([]);
    expect(feed.complete.list('Service').map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(feed.complete.list('BGPPeer')).toHaveLength(2);
    expect(feed.complete.list('EndpointSlice')).toEqual([]);
    expect(feed.count).toBe(6);
    await vi.advanceTimersByTimeAsync(1000);
    expect(log.slice(6)).toEqual(['p q']);
    expect(feed.counts).toEqual({ BGPPeer: 2, Service: 2 });
    feed.changes([{ type: 'upsert', resource: slice('b') }], []);
    await vi.advanceTimersByTimeAsync(1000);
    expect(log.slice(7)).toEqual(['+ b']);
  });

  it('tells each problem once as long as it is there', () => {
    const { feed, log } = start();
    feed.snapshot([], [problem('one')]);
    feed.changes([], [problem('one'), problem('two')]);
    feed.changes([], []);
    feed.changes([], [problem('one')]);
    expect(log.filter((words) => words.startsWith('!'))).toEqual(['! one', '! two', '! one']);
  });
});
