/** `starling peer explain` and `starling peer confirm`. */
import type { HeldChanges, PeerExplanation } from '../../api/peer-explanation-types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatTable } from '../output/table.ts';
import { formatAgo, formatDuration, formatFields } from '../output/words.ts';
import { colourOf, stateOf } from './peer-list-view.ts';

export function renderPeerExplanation({ query, wanted, steps, peers }: PeerExplanation, style: Style): string {
  const looked = formatTable(
    [{ title: 'LOOKED AT' }, { title: 'APPLIES' }, { title: 'WHY' }],
    steps.map(({ source, applies, words }) => [
      source,
      { text: applies ? 'yes' : 'no', colour: applies ? 'green' : 'yellow' },
      words,
    ]),
    style,
  );
  const title = `${paint(query, 'bold', style)}: ${wanted}\n`;
  return [title, ...peers.map((peer) => peerWords(peer, wanted, style)), ...(steps.length === 0 ? [] : [looked])].join(
    '\n',
  );
}

/** What `told` says already is not said again. */
function peerWords(
  { address, wanted, source, reason, heldDown, session }: PeerExplanation['peers'][number],
  told: string,
  style: Style,
): string {
  const isNew = (words: string | null): words is string => words !== null && !told.includes(words);
  const fields: [string, ...string[]][] = [
    ...(isNew(reason)
      ? [[wanted ? 'Why it exists' : 'Why it existed', `${reason} (${source})`] as [string, string]]
      : []),
    ...(isNew(heldDown) ? [['Held down', heldDown] as [string, string]] : []),
    ['Session', session === null ? 'none' : sessionWords(session, style)],
  ];
  if (session !== null && session.lastError !== null) {
    fields.push(['Last error', `${formatAgo(session.lastError.at)}: ${session.lastError.words}`]);
  }
  if (session !== null && session.postponed !== null) fields.push(['Not done', session.postponed]);
  return `${paint(`Peer ${address}`, 'bold', style)}\n${formatFields(fields, '  ')}`;
}

function sessionWords(session: NonNullable<PeerExplanation['peers'][number]['session']>, style: Style): string {
  return `${paint(stateOf(session), colourOf(session), style)} for ${formatDuration(session.since.agoSeconds)}`;
}

export function renderHeldChanges({ changes }: HeldChanges, style: Style): string {
  if (changes.length === 0) return 'Nothing is held back.\n';
  return formatTable(
    [{ title: 'PEER' }, { title: 'WOULD BE' }, { title: 'WHY IT IS HELD BACK' }],
    changes.map(({ peer, change, words }) => [peer, change, words]),
    style,
  );
}
