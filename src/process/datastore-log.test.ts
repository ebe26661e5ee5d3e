import { describe, expect, it } from 'vitest';
import type { DatastoreStatus, SourceStatus } from '../datastore/datastore.ts';
import { DatastoreLog } from './datastore-log.ts';
import { EventLog } from './event-log.ts';

const status = (
  state: DatastoreStatus['state'],
  source: Partial<SourceStatus>,
  more: Partial<DatastoreStatus> = {},
) => {
  const sources = [{ name: 'Node', state, since: 0, ...source }];
  const { lastError } = source;
  return { type: 'etcd' as const, state, since: 0, sources, ...(lastError !== undefined && { lastError }), ...more };
};

describe('DatastoreLog', () => {
  it('tells what is new only, and counts errors', () => {
    const events = new EventLog(() => 0);
    const log = new DatastoreLog(events);
    const refused = (at: number) => ({ lastError: { words: 'connection refused', at } });
    log.take(status('away', refused(1)));
    log.take(status('away', refused(1)));
    log.take(status('away', refused(2), { cache: { writtenAt: 0, since: 2 } }));
    log.take(status('synced', { ...refused(2), connectedSince: 3 }));
    log.take(status('synced', { ...refused(2), revision: '7' }));
    log.take(status('away', refused(4)));
    log.take(status('synced', { ...refused(4), connectedSince: 5 }));
    expect(events.after(0).map(({ words }) => words)).toEqual([
      'away: connection refused',
      'away: connection refused; the last known state, of 1970-01-01T00:00:00.000Z, is in force',
      'synced',
      'away: connection refused',
      'synced',
    ]);
    expect([log.errorsOf('Node'), log.errorsOf('Pod'), log.allErrors]).toEqual([3, 0, 3]);
  });
});
