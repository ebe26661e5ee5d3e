import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SourcedProblem } from '../datastore/datastore.ts';
import { sourcedProblem } from '../datastore/sourced-problem.ts';
import type { PolicyProblem } from '../policy/problem.ts';
import { ResourceProblems } from './resource-problems.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const BAD: SourcedProblem = sourcedProblem(
  'a.yaml:3:1',
  { kind: 'Tier', name: 't', namespace: undefined },
  { path: ['spec', 'order'], message: 'must be a number', severity: 'error' },
);

const TAKEN: PolicyProblem = {
  kind: 'HostEndpoint',
  name: 'h',
  path: [],
  message: 'is not enforced',
  severity: 'warning',
};

it('tells each problem once, soon after it came, and all of them at once when asked', async () => {
  const found: string[] = [];
  let ofDatastore: readonly SourcedProblem[] = [BAD];
  let ofPolicies: readonly PolicyProblem[] = [];
  const problems = new ResourceProblems({
    ofDatastore: () => ofDatastore,
    ofPolicies: () => ofPolicies,
    writer: () => undefined,
    found: ({ message }) => found.push(message),
    failed: () => {},
  });
  problems.changed();
  expect(found).toEqual([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(found).toEqual(['Tier "t": spec.order: must be a number']);
  ofPolicies = [TAKEN];
  problems.changed();
  expect(problems.words).toEqual([
    'a.yaml:3:1: Tier "t": spec.order: must be a number',
    'HostEndpoint/h: HostEndpoint "h": is not enforced',
  ]);
  expect(problems.invalid).toBe(1);
  expect(found).toHaveLength(2);
  ofDatastore = [];
  problems.changed();
  await vi.advanceTimersByTimeAsync(1000);
  expect(problems.words).toHaveLength(1);
  expect(found).toHaveLength(2);
});

it('tells errors at the object, and of policies warnings too', async () => {
  const told: (string | undefined)[] = [];
  const problem = (kind: string, severity: 'error' | 'warning') =>
    sourcedProblem(`${kind}/a`, { kind, name: severity, namespace: undefined }, { path: [], message: 'x', severity });
  const problems = new ResourceProblems({
    ofDatastore: () => [problem('IPPool', 'error'), problem('IPPool', 'warning')],
    ofPolicies: () => [{ kind: 'GlobalNetworkPolicy', name: 'p', path: [], message: 'x', severity: 'warning' }],
    writer: () => ({
      patchNode: vi.fn(),
      writeNodeStatus: vi.fn(),
      report: async ({ kind, name }) => void told.push(`${kind} ${name}`),
    }),
    found: () => {},
    failed: () => {},
  });
  problems.changed();
  await vi.advanceTimersByTimeAsync(1000);
  expect(told).toEqual(['IPPool error', 'GlobalNetworkPolicy p']);
});
