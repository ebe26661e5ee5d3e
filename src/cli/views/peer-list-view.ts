/** `starling peer list`. */
import type { PeerFamily, PeerSummary } from '../../api/types.ts';
import type { Colour, Style } from '../output/style.ts';
import { formatTable } from '../output/table.ts';
import type { Cell, Column } from '../output/table.ts';
import { formatDuration } from '../output/words.ts';

const COLUMNS: readonly Column[] = [
  { title: 'PEER' },
  { title: 'NAME' },
  { title: 'TYPE' },
  { title: 'AS', right: true },
  { title: 'STATE' },
  { title: 'FOR', right: true },
  { title: 'RECEIVED', right: true },
  { title: 'ACCEPTED', right: true },
  { title: 'ADVERTISED', right: true },
];

const WIDE_COLUMNS: readonly Column[] = [
  { title: 'IPV4', right: true },
  { title: 'IPV6', right: true },
  { title: 'PENDING', right: true },
  { title: 'FLAPS', right: true },
  { title: 'SOURCE' },
];

const INFO: Column = { title: 'INFO' };

/** A row a peer; wide, with received/accepted/advertised by family, and where the peer comes from. */
export function renderPeers(peers: readonly PeerSummary[], style: Style): string {
  const columns = [...COLUMNS, ...(style.wide ? WIDE_COLUMNS : []), INFO];
  return formatTable(
    columns,
    peers.map((peer) => [...basicCells(peer), ...(style.wide ? wideCells(peer) : []), infoOf(peer)]),
    style,
  );
}

function basicCells(peer: PeerSummary): Cell[] {
  return [
    peer.address,
    peer.name ?? '-',
    peer.type,
    peer.asn,
    { text: stateOf(peer), colour: colourOf(peer) },
    formatDuration(peer.since.agoSeconds),
    total(peer, 'received'),
    total(peer, 'accepted'),
    total(peer, 'advertised'),
  ];
}

function wideCells(peer: PeerSummary): Cell[] {
  const { families, pendingPrefixes, flaps, source } = peer;
  return [
    familyCounts(families['ipv4-unicast']),
    familyCounts(families['ipv6-unicast']),
    pendingPrefixes,
    flaps,
    source,
  ];
}

function total({ families }: PeerSummary, field: 'received' | 'accepted' | 'advertised'): number {
  return Object.values(families).reduce((sum, counts) => sum + (counts?.[field] ?? 0), 0);
}

function familyCounts(counts: PeerFamily | undefined): string {
  return counts === undefined ? '-' : `${counts.received}/${counts.accepted}/${counts.advertised}`;
}

/** State of the session; a disabled peer says so. */
export function stateOf({ state, admin }: Pick<PeerSummary, 'state' | 'admin'>): string {
  return admin === 'down' ? `${state} (disabled)` : state;
}

export function colourOf({ state, admin }: Pick<PeerSummary, 'state' | 'admin'>): Colour {
  if (admin === 'down') return 'yellow';
  return state === 'Established' ? 'green' : 'red';
}

function infoOf({ state, lastError, postponed }: PeerSummary): string {
  if (postponed !== null) return postponed.kind === 'held' ? `Held back: ${postponed.words}` : postponed.words;
  return state === 'Established' || lastError === null ? '' : lastError.words;
}
