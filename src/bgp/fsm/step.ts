/**
 * The machine of a peer (RFC 4271 §8): a function from its state and what happens to its next state and what is to be done.
 */
import { REJECTED, COLLISION, ceaseFor, describeStop } from './cease.ts';
import type { StopReason } from './cease.ts';
import {
  afterKeepalive,
  afterOpen,
  COLLISION_TIMEOUT,
  awaitsPeersChoice,
  collisionTimeout,
  establish,
  goOnWith,
  rivalOf,
} from './collision.ts';
import type { Effect } from './effect.ts';
import type { ConnectionInput, Input, PeerTimer } from './input.ts';
import { isGraceful } from './graceful-restart.ts';
import { withJitter } from './jitter.ts';
import { fsmStateName, IDLE_HOLD_MAX, IDLE_HOLD_MIN, connectionsOf, findConnection } from './peer-state.ts';
import type { Connection, EstablishedConnection, PeerState } from './peer-state.ts';
import { connect, openConnection, stepConnection } from './step-connection.ts';
import type { Loss } from './step-connection.ts';
import { abandonAttempts, apply, arm, close, downReason, takeConnectionId } from './turn.ts';
import type { Turn } from './turn.ts';

/** How long a session must have lasted for its end not to count as an oscillation, milliseconds. */
const STABLE_TIME = 300_000;

/** Outcome of a step. */
export interface Step {
  readonly peer: PeerState;
  readonly effects: readonly Effect[];
  /** What happened, in words for people; never empty. */
  readonly reason: string;
}

/** What `input`, which happens at `now` (milliseconds, any origin), does to a peer. Any input may come in any state. */
export function step(peer: PeerState, input: Input, now: number): Step {
  const turn: Turn = { now, peer: { ...peer }, effects: [] };
  const reason = dispatch(turn, input);
  const { effects, seed } = withJitter(turn.effects, turn.peer.seed);
  return { peer: { ...turn.peer, seed }, effects, reason };
}

function dispatch(turn: Turn, input: Input): string {
  if ('connection' in input) return connectionInput(turn, input);
  switch (input.type) {
    case 'start':
      return start(turn);
    case 'stop':
      return stop(turn, input.reason);
    case 'configure':
      return configure(turn, input);
    case 'admin-down':
      return adminDown(turn, withMessage('shutdown', input.message));
    case 'admin-up':
      return turn.peer.phase.name === 'admin-down' ? `enabled; ${run(turn)}` : 'ignored: not disabled';
    case 'reset':
      return reset(turn, withMessage('reset', input.message));
    case 'accepted':
      return accepted(turn);
    case 'timer':
      break;
  }
  return PEER_TIMERS[input.timer](turn);
}

function withMessage(kind: StopReason['kind'], message: string | undefined): StopReason {
  return message === undefined ? { kind } : { kind, message };
}

function start(turn: Turn): string {
  const { phase } = turn.peer;
  if (phase.name === 'admin-down') return 'ignored: disabled by an operator';
  return phase.name === 'stopped' ? run(turn) : 'ignored: started already';
}

/** Begins to look for a session: with a connection that the peer has opened, or by opening one. */
function run(turn: Turn): string {
  const { peer } = turn;
  peer.phase = { name: 'running' };
  if (peer.incoming?.state === 'Postponed') {
    const { id } = peer.incoming;
    retryLater(turn);
    return apply(turn, peer.incoming, openConnection(id, 'incoming'));
  }
  return peer.config.passive ? 'waiting for the peer to connect' : connectNow(turn);
}

function connectNow(turn: Turn): string {
  turn.peer.retrying = false;
  return apply(turn, undefined, connect(takeConnectionId(turn), turn.peer.config));
}

function stop(turn: Turn, reason: StopReason): string {
  const words = describeStop(reason);
  endAll(turn, reason);
  turn.peer.phase = { name: 'stopped' };
  turn.peer.idleHoldTime = IDLE_HOLD_MIN;
  turn.peer.failedAttempts = 0;
  return words;
}

