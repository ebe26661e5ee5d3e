import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DatastoreWriter, SourcedProblem } from '../datastore/datastore.ts';
import { ProblemReports } from './problem-reports.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const problem = (name: string, more: Partial<SourcedProblem> = {}): SourcedProblem => {
  return {
    source: `BGPPeer/${name}`,
    kind: 'BGPPeer',
    name,
    path: [],
    message: 'is wrong',
    severity: 'error',
    ...more,
  };
};

function start(report: DatastoreWriter['report']) {
  const writer = { patchNode: vi.fn(), writeNodeStatus: vi.fn(), ...(report !== undefined && { report }) };
  const failed = vi.fn();
  return { reports: new ProblemReports(() => writer, failed), failed };
}

describe('ProblemReports', () => {
  it('tells each problem of an object once', async () => {
    const told: (string | undefined)[] = [];
    const { reports } = start(async ({ name }) => void told.push(name));
    for (let i = 0; i < 3; i++) reports.add(problem('a'));
    reports.add({ source: 'cache', path: [], message: 'of no object', severity: 'error' });
    await vi.runAllTimersAsync();
    reports.add(problem('a'));
    reports.add(problem('b'));
    await vi.runAllTimersAsync();
    expect(told).toEqual(['a', 'b']);
  });

  it('tells many of them bit by bit', async () => {
    const report = vi.fn(() => Promise.resolve());
    const { reports } = start(report);
    for (let i = 0; i < 25; i++) reports.add(problem(`peer-${i}`));
    await vi.advanceTimersByTimeAsync(1000);
    expect(report).toHaveBeenCalledTimes(10);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(report).toHaveBeenCalledTimes(25);
  });

  it('goes on where one is not taken', async () => {
    const report = vi.fn(() => Promise.reject(new Error('forbidden')));
    const { reports, failed } = start(report);
    reports.add(problem('a'));
    reports.add(problem('b'));
    await vi.runAllTimersAsync();
    expect(report).toHaveBeenCalledTimes(2);
    expect(failed).toHaveBeenCalledTimes(2);
  });
});
