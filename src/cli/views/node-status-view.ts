/** `starling node status`: the node and its sessions, in the columns that users of `calicoctl node status` know. */
import type { PastTimestamp, PeerSummary, StatusReport } from '../../api/types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatTable } from '../output/table.ts';
import type { Column } from '../output/table.ts';
import { colourOf, stateOf } from './peer-list-view.ts';

interface NodePeer {
  readonly address: string;
  readonly name: string | null;
  readonly asn: number;
  readonly type: string;
  /** `up`: routes are exchanged; `start`: on the way there; `down`: switched off. */
  readonly state: 'up' | 'start' | 'down';
  readonly session: PeerSummary['state'];
  readonly admin: PeerSummary['admin'];
  readonly since: PastTimestamp;
  readonly info: string;
}

export interface NodeStatus {
  readonly node: string;
  readonly asn: number;
  readonly routerId: string;
  readonly version: string;
  readonly started: PastTimestamp;
  readonly ipv4: readonly NodePeer[];
  readonly ipv6: readonly NodePeer[];
}

const TYPES = {
  mesh: 'node-to-node mesh',
  node: 'node specific',
  global: 'global',
  workload: 'local workload',
} as const;

/** The answer, put together from what the API says. */
export function nodeStatus(status: StatusReport, peers: readonly PeerSummary[]): NodeStatus {
  const { node, asn, routerId, version, started } = status;
  const all = peers.map(nodePeer);
  const ipv6 = all.filter(({ address }) => address.includes(':'));
  const ipv4 = all.filter(({ address }) => !address.includes(':'));
  return { node, asn, routerId, version, started, ipv4, ipv6 };
}

function nodePeer(peer: PeerSummary): NodePeer {
  const { address, name, asn, type, state: session, admin, since, lastError } = peer;
  const up = session === 'Established';
  const why = up || lastError === null ? '' : `: ${lastError.words}`;
  return {
    address,
    name,
    asn,
    type: TYPES[type],
    state: admin === 'down' ? 'down' : up ? 'up' : 'start',
    session,
    admin,
    since,
    info: `${stateOf(peer)}${why}`,
  };
}

const COLUMNS: readonly Column[] = [
  { title: 'PEER ADDRESS' },
  { title: 'PEER TYPE' },
  { title: 'STATE' },
  { title: 'SINCE' },
];
const WIDE_COLUMNS: readonly Column[] = [{ title: 'NAME' }, { title: 'AS', right: true }];
const INFO: Column = { title: 'INFO' };

/** A table for each family. */
export function renderNodeStatus(status: NodeStatus, style: Style): string {
  const { node, asn, routerId, version, ipv4, ipv6 } = status;
  const head = `starlingd ${version} is running on ${paint(node, 'bold', style)}, AS ${asn}, router id ${routerId}.\n`;
  return `${head}\n${table('IPv4', ipv4, style)}\n${table('IPv6', ipv6, style)}`;
}

function table(family: string, peers: readonly NodePeer[], style: Style): string {
  const columns = [...COLUMNS, ...(style.wide ? WIDE_COLUMNS : []), INFO];
  const rows = peers.map((peer) => [
    peer.address,
    peer.type,
    { text: peer.state, colour: colourOf({ state: peer.session, admin: peer.admin }) },
    peer.since.time,
    ...(style.wide ? [peer.name ?? '-', peer.asn] : []),
    peer.info,
  ]);
  return `${family} BGP status\n${rows.length === 0 ? `No ${family} peers.\n` : formatTable(columns, rows, style)}`;
}
