/**
 * State of the machine of one peer (RFC 4271 §8) as plain data.
 *
 * A peer has up to two connections while a session comes up, one initiated by each side (RFC 4271 §6.8), and one once it is
 * Established. Each connection is a machine of its own; the peer's machine starts them and decides which one lives.
 */
import type { Family } from '../../net/family.ts';
import type { Notification } from '../messages/error.ts';
import type { Open } from '../messages/open.ts';
import type { Negotiated } from './negotiate.ts';

/** States of RFC 4271 §8.2.2 as users see them. */
export type FsmStateName = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

/** Which side opened a connection. */
export type Role = 'outgoing' | 'incoming';

/** What the machine needs to know of a peer. Times are seconds. */
export interface FsmConfig {
  /** The OPEN to send; it holds the local AS, hold time and router id. */
  readonly open: Open;
  readonly peerAs: number;
  readonly families: readonly Family[];
  /** Wanted interval of KEEPALIVEs; a third of the hold time where undefined. */
  readonly keepaliveTime: number | undefined;
  /** Longest wait between attempts to connect; the wait doubles from 1 s up to it. */
  readonly connectRetryTime: number;
  /** RFC 9687 §3; undefined is the default there, the greater of 8 minutes and twice the hold time. */
  readonly sendHoldTime: number | undefined;
  /** Never connect, only accept. */
  readonly passive: boolean;
}

interface ConnectionBase {
  /** Names the connection in inputs and effects; never used again after it. */
  readonly id: number;
  readonly role: Role;
}

/** TCP is being established. */
export interface ConnectConnection extends ConnectionBase {
  readonly state: 'Connect';
  readonly role: 'outgoing';
}

/** Accepted from the peer while it is held off after an error (DampPeerOscillations); OPEN not sent yet. */
export interface PostponedConnection extends ConnectionBase {
  readonly state: 'Postponed';
  readonly role: 'incoming';
}

export interface OpenSentConnection extends ConnectionBase {
  readonly state: 'OpenSent';
  /** The hold timer went off and unread input is being looked at. */
  readonly draining: boolean;
}

export interface OpenConfirmConnection extends ConnectionBase {
  readonly state: 'OpenConfirm';
  readonly draining: boolean;
  readonly negotiated: Negotiated;
  /** False while a collision holds back the KEEPALIVE that would let the peer go to Established. */
  readonly keepaliveSent: boolean;
  /** True while a collision keeps a connection from Established that the peer has confirmed. */
  readonly keepaliveReceived: boolean;
}

export interface EstablishedConnection extends ConnectionBase {
  readonly state: 'Established';
  readonly draining: boolean;
  readonly negotiated: Negotiated;
  /** When it became Established, milliseconds. */
  readonly since: number;
}

/** One TCP connection, told apart by `state`. */
export type Connection =
  | ConnectConnection
  | PostponedConnection
  | OpenSentConnection
  | OpenConfirmConnection
  | EstablishedConnection;

/** What the peer's machine is about. */
export type Phase =
  | { readonly name: 'stopped' }
  | {
      readonly name: 'admin-down';
      /** Tells a peer that tries to connect why (RFC 9003). */
      readonly notification: Notification;
    }
  /** Held off after an error (RFC 4271 §8.1.1, IdleHoldTimer). */
  | { readonly name: 'idle-hold' }
  | { readonly name: 'running' };

/** The whole machine of one peer. */
export interface PeerState {
  readonly config: FsmConfig;
  readonly phase: Phase;
  /** Until Established, at most one connection of each role. */
  readonly outgoing: Connection | undefined;
  readonly incoming: Connection | undefined;
  readonly established: EstablishedConnection | undefined;
  readonly nextConnection: number;
  /** Whether the connect-retry timer runs. */
  readonly retrying: boolean;
  /** Attempts to connect that failed since a session was last Established. */
  readonly failedAttempts: number;
  /** How long the next error holds the peer off, milliseconds. */
  readonly idleHoldTime: number;
  /** State of the random numbers for jitter. */
  readonly seed: number;
}

/** Shortest and longest time that a peer is held off after an error, milliseconds. */
export const IDLE_HOLD_MIN = 1_000;
export const IDLE_HOLD_MAX = 120_000;

/** The machine of a peer before it is started. `seed` is any 32-bit number, different for each peer. */
export function initialPeerState(config: FsmConfig, seed: number): PeerState {
  return {
    config,
    phase: { name: 'stopped' },
    outgoing: undefined,
    incoming: undefined,
    established: undefined,
    nextConnection: 1,
    retrying: false,
    failedAttempts: 0,
    idleHoldTime: IDLE_HOLD_MIN,
    seed,
  };
}

/** The peer's state as users see it: that of its connection that has come furthest. */
export function fsmStateName(peer: PeerState): FsmStateName {
  if (peer.phase.name !== 'running') return 'Idle';
  if (peer.established !== undefined) return 'Established';
  const states = [peer.outgoing?.state, peer.incoming?.state];
  for (const name of ['OpenConfirm', 'OpenSent', 'Connect'] as const) if (states.includes(name)) return name;
  return 'Active';
}

/** The connection with that id, or undefined where it is gone. */
export function findConnection(peer: PeerState, id: number): Connection | undefined {
  return connectionsOf(peer).find((connection) => connection.id === id);
}

/** All connections there are, that of an Established session first. */
export function connectionsOf(peer: PeerState): Connection[] {
  return [peer.established, peer.outgoing, peer.incoming].filter((connection) => connection !== undefined);
}
