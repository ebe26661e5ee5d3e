import type { Family } from '../../net/family.ts';
import type { DownReason } from '../fsm/effect.ts';
import type { Negotiated } from '../fsm/negotiate.ts';
import type { FsmStateName } from '../fsm/peer-state.ts';
import type { KernelSockets } from './kernel-sockets.ts';
import type { ReadBudget } from './read-budget.ts';

/** Whom a session works for. Only {@link SessionHandler.update} and {@link SessionHandler.routeRefresh} may throw. */
export interface SessionHandler {
  /** `reason` says in words what happened. Called before `established` and `down`. */
  stateChanged(state: FsmStateName, reason: string): void;
  /** The session is up: routes may be sent. */
  established(negotiated: Negotiated): void;
  /**
   * The body of an UPDATE, `buffer[bodyStart, bodyEnd)`, valid only during the call.
   * A {@link BgpError} ends the session with the NOTIFICATION it carries.
   */
  update(buffer: Uint8Array, bodyStart: number, bodyEnd: number): void;
  /** A ROUTE-REFRESH for a negotiated family; see RFC 7313 §3.2 for `subtype`. May throw as `update`. */
  routeRefresh(family: Family, subtype: number): void;
  /** There is room again after `send` returned false. */
  writable(): void;
  /** Another TCP MD5 key is in use: who connects must bear it. */
  keyChanged?(): void;
  /** The session has left Established. */
  down(reason: DownReason): void;
}

/** What sessions need of the process. */
export interface SessionEnvironment {
  /** Undefined where the kernel's socket options are out of reach; sessions that need them then fail closed. */
  readonly kernel: KernelSockets | undefined;
  /** Shared by all sessions. */
  readonly readBudget: ReadBudget;
  /** A number in [0, 1). */
  random(): number;
  /** `subject` is the peer's address. */
  log(level: 'debug' | 'error', words: string, subject: string): void;
}