function adminDown(turn: Turn, reason: StopReason): string {
  const words = stop(turn, reason);
  turn.peer.phase = { name: 'admin-down', notification: ceaseFor(reason) ?? REJECTED };
  return words;
}

/** Closes every connection and stops every timer. */
function endAll(turn: Turn, reason: StopReason): void {
  const notification = ceaseFor(reason);
  const loss: Loss = {
    kind: 'stopped',
    words: describeStop(reason),
    early: false,
    ...(notification === undefined ? {} : { notificationSent: notification }),
  };
  abandonAttempts(turn);
  for (const connection of connectionsOf(turn.peer)) close(turn, connection, loss);
  turn.effects.push({ type: 'cancel', timer: 'collision' }, { type: 'cancel', timer: 'idle-hold' });
}

function reset(turn: Turn, reason: StopReason): string {
  const { phase } = turn.peer;
  if (phase.name === 'stopped' || phase.name === 'admin-down') return 'ignored: there is no session to reset';
  endAll(turn, reason);
  // The peer needs a moment to close its side. An operator's wish is no oscillation.
  holdOff(turn, IDLE_HOLD_MIN);
  turn.peer.idleHoldTime = IDLE_HOLD_MIN;
  return describeStop(reason);
}

/** RFC 4271 §8.2.2: TcpConnectionConfirmed in every state. */
function accepted(turn: Turn): string {
  const { peer } = turn;
  switch (peer.phase.name) {
    case 'stopped':
      return refuse(turn, { type: 'refuse', notification: REJECTED }, 'the session is stopped');
    case 'admin-down':
      return refuse(turn, { type: 'refuse', notification: peer.phase.notification }, 'disabled by an operator');
    case 'idle-hold':
      return adopt(turn, 'the peer connected again, made to wait after an error', (id) => ({
        connection: { state: 'Postponed', id, role: 'incoming' },
        effects: [],
        reason: '',
      }));
    case 'running':
      break;
  }
  if (peer.established !== undefined && !mayHaveRestarted(turn, peer.established)) {
    return refuse(turn, { type: 'refuse', notification: COLLISION }, 'there is a session already');
  }
  return adopt(turn, 'the peer connected, OPEN sent', (id) => openConnection(id, 'incoming'));
}

/**
 * RFC 4271 §6.8: while there is a session, another connection is one too many. RFC 4724 §4.2: with graceful restart it means
 * that the peer has restarted, unless it was under way when the session came up.
 */
function mayHaveRestarted({ now }: Turn, { negotiated, since }: EstablishedConnection): boolean {
  return negotiated.gracefulRestart !== undefined && now - since >= COLLISION_TIMEOUT;
}

function refuse(turn: Turn, effect: Effect, words: string): string {
  turn.effects.push(effect);
  return `connection from the peer refused: ${words}`;
}

/** Makes the accepted socket the incoming connection. A peer that connects again has given up the one before. */
function adopt(turn: Turn, reason: string, open: (id: number) => Parameters<typeof apply>[2]): string {
  const { incoming } = turn.peer;
  if (incoming !== undefined) {
    const words = 'the peer opened a new connection';
    close(turn, incoming, { kind: 'stopped', words, notificationSent: COLLISION, early: true });
  }
  const id = takeConnectionId(turn);
  turn.effects.push({ type: 'adopt', connection: id });
  apply(turn, undefined, open(id));
  return reason;
}

const PEER_TIMERS: Readonly<Record<PeerTimer, (turn: Turn) => string>> = {
  'connect-retry': (turn) => (turn.peer.retrying ? connectNow(turn) : 'ignored: no attempt to connect is due'),
  'idle-hold': (turn) => (turn.peer.phase.name === 'idle-hold' ? run(turn) : 'ignored: not held off'),
  collision: collisionTimeout,
};

