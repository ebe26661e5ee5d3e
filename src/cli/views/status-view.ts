/** `starling status`: one screen. */
import type { FamilyTotals, StatusReport } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatAgo, formatCount, formatDuration, formatFields } from '../output/words.ts';
import { datastoreWords, problemWords } from './status-words.ts';

/** `RT_TABLE_MAIN` (linux/rtnetlink.h). */
const MAIN_TABLE = 254;

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
      ['Datastore', ...datastoreWords(status)],
    ],
    '',
  );
  return `${head}\n${fields}\n${problemWords(status.problems, style)}`;
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
