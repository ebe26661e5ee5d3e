/**
 * One step of a peer's machine in the making: a copy of its state and the effects so far. It exists only while `step` runs.
 */
import type { Effect } from './effect.ts';
import type { PeerTimer } from './input.ts';
import type { Connection, PeerState } from './peer-state.ts';
import { closeConnection } from './step-connection.ts';
import type { ConnectionStep, Loss } from './step-connection.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What the parts of `step` work on. */
export interface Turn {
  /** Milliseconds. */
  readonly now: number;
  readonly peer: Mutable<PeerState>;
  readonly effects: Effect[];
}

/** Takes over what an input has made of a connection; `before` is undefined for a new one. Returns the step's reason. */
export function apply(turn: Turn, before: Connection | undefined, step: ConnectionStep): string {
  if (before !== undefined) setSlot(turn, before, undefined);
  if (step.connection !== undefined) setSlot(turn, step.connection, step.connection);
  turn.effects.push(...step.effects);
  return step.reason;
}

function setSlot({ peer }: Turn, { state, role }: Connection, connection: Connection | undefined): void {
  if (state !== 'Established') peer[role] = connection;
  else peer.established = connection?.state === 'Established' ? connection : undefined;
}

/** Ends a connection from this side; an Established session goes down. */
export function close(turn: Turn, connection: Connection, loss: Loss): void {
  apply(turn, connection, closeConnection(connection, loss));
  if (connection.state === 'Established') turn.effects.push({ type: 'down', reason: downReason(loss) });
}

/** The part of a loss that the consumer of the session is told. */
export function downReason({ early: _early, ...reason }: Loss): Extract<Effect, { type: 'down' }>['reason'] {
  return reason;
}

/** Id for a new connection. */
export function takeConnectionId(turn: Turn): number {
  return turn.peer.nextConnection++;
}

/** Starts a timer of the peer. */
export function arm(turn: Turn, timer: PeerTimer, milliseconds: number): void {
  turn.effects.push({ type: 'arm', timer, milliseconds });
}

/** Stops trying to connect. */
export function abandonAttempts(turn: Turn): void {
  if (turn.peer.retrying) {
    turn.peer.retrying = false;
    turn.effects.push({ type: 'cancel', timer: 'connect-retry' });
  }
  const { outgoing } = turn.peer;
  if (outgoing?.state === 'Connect') {
    close(turn, outgoing, { kind: 'stopped', words: 'no longer needed', early: true });
  }
}
