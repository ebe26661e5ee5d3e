/** How the datastore is, for the API. */
import { toPastTimestamp } from '../api/timestamps.ts';
import type { StatusReport, Trouble } from '../api/types.ts';
import type { DatastoreStatus, SourceStatus } from '../datastore/datastore.ts';
import type { DatastoreLog } from './datastore-log.ts';

type Report = StatusReport['datastore'];

/** `heard`: whether there are resources, so that something is in force while the datastore is away. */
export function datastoreReport(status: DatastoreStatus, log: DatastoreLog, heard: boolean, now: number): Report {
  const { type, since, cache, lagSeconds, sources } = status;
  return {
    type,
    state: stateOf(status, heard),
    since: toPastTimestamp(cache?.since ?? since, now),
    lastError: troubleOf(errorOf(status), now),
    cacheWritten: cache === undefined ? null : toPastTimestamp(cache.writtenAt, now),
    lagSeconds: lagSeconds ?? null,
    sources: sources.map((source) => sourceReport(source, log.errorsOf(source.name), now)),
  };
}

/** What is wrong with the datastore, a sentence at most. */
export function datastoreProblems({ type, state, lastError, cacheWritten, sources }: Report): string[] {
  if (state !== 'cached' && state !== 'failed') return sources.flatMap((source) => sourceProblems(type, source));
  const error = lastError === null ? '' : `: ${lastError.words}`;
  const known =
    cacheWritten === null ? 'what was last known stays' : `what was written to disk at ${cacheWritten.time} is`;
  return [
    `The ${type} datastore is away${error}; ${state === 'failed' ? 'nothing is known of it' : `${known} in force`}.`,
  ];
}

/** What is wrong with one of the sources, where the daemon does without it. */
function sourceProblems(type: Report['type'], { name, state, lastError }: Report['sources'][number]): string[] {
  if (state !== 'away' || lastError === null) return [];
  return [
    `${name} can't be read from the ${type} datastore: ${lastError.words}; what was last known of it stays in force.`,
  ];
}

/** What keeps it away, where something does: the last error of all may be of a source that answers again. */
function errorOf({ lastError, sources }: DatastoreStatus): DatastoreStatus['lastError'] {
  const away = sources.flatMap(({ state, lastError: error }) =>
    state === 'away' && error !== undefined ? [error] : [],
  );
  return away.toSorted((a, b) => b.at - a.at).at(0) ?? lastError;
}

function stateOf({ state, cache }: DatastoreStatus, heard: boolean): Report['state'] {
  if (cache !== undefined) return 'cached';
  if (state !== 'away') return state;
  return heard ? 'cached' : 'failed';
}

function sourceReport(source: SourceStatus, errors: number, now: number): Report['sources'][number] {
  const { name, state, since, connectedSince, reconnects, revision, lastError, lagSeconds } = source;
  return {
    name,
    state,
    since: toPastTimestamp(since, now),
    connectedSince: connectedSince === undefined ? null : toPastTimestamp(connectedSince, now),
    reconnects: reconnects ?? 0,
    errors,
    revision: revision ?? null,
    lastError: troubleOf(lastError, now),
    lagSeconds: lagSeconds ?? null,
  };
}

function troubleOf(error: DatastoreStatus['lastError'], now: number): Trouble | null {
  return error === undefined ? null : { words: error.words, at: toPastTimestamp(error.at, now) };
}
