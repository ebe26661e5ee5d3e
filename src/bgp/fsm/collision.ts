/**
 * Which connection becomes the session (RFC 4271 §6.8, RFC 6286 §2.3).
 *
 * Of two connections the one that the dominant speaker initiated is kept: that with the higher BGP identifier or, where both
 * are equal, the higher AS number. If both sides closed what they hold for the loser as soon as they see the collision, they
 * could close both connections, because one side may be Established on a connection that the other is just closing. So only
 * the dominant side decides, and it lets no connection of the peer go on to Established while its own might still win:
 * it holds its KEEPALIVE back. The other side waits for that decision. A short timer ends both kinds of waiting.
 */
import { COLLISION } from './cease.ts';
import type { Negotiated } from './negotiate.ts';
import type {
  Connection,
  EstablishedConnection,
  FsmConfig,
  OpenConfirmConnection,
  OpenSentConnection,
  PeerState,
  Role,
} from './peer-state.ts';
import { confirmConnection, establishConnection } from './step-connection.ts';
import type { Loss } from './step-connection.ts';
import { abandonAttempts, apply, arm, close } from './turn.ts';
import type { Turn } from './turn.ts';

/** Longest wait for the outcome of a collision, milliseconds. */
export const COLLISION_TIMEOUT = 5_000;

const LOSER: Loss = {
  kind: 'stopped',
  words: 'connection collision: the other connection is kept',
  notificationSent: COLLISION,
  early: true,
};

/** The peer has been heard from again over a new connection, so the session is over (RFC 4724 §4.2: no NOTIFICATION). */
const REPLACED: Loss = { kind: 'replaced', words: 'the peer restarted and connected anew', early: false };

/** The role of the connection that wins a collision. */
export function preferredRole({ open }: FsmConfig, { peerRouterId, peerAs }: Negotiated): Role {
  const difference = open.routerId - peerRouterId || open.asn - peerAs;
  return difference > 0 ? 'outgoing' : 'incoming';
}

/** A connection that has become OpenConfirm: accepts the peer's OPEN, or settles the collision with another one. */
export function afterOpen(turn: Turn, connection: OpenConfirmConnection): string {
  const { peer } = turn;
  abandonAttempts(turn);
  if (peer.established !== undefined) {
    close(turn, peer.established, REPLACED);
    return `${REPLACED.words}; ${confirm(turn, connection)}`;
  }
  const rival = rivalOf(peer, connection);
  const dominant = preferredRole(peer.config, connection.negotiated) === 'outgoing';
  if (rival === undefined || !dominant) return confirm(turn, connection);
  if (connection.role === 'outgoing') {
    close(turn, rival, LOSER);
    return `collision, the connection opened from here is kept; ${confirm(turn, connection)}`;
  }
  if (rival.state === 'OpenConfirm') {
    close(turn, connection, LOSER);
    return 'collision, the connection opened from here is kept';
  }
  arm(turn, 'collision', COLLISION_TIMEOUT);
  return 'OPEN received; collision, waiting for the connection opened from here';
}

/** A connection in OpenConfirm that has received a KEEPALIVE: Established, unless a collision is open. */
export function afterKeepalive(turn: Turn, connection: OpenConfirmConnection, first: boolean): string {
  if (!connection.keepaliveSent) return 'KEEPALIVE received; collision, waiting for the connection opened from here';
  const rival = rivalOf(turn.peer, connection);
  if (rival === undefined || connection.role === preferredRole(turn.peer.config, connection.negotiated)) {
    return establish(turn, connection);
  }
  if (first) arm(turn, 'collision', COLLISION_TIMEOUT);
  return 'KEEPALIVE received; collision, waiting for the peer to choose a connection';
}

/**
 * Whether the peer may take the connection for Established, so that an UPDATE on it is in order and settles the collision.
 */
export function awaitsPeersChoice(connection: Connection): connection is OpenConfirmConnection {
  return connection.state === 'OpenConfirm' && connection.keepaliveSent && connection.keepaliveReceived;
}

/** Makes a connection the session and closes any other. */
export function establish(turn: Turn, connection: OpenConfirmConnection): string {
  const { peer } = turn;
  abandonAttempts(turn);
  const rival = rivalOf(peer, connection);
  if (rival !== undefined) close(turn, rival, LOSER);
  turn.effects.push({ type: 'cancel', timer: 'collision' });
  peer.failedAttempts = 0;
  const { connection: session, effects } = establishConnection(connection, peer.config, turn.now);
  apply(turn, connection, { connection: session, effects, reason: '' });
  return 'session established';
}

/** Lets the connection that is left after a collision go on. */
export function goOnWith(turn: Turn, connection: OpenSentConnection | OpenConfirmConnection): string {
  turn.effects.push({ type: 'cancel', timer: 'collision' });
  if (connection.state === 'OpenSent') return 'the other connection goes on';
  if (!connection.keepaliveSent) confirm(turn, connection);
  const next = turn.peer[connection.role];
  if (next?.state === 'OpenConfirm' && next.keepaliveReceived) return establish(turn, next);
  return 'the other connection goes on';
}

/** Ends the wait for the outcome of a collision: what has come further is kept. */
export function collisionTimeout(turn: Turn): string {
  const { outgoing, incoming } = turn.peer;
  const waiting = [outgoing, incoming].find(
    (connection) => connection?.state === 'OpenConfirm' && (!connection.keepaliveSent || connection.keepaliveReceived),
  );
  if (waiting?.state !== 'OpenConfirm') return 'ignored: no collision is open';
  const rival = rivalOf(turn.peer, waiting);
  if (rival !== undefined) close(turn, rival, LOSER);
  return `collision not settled in time, one connection closed; ${goOnWith(turn, waiting)}`;
}

/** The other connection on which an OPEN was sent, if any. */
export function rivalOf(
  peer: PeerState,
  connection: Connection | EstablishedConnection,
): OpenSentConnection | OpenConfirmConnection | undefined {
  const rival = connection.role === 'outgoing' ? peer.incoming : peer.outgoing;
  return rival?.state === 'OpenSent' || rival?.state === 'OpenConfirm' ? rival : undefined;
}

function confirm(turn: Turn, connection: OpenConfirmConnection): string {
  return apply(turn, connection, confirmConnection(connection));
}
