/** `starling config diff`. */
import type { ConfigDiff, PeerDifference } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatCount } from '../output/words.ts';

const CHANGE_WORDS: Readonly<Record<PeerDifference['change'], string>> = {
  added: 'added',
  removed: 'removed',
  reset: 'reset, its session is set up anew',
  password: 'another password, without a reset',
  policy: 'without a reset',
  later: 'from the next session on',
};

/** What is wrong with the resources, a section for each part that would be different, and a last line that sums up. */
export function renderConfigDiff(diff: ConfigDiff, style: Style): string {
  const problems = diff.problems.map(({ where, message, severity }) => {
    const label = paint(severity, severity === 'error' ? 'red' : 'yellow', style);
    return `${where}: ${label}: ${message}\n`;
  });
  const sections = [
    section('Node', diff.node, style),
    section(
      'Peers',
      grouped(diff.peers, ({ change, heldDown, words }) => [change, heldDown, words]).flatMap((peers) =>
        peerLines(peers, style),
      ),
      style,
    ),
    section('Routes', routeLines(diff.routes, style), style),
    section('Problems that come up', diff.newProblems, style),
    section('Problems that go away', diff.solvedProblems, style),
  ];
  return `${problems.join('')}${sections.join('')}${verdict(diff)}\n`;
}

function section(title: string, lines: readonly string[], style: Style): string {
  return lines.length === 0 ? '' : `${paint(title, 'bold', style)}\n${lines.map((line) => `  ${line}\n`).join('')}\n`;
}

/** Of so many peers or routes to which the same happens, the names are said; `-o wide` names all. */
const NAMED = 3;

/** So many lines about routes are shown; `-o wide` shows all. */
const ROUTE_LINES = 20;

/** Those of which `what` is the same, together. */
function grouped<T>(all: readonly T[], what: (one: T) => unknown): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = JSON.stringify(what(one));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function named(names: readonly string[], { wide }: Style): string {
  const more = names.length - NAMED;
  return wide || more <= 0 ? names.join(', ') : `${names.slice(0, NAMED).join(', ')} and ${more} more`;
}

/** Thousands of services may change with one setting: those with the same reason share a line. */
function routeLines(routes: ConfigDiff['routes'], style: Style): string[] {
  const groups = grouped(routes, ({ change, words }) => [change, words]);
  const shown = style.wide ? groups : groups.slice(0, ROUTE_LINES);
  const lines = shown.map((group) => {
    const [{ change, words }] = group;
    const mark = change === 'changed' ? paint('~', 'yellow', style) : sign(change === 'originated', style);
    const names = group.map(({ prefix, service }) => (service === null ? prefix : `${prefix} (${service})`));
    return `${mark} ${named(names, style)}  ${change}: ${words}`;
  });
  const rest = groups.slice(shown.length).flat().length;
  return rest === 0 ? lines : [...lines, `and ${formatCount(rest, 'more route')}; -o wide shows all`];
}

function peerLines(peers: readonly PeerDifference[], style: Style): string[] {
  const [{ change, heldDown, words }] = peers;
  const mark =
    change === 'added' || change === 'removed' ? sign(change === 'added', style) : paint('~', 'yellow', style);
  const held = change === 'added' && heldDown !== null ? [`    held down: ${heldDown}`] : [];
  const names = peers.map(({ peer, name }) => (name === null ? peer : `${peer} (${name})`));
  return [`${mark} ${named(names, style)}: ${CHANGE_WORDS[change]}`, ...words.map((line) => `    ${line}`), ...held];
}

function sign(isMore: boolean, style: Style): string {
  return isMore ? paint('+', 'green', style) : paint('-', 'red', style);
}

function verdict({ different, valid, resources, peers, routes }: ConfigDiff): string {
  const changed =
    resources.length === 0 ? 'No resource is different' : `${formatCount(resources.length, 'resource')} different`;
  const ignored = valid ? '' : '; resources that are not valid are left out';
  if (!different) return `${changed}: the node would do nothing else than now${ignored}.`;
  const counts = [
    ...(peers.length === 0 ? [] : [`${formatCount(peers.length, 'peer')} changed`]),
    ...(routes.length === 0 ? [] : [`${formatCount(routes.length, 'route')} changed${routeCounts(routes)}`]),
  ];
  return `${[changed, ...counts].join(', ')}${ignored}.`;
}

/** Of several routes, how many come, go and stay on other terms, to be added to other words. */
function routeCounts(routes: ConfigDiff['routes']): string {
  if (routes.length === 1) return '';
  const counts = grouped(routes, ({ change }) => change).map((group) => `${group.length} ${group[0].change}`);
  return ` (${counts.join(', ')})`;
}
