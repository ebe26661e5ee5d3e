/** What the status of either daemon says of its datastore, and of what is wrong. */
import type { StatusReport } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatAgo, formatDuration } from '../output/words.ts';

type WithDatastore = Pick<StatusReport, 'datastore'>;

/** A source this far behind the datastore is named. Seconds; datastores tell where they are every quarter of a minute or so. */
const LATE = 60;

/** How the datastore is; a line for each source that is not as it should be, where there are several. */
export function datastoreWords({ datastore }: WithDatastore): string[] {
  const { type, state, since, lastError, cacheWritten } = datastore;
  const words = {
    syncing: 'not read completely yet',
    synced: 'synced',
    cached: cacheWritten === null ? 'away, the last known state is served' : 'the last known state is served from disk',
    failed: 'failed',
  }[state];
  const written = cacheWritten === null ? '' : `, written ${formatAgo(cacheWritten)}`;
  const error = state === 'synced' || lastError === null ? '' : `; ${formatAgo(lastError.at)}: ${lastError.words}`;
  return [`${type}, ${words} for ${formatDuration(since.agoSeconds)}${written}${error}`, ...sourceWords(datastore)];
}

function sourceWords({ sources, lastError: whole }: WithDatastore['datastore']): string[] {
  // A server that is away is so for each of them.
  const isAllSaid = sources.every(({ state, lastError }) => state === 'away' && lastError?.words === whole?.words);
  if (sources.length < 2 || isAllSaid) return [];
  return sources.flatMap(({ name, state, since, lastError, lagSeconds }) => {
    const isLate = lagSeconds !== null && lagSeconds >= LATE;
    if (state === 'synced' && !isLate) return [];
    const late = isLate ? `, ${formatDuration(lagSeconds)} behind` : '';
    const error = state === 'synced' || lastError === null ? '' : `; ${formatAgo(lastError.at)}: ${lastError.words}`;
    return [`${name}: ${state} for ${formatDuration(since.agoSeconds)}${late}${error}`];
  });
}

export function problemWords(words: readonly string[], style: Style): string {
  if (words.length === 0) return `${paint('Nothing is wrong.', 'green', style)}\n`;
  return `${paint('What is wrong:', 'red', style)}\n${words.map((problem) => `  - ${problem}\n`).join('')}`;
}
