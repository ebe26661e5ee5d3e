/**
 * Ends of a session that are wanted from this side, and the Cease that tells the peer (RFC 4486, RFC 9003, RFC 9384).
 */
import type { Notification } from '../messages/error.ts';
import {
  CEASE_ADMINISTRATIVE_RESET,
  CEASE_ADMINISTRATIVE_SHUTDOWN,
  CEASE_BFD_DOWN,
  CEASE_CONNECTION_COLLISION,
  CEASE_CONNECTION_REJECTED,
  CEASE_OTHER_CONFIGURATION_CHANGE,
  CEASE_PEER_DECONFIGURED,
  ERROR_CEASE,
} from '../messages/notification-codes.ts';
import { shutdownCommunication } from '../messages/notification.ts';

/** Why a session is stopped. */
export interface StopReason {
  readonly kind:
    | 'shutdown'
    | 'reset'
    | 'deconfigured'
    | 'configuration-changed'
    | 'bfd-down'
    /** TCP is closed without a word, so that a peer with graceful restart keeps the routes (RFC 4724 §4). */
    | 'restart';
  /** For people on the other side (RFC 9003); sent with `shutdown` and `reset` only. */
  readonly message?: string;
}

interface StopKind {
  readonly words: string;
  readonly subcode: number | undefined;
}

const STOP_KINDS: Readonly<Record<StopReason['kind'], StopKind>> = {
  shutdown: { words: 'shut down', subcode: CEASE_ADMINISTRATIVE_SHUTDOWN },
  reset: { words: 'reset', subcode: CEASE_ADMINISTRATIVE_RESET },
  deconfigured: { words: 'removed from the configuration', subcode: CEASE_PEER_DECONFIGURED },
  'configuration-changed': { words: 'its configuration changed', subcode: CEASE_OTHER_CONFIGURATION_CHANGE },
  'bfd-down': { words: 'BFD reports the peer as down', subcode: CEASE_BFD_DOWN },
  restart: { words: 'this daemon restarts', subcode: undefined },
};

const NO_DATA = new Uint8Array(0);

export const COLLISION: Notification = { code: ERROR_CEASE, subcode: CEASE_CONNECTION_COLLISION, data: NO_DATA };
export const REJECTED: Notification = { code: ERROR_CEASE, subcode: CEASE_CONNECTION_REJECTED, data: NO_DATA };

/** The Cease for a stop, or undefined where nothing is said. */
export function ceaseFor(reason: StopReason): Notification | undefined {
  const { subcode } = STOP_KINDS[reason.kind];
  if (subcode === undefined) return undefined;
  const speaks = subcode === CEASE_ADMINISTRATIVE_SHUTDOWN || subcode === CEASE_ADMINISTRATIVE_RESET;
  const data = speaks && reason.message ? shutdownCommunication(reason.message) : NO_DATA;
  return { code: ERROR_CEASE, subcode, data };
}

/** A stop in words, e.g. `shut down: maintenance`. */
export function describeStop(reason: StopReason): string {
  const { words } = STOP_KINDS[reason.kind];
  return reason.message ? `${words}: ${reason.message}` : words;
}