function connectionInput(turn: Turn, input: ConnectionInput): string {
  let connection = findConnection(turn.peer, input.connection);
  if (connection === undefined) return 'ignored: the connection is gone';
  if ((input.type === 'update' || input.type === 'route-refresh') && awaitsPeersChoice(connection)) {
    establish(turn, connection);
    connection = turn.peer.established!;
  }
  const next = stepConnection(connection, input, turn.peer.config);
  apply(turn, connection, next);
  if (next.loss !== undefined) return afterLoss(turn, connection, next.loss);
  if (next.connection?.state !== 'OpenConfirm') return next.reason;
  if (connection.state === 'OpenSent') return afterOpen(turn, next.connection);
  if (input.type !== 'keepalive' || connection.state !== 'OpenConfirm') return next.reason;
  return afterKeepalive(turn, next.connection, !connection.keepaliveReceived);
}

/** What follows from the end of a connection that this side didn't want. */
function afterLoss(turn: Turn, connection: Connection, loss: Loss): string {
  const { peer } = turn;
  const { words } = loss;
  if (connection.state === 'Established') {
    turn.effects.push({ type: 'down', reason: downReason(loss) });
    if (turn.now - connection.since >= STABLE_TIME) peer.idleHoldTime = IDLE_HOLD_MIN;
  }
  const rival = peer.established ?? peer.incoming ?? rivalOf(peer, connection);
  // The end of one of two connections is the usual outcome of a collision.
  if (peer.phase.name === 'running' && rival !== undefined) {
    if (rival.state === 'OpenSent' || rival.state === 'OpenConfirm') return `${words}; ${goOnWith(turn, rival)}`;
    return words;
  }
  if (peer.phase.name !== 'running') return words;
  turn.effects.push({ type: 'error', words });
  if (!loss.early && !isCollision(loss)) {
    holdOff(turn, Math.min(peer.idleHoldTime, patienceOf(connection, loss)));
    peer.idleHoldTime = Math.min(2 * peer.idleHoldTime, IDLE_HOLD_MAX);
    return words;
  }
  if (connection.role === 'outgoing') peer.failedAttempts++;
  retryLater(turn);
  return words;
}

/** Longest time to hold a peer off, in milliseconds: one that restarts must find the way back while its routes are kept. */
function patienceOf(connection: Connection, loss: Loss): number {
  if (connection.state !== 'Established' || !isGraceful(loss, connection.negotiated)) return IDLE_HOLD_MAX;
  return (connection.negotiated.gracefulRestart!.restartTime * 1000) / 4;
}

function isCollision({ notificationReceived }: Loss): boolean {
  return notificationReceived?.code === COLLISION.code && notificationReceived.subcode === COLLISION.subcode;
}

function configure(turn: Turn, input: Extract<Input, { type: 'configure' }>): string {
  const { config } = turn.peer;
  const { open, passive = config.passive, connectRetryTime = config.connectRetryTime } = input;
  turn.peer.config = { ...config, open, passive, connectRetryTime };
  // Nothing else would wake it up.
  if (config.passive && fsmStateName(turn.peer) === 'Active') retryLater(turn);
  return 'the next session is to be another one';
}

/** Waits before the next attempt to connect, in state Active: 1 s, then doubling up to the configured time. */
function retryLater(turn: Turn): void {
  const { config, outgoing, retrying, failedAttempts } = turn.peer;
  if (config.passive || outgoing !== undefined || retrying) return;
  turn.peer.retrying = true;
  // The first failure waits one second.
  const seconds = Math.min(2 ** Math.max(0, failedAttempts - 1), config.connectRetryTime);
  arm(turn, 'connect-retry', seconds * 1000);
}

/** Leaves the peer alone for a while, in state Idle (RFC 4271 §8.1.1, DampPeerOscillations and IdleHoldTimer). */
function holdOff(turn: Turn, milliseconds: number): void {
  abandonAttempts(turn);
  turn.peer.phase = { name: 'idle-hold' };
  turn.effects.push({ type: 'cancel', timer: 'collision' });
  arm(turn, 'idle-hold', milliseconds);
}
