import { describe, expect, it } from 'vitest';
import { HEALTHY } from '../../test/support/fake-status.ts';
import { readinessChecks } from './readiness.ts';
import type { PeerRequirement } from './readiness.ts';
import type { StatusReport } from './types.ts';

function failing(change: Partial<StatusReport>, peers: PeerRequirement = 'any'): string[] {
  return readinessChecks({ ...HEALTHY, ...change }, peers)
    .filter((check) => !check.ok)
    .map((check) => check.words);
}

describe('readiness', () => {
  it('needs the configuration, a synced datastore and a kernel in sync', () => {
    const lastError = { words: 'network is unreachable', at: HEALTHY.started };
    expect(failing({})).toEqual([]);
    expect(failing({ configLoaded: false })).toEqual(['configuration not loaded']);
    expect(failing({ datastore: { ...HEALTHY.datastore, state: 'syncing' } })).toEqual([
      'file datastore has not given all resources yet',
    ]);
    expect(failing({ fib: { ...HEALTHY.fib, inSync: false, installed: 8, lastError } })).toEqual([
      'kernel has 8 of 9 routes: network is unreachable',
    ]);
  });

  it('outlives a datastore that goes away, and a kernel that is not written to', () => {
    const cached = { ...HEALTHY.datastore, state: 'cached' as const, cacheWritten: HEALTHY.datastore.since };
    expect(failing({ datastore: cached })).toEqual([]);
    const [, check] = readinessChecks({ ...HEALTHY, datastore: cached }, 'none');
    expect(check.words).toMatch(/^file datastore away; serving from the last known state on disk, written at 2026-/);
    expect(failing({ fib: { ...HEALTHY.fib, enabled: false, inSync: false } })).toEqual([]);
  });

  it.each<[PeerRequirement, StatusReport['peers'], boolean]>([
    ['none', { total: 2, established: 0, disabled: 0, kept: 0, held: 0 }, true],
    ['any', { total: 2, established: 0, disabled: 0, kept: 0, held: 0 }, false],
    ['any', { total: 2, established: 1, disabled: 0, kept: 0, held: 0 }, true],
    ['any', { total: 0, established: 0, disabled: 0, kept: 0, held: 0 }, true],
    ['all', { total: 2, established: 1, disabled: 0, kept: 0, held: 0 }, false],
    ['all', { total: 2, established: 1, disabled: 1, kept: 0, held: 0 }, true],
    ['all', { total: 2, established: 2, disabled: 0, kept: 0, held: 0 }, true],
  ])('with peers=%s and %o: %s', (requirement, peers, ready) => {
    expect(failing({ peers }, requirement).length === 0).toBe(ready);
  });
});
