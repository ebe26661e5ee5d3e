import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DatastoreWriter } from '../datastore/datastore.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { NodeStatusReports } from './node-status-reports.ts';

function wish(name: string, spec: object): AnyResource {
  const manifest = { apiVersion: 'projectcalico.org/v3', kind: 'CalicoNodeStatus', metadata: { name }, spec };
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error('not a CalicoNodeStatus');
  return parsed.resource;
}

function start() {
  const seen = { written: [] as string[], words: [] as string[], failure: undefined as Error | undefined, cut: false };
  const writer: DatastoreWriter = {
    patchNode: () => Promise.resolve(),
    writeNodeStatus: (name, status) => {
      if (seen.failure !== undefined) return Promise.reject(seen.failure);
      seen.written.push(`${name} ${status.lastUpdated}`);
      return Promise.resolve();
    },
  };
  const reports = new NodeStatusReports({
    node: 'node-1',
    writer: () => writer,
    report: (classes) => Promise.resolve({ status: { lastUpdated: classes.join('+') }, cut: seen.cut }),
    troubled: (name, words) => seen.words.push(`${name}: ${words}`),
  });
  return { reports, seen };
}

const OURS = wish('ours', { node: 'node-1', classes: ['Agent', 'BGP'], updatePeriodSeconds: 10 });

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('reports for CalicoNodeStatuses', () => {
  it('are written at once and then each period, for this node only', async () => {
    const { reports, seen } = start();
    const others = wish('others', { node: 'node-2', classes: ['BGP'], updatePeriodSeconds: 10 });
    const never = wish('never', { node: 'node-1', classes: ['BGP'], updatePeriodSeconds: 0 });
    reports.take(clusterView([OURS, others, never]));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(seen.written).toEqual(['ours Agent+BGP']);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(seen.written).toHaveLength(3);
    reports.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.written).toHaveLength(3);
  });

  it('follow changes of what is asked for', async () => {
    const { reports, seen } = start();
    reports.take(clusterView([OURS]));
    await vi.advanceTimersByTimeAsync(1_000);
    reports.take(clusterView([wish('ours', { node: 'node-1', classes: ['Routes'], updatePeriodSeconds: 3_600 })]));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.written).toEqual(['ours Agent+BGP', 'ours Routes']);
    reports.take(clusterView([]));
    await vi.advanceTimersByTimeAsync(7_200_000);
    expect(seen.written).toHaveLength(2);
  });

  it('say what is wrong once, and go on', async () => {
    const { reports, seen } = start();
    seen.failure = new Error('etcd is away');
    reports.take(clusterView([OURS]));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(seen.words).toEqual(['ours: the CalicoNodeStatus is not written: etcd is away']);
    seen.failure = undefined;
    seen.cut = true;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(seen.written).toHaveLength(2);
    expect(seen.words).toHaveLength(2);
    expect(seen.words[1]).toContain('more routes than a CalicoNodeStatus may hold');
    reports.stop();
  });
});
