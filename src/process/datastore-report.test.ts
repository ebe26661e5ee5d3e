import { describe, expect, it } from 'vitest';
import type { DatastoreStatus } from '../datastore/datastore.ts';
import { DatastoreLog } from './datastore-log.ts';
import { EventLog } from './event-log.ts';
import { datastoreProblems, datastoreReport } from './datastore-report.ts';

const NOW = 100_000;
const lastError = { words: 'forbidden', at: NOW };
const synced = { name: 'BGPPeer', state: 'synced', since: 1 } as const;

function problems(status: Omit<DatastoreStatus, 'type' | 'since'>, heard = true): string[] {
  const log = new DatastoreLog(new EventLog(() => NOW));
  return datastoreProblems(datastoreReport({ type: 'kubernetes', since: 1, ...status }, log, heard, NOW));
}

describe('what is wrong with the datastore', () => {
  it('is nothing while all of it can be read', () => {
    expect(problems({ state: 'synced', lastError, sources: [synced, { ...synced, lastError }] })).toEqual([]);
  });

  it('is that it is away, and what counts then', () => {
    const away = { state: 'away', lastError, sources: [{ ...synced, state: 'away', lastError }] } as const;
    const start = 'The kubernetes datastore is away: forbidden; ';
    expect(problems(away)).toEqual([`${start}what was last known stays in force.`]);
    expect(problems(away, false)).toEqual([`${start}nothing is known of it.`]);
    expect(problems({ ...away, cache: { writtenAt: 0, since: 2 } })).toEqual([
      `${start}what was written to disk at 1970-01-01T00:00:00.000Z is in force.`,
    ]);
  });

  it('is what keeps it away, not what a source said that answers again', () => {
    const tiers = { ...synced, name: 'Tier', lastError: { words: 'late', at: NOW } };
    const pods = { name: 'Pod', state: 'away', since: 1, lastError: { words: 'no pods', at: NOW - 1 } } as const;
    expect(problems({ state: 'away', lastError: tiers.lastError, sources: [tiers, pods] }, false)).toEqual([
      'The kubernetes datastore is away: no pods; nothing is known of it.',
    ]);
  });

  it('is each source that is away where the daemon does without', () => {
    const service = { name: 'Service', state: 'away', since: 1, lastError } as const;
    expect(problems({ state: 'synced', lastError, sources: [synced, service] })).toEqual([
      "Service can't be read from the kubernetes datastore: forbidden; what was last known of it stays in force.",
    ]);
  });
});
