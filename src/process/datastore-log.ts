/** Follows how a datastore is: tells what is new in it as events, and counts what went wrong with each of its sources. */
import type { DatastoreStatus } from '../datastore/datastore.ts';
import type { AnyEventLog } from './event-log.ts';

/** The errors of one source. */
interface Errors {
  readonly count: number;
  readonly lastAt: number;
}

export class DatastoreLog {
  private readonly events: AnyEventLog;
  private words = '';
  /** By name of the source. */
  private readonly errors = new Map<string, Errors>();

  constructor(events: AnyEventLog) {
    this.events = events;
  }

  /** How often a source could not be read since the daemon started. */
  errorsOf(source: string): number {
    return this.errors.get(source)?.count ?? 0;
  }

  /** The same of all sources together. */
  get allErrors(): number {
    return [...this.errors.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Takes how the datastore is now; datastores tell that often. */
  take(status: DatastoreStatus): void {
    for (const { name, lastError } of status.sources) {
      const before = this.errors.get(name);
      if (lastError === undefined || lastError.at === before?.lastAt) continue;
      this.errors.set(name, { count: (before?.count ?? 0) + 1, lastAt: lastError.at });
    }
    const { type, state } = status;
    const words = wordsOf(status);
    if (words === this.words) return;
    this.words = words;
    this.events.add('datastore', type, words, state === 'away' ? 'warn' : 'info');
  }
}

function wordsOf({ state, lastError, cache }: DatastoreStatus): string {
  const error = state === 'synced' || lastError === undefined ? '' : `: ${lastError.words}`;
  if (cache === undefined) return `${state}${error}`;
  return `${state}${error}; the last known state, of ${new Date(cache.writtenAt).toISOString()}, is in force`;
}
