/** `starling status`: one screen. */
import type { FamilyTotals, StatusReport } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatAgo, formatCount, formatDuration, formatFields } from '../output/words.ts';

/** `RT_TABLE_MAIN` (linux/rtnetlink.h). */
const MAIN_TABLE = 254;

/** A source this far behind the datastore is named. Seconds; datastores tell where they are every quarter of a minute or so. */
const LATE = 60;

export function renderStatus(status: StatusReport, style: Style): string {
  const { node, asn, routerId, version, started } = status;
  const head =
    `${paint(node, 'bold', style)}  AS ${asn}, router id ${routerId}\n` +
    `starlingd ${version}, up ${formatDuration(started.agoSeconds)} (since ${started.time})\n`;
  const fields = formatFields(
    [
      ['Drain', ...drainWords(status)],
      ['Peers', peersWords(status)],
      ['Routes', ...routesWords(status.routes)],
      ['Services', ...serviceWords(status)],
      ['Kernel', kernelWords(status), ...ownershipWords(status)],
      ['Datastore', datastoreWords(status), ...sourceWords(status)],
    ],
    '',
  );
  return `${head}\n${fields}\n${problems(status.problems, style)}`;
}

/** Only of a node that is drained, or is to be, or comes back. */
function drainWords({ drain: { stage, target, words, since } }: StatusReport): string[] {
  if (stage === 'serving' && target === 'serving') return [];
  return [words, `in this stage for ${formatDuration(since.agoSeconds)}`];
}

function peersWords({ peers }: StatusReport): string {
  const more = (['disabled', 'kept', 'held'] as const)
    .filter((what) => peers[what] > 0)
    .map((what) => `, ${peers[what]} ${what === 'held' ? 'held back' : what}`);
  return peers.total === 0 ? 'none configured' : `${peers.established} of ${peers.total} established${more.join('')}`;
}

function routesWords(routes: Readonly<Record<string, FamilyTotals>>): string[] {
  return Object.entries(routes).map(
    ([family, { received, best, advertised, fib }]) =>
      `${family}: ${received} received, ${best} best, ${advertised} advertised, ${fib} in the kernel`,
  );
}

/** Nothing where there is no service. */
function serviceWords({ services: { total, advertised, ranges, held, withheld } }: StatusReport): string[] {
  if (total === 0 && advertised === 0) return [];
  const ofRanges = ranges === 0 ? '' : ` (${formatCount(ranges, 'range')})`;
  const more = [
    ...(held === 0 ? [] : [`, ${held} of them told on though no longer wanted`]),
    ...(withheld === 0 ? [] : [`, ${withheld} withheld`]),
  ];
  return [`${total} known, ${formatCount(advertised, 'route')} advertised${ofRanges}${more.join('')}`];
}

function kernelWords({ fib }: StatusReport): string {
  if (!fib.enabled) return 'not written to (fib.enabled is false)';
  const routes = `${fib.installed} of ${formatCount(fib.desired, 'route')}`;
  const failed = fib.failed === 0 ? '' : `, ${fib.failed} refused`;
  const repaired = fib.repaired === 0 ? '' : `, ${fib.repaired} repaired`;
  const table = fib.table === MAIN_TABLE ? '' : ` in table ${fib.table}`;
  const error = fib.lastError === null ? '' : `; ${formatAgo(fib.lastError.at)}: ${fib.lastError.words}`;
  return `${fib.inSync ? 'in sync' : 'not in sync'}, ${routes}${table}${failed}${repaired}${error}`;
}

function ownershipWords({ fib: { ownership } }: StatusReport): string[] {
  return ownership === null ? [] : [ownership];
}

function datastoreWords({ datastore: { type, state, since, lastError, cacheWritten } }: StatusReport): string {
  const words = {
    syncing: 'not read completely yet',
    synced: 'synced',
    cached: cacheWritten === null ? 'away, the last known state is served' : 'the last known state is served from disk',
    failed: 'failed',
  }[state];
  const written = cacheWritten === null ? '' : `, written ${formatAgo(cacheWritten)}`;
  const error = state === 'synced' || lastError === null ? '' : `; ${formatAgo(lastError.at)}: ${lastError.words}`;
  return `${type}, ${words} for ${formatDuration(since.agoSeconds)}${written}${error}`;
}

/** A line for each source that is not as it should be, where there are several. */
function sourceWords({ datastore: { sources } }: StatusReport): string[] {
  if (sources.length < 2) return [];
  return sources.flatMap(({ name, state, since, lastError, lagSeconds }) => {
    const isLate = lagSeconds !== null && lagSeconds >= LATE;
    if (state === 'synced' && !isLate) return [];
    const late = isLate ? `, ${formatDuration(lagSeconds)} behind` : '';
    const error = state === 'synced' || lastError === null ? '' : `; ${formatAgo(lastError.at)}: ${lastError.words}`;
    return [`${name}: ${state} for ${formatDuration(since.agoSeconds)}${late}${error}`];
  });
}

function problems(words: readonly string[], style: Style): string {
  if (words.length === 0) return `${paint('Nothing is wrong.', 'green', style)}\n`;
  return `${paint('What is wrong:', 'red', style)}\n${words.map((problem) => `  - ${problem}\n`).join('')}`;
}
