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
      grouped(diff.peers).flatMap((peers) => peerLines(peers, style)),
      style,
    ),
    section(
      'Routes',
      diff.routes.map(
        ({ prefix, change, words }) =>
          `${change === 'changed' ? '~' : sign(change === 'originated', style)} ${prefix}  ${change}: ${words}`,
      ),
      style,
    ),
    section('Problems that come up', diff.newProblems, style),
    section('Problems that go away', diff.solvedProblems, style),
  ];
  return `${problems.join('')}${sections.join('')}${verdict(diff)}\n`;
}

function section(title: string, lines: readonly string[], style: Style): string {
  return lines.length === 0 ? '' : `${paint(title, 'bold', style)}\n${lines.map((line) => `  ${line}\n`).join('')}\n`;
}

/** Of so many peers to which the same happens, the names are said. */
const NAMED = 3;

/** Peers to which the same happens for the same reason, together. */
function grouped(peers: readonly PeerDifference[]): PeerDifference[][] {
  const groups = new Map<string, PeerDifference[]>();
  for (const peer of peers) {
    const key = JSON.stringify([peer.change, peer.heldDown, peer.words]);
    groups.set(key, [...(groups.get(key) ?? []), peer]);
  }
  return [...groups.values()];
}

function peerLines(peers: readonly PeerDifference[], style: Style): string[] {
  const [{ change, heldDown, words }] = peers;
  const mark =
    change === 'added' || change === 'removed' ? sign(change === 'added', style) : paint('~', 'yellow', style);
  const held = change === 'added' && heldDown !== null ? [`    held down: ${heldDown}`] : [];
  const names = peers.slice(0, NAMED).map(({ peer, name }) => (name === null ? peer : `${peer} (${name})`));
  const more = peers.length > NAMED ? ` and ${peers.length - NAMED} more` : '';
  return [
    `${mark} ${names.join(', ')}${more}: ${CHANGE_WORDS[change]}`,
    ...words.map((line) => `    ${line}`),
    ...held,
  ];
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
    ...(routes.length === 0 ? [] : [`${formatCount(routes.length, 'route')} changed`]),
  ];
  return `${[changed, ...counts].join(', ')}${ignored}.`;
}
