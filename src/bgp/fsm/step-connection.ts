/**
 * The machine of one TCP connection (RFC 4271 §8.2.2, states Connect to Established).
 *
 * Whether a connection may go on to OpenConfirm and Established is for the peer's machine to say, because another
 * connection may be in its way; this one stops where it asks.
 */
import { BgpError } from '../messages/error.ts';
import type { Notification } from '../messages/error.ts';
import {
  ERROR_FSM,
  ERROR_HOLD_TIMER_EXPIRED,
  FSM_IN_ESTABLISHED,
  FSM_IN_OPEN_CONFIRM,
  FSM_IN_OPEN_SENT,
  FSM_UNSPECIFIED,
} from '../messages/notification-codes.ts';
import { describeNotification } from '../messages/notification.ts';
import type { Open } from '../messages/open.ts';
import type { DownReason, Effect } from './effect.ts';
import type { ConnectionInput, ConnectionTimer } from './input.ts';
import { negotiate } from './negotiate.ts';
import type { Negotiated } from './negotiate.ts';
import type { Connection, EstablishedConnection, FsmConfig, OpenConfirmConnection } from './peer-state.ts';

/** Hold time until the OPEN of the peer is there, seconds (RFC 4271 §8.2.2, OpenSent: "a large value"). */
const LARGE_HOLD_TIME = 240;

/** Longest wait for TCP to be established, seconds: with MD5 not even a refusal is heard. */
const CONNECT_TIMEOUT = 10;

/** Words for an attempt to connect to which nothing came back. */
export const NO_ANSWER = 'connection attempt timed out: no answer from the peer';

/** Least time the peer may accept no data, seconds (RFC 9687 §3.2). */
const MIN_SEND_HOLD_TIME = 480;

/** What an input does to a connection. */
export interface ConnectionStep {
  /** Undefined where the connection is gone, with `loss` saying how. */
  readonly connection: Connection | undefined;
  readonly effects: readonly Effect[];
  readonly reason: string;
  readonly loss?: Loss;
}

/** The end of a connection. */
export interface Loss extends DownReason {
  /** TCP was not established or ended before the peer's OPEN: nothing to be held off for (RFC 4271 §8.2.2, OpenSent). */
  readonly early: boolean;
}

/** Sends the OPEN and waits for the peer's. */
export function openConnection(id: number, role: Connection['role']): ConnectionStep {
  const effects: Effect[] = [{ type: 'send-open', connection: id }, armTimer(id, 'hold', LARGE_HOLD_TIME)];
  const reason = role === 'outgoing' ? 'connected, OPEN sent' : 'the peer connected, OPEN sent';
  return { connection: { state: 'OpenSent', id, role, draining: false }, effects, reason };
}

/** Starts to connect. */
export function connect(id: number, config: FsmConfig): ConnectionStep {
  const timeout = Math.min(CONNECT_TIMEOUT, config.connectRetryTime);
  return {
    connection: { state: 'Connect', id, role: 'outgoing' },
    effects: [{ type: 'connect', connection: id }, armTimer(id, 'connect', timeout)],
    reason: 'connecting',
  };
}

/** Sends the KEEPALIVE that accepts the peer's OPEN. */
export function confirmConnection(connection: OpenConfirmConnection): ConnectionStep {
  const effects: Effect[] = [{ type: 'send-keepalive', connection: connection.id }];
  const { keepaliveTime } = connection.negotiated;
  if (keepaliveTime > 0) effects.push(armTimer(connection.id, 'keepalive', keepaliveTime));
  return { connection: { ...connection, keepaliveSent: true }, effects, reason: 'OPEN accepted, KEEPALIVE sent' };
}

/** Makes a confirmed connection the session. */
export function establishConnection(
  { id, role, negotiated }: OpenConfirmConnection,
  config: FsmConfig,
  now: number,
): { readonly connection: EstablishedConnection; readonly effects: readonly Effect[] } {
  const effects: Effect[] = [{ type: 'established', connection: id, negotiated }, ...armHold(id, negotiated)];
  const sendHold = sendHoldTime(config, negotiated);
  if (sendHold > 0) effects.push(armTimer(id, 'send-hold', sendHold));
  return { connection: { state: 'Established', id, role, draining: false, negotiated, since: now }, effects };
}

/** Ends a connection by a decision of this side. */
export function closeConnection(connection: Connection, loss: Loss): ConnectionStep {
  const notification = connection.state === 'Connect' ? undefined : loss.notificationSent;
  const effects: Effect[] = [{ type: 'close', connection: connection.id, notification }];
  return { connection: undefined, effects, reason: loss.words, loss };
}

/** Next state of a connection for an input about it. */
export function stepConnection(connection: Connection, input: ConnectionInput, config: FsmConfig): ConnectionStep {
  if (connection.state === 'Connect' || connection.state === 'Postponed') return beforeOpen(connection, input);
  switch (input.type) {
    case 'closed':
      return lost(connection, { kind: 'connection-lost', words: `${input.words}${STAGES[connection.state]}` });
    case 'notification':
      return notified(connection, input.notification);
    case 'protocol-error': {
      const { words, notification } = input;
      return lost(connection, { kind: 'protocol-error', words, notificationSent: notification });
    }
    case 'connection-timer':
      return TIMERS[input.timer](connection, config);
    case 'drained':
      return drained(connection, input.heard);
    case 'open':
      return connection.state === 'OpenSent' ? opened(connection, input.open, config) : unexpected(connection, 'OPEN');
    case 'keepalive':
      if (connection.state === 'OpenSent') return unexpected(connection, 'KEEPALIVE');
      return heard(connection, 'KEEPALIVE received');
    case 'update':
      return consumed(connection, 'UPDATE');
    case 'route-refresh':
      return consumed(connection, 'ROUTE-REFRESH');
    case 'connected':
      break;
  }
  return unchanged(connection, 'TCP was established already');
}

/** What a connection that ends had still to wait for. */
const STAGES = { OpenSent: ' before OPEN', OpenConfirm: ' before KEEPALIVE', Established: '' } as const;

type OpenedConnection = Exclude<Connection, { state: 'Connect' | 'Postponed' }>;

function beforeOpen(connection: Connection, input: ConnectionInput): ConnectionStep {
  const outgoing = connection.state === 'Connect';
  if (input.type === 'connected' && outgoing) return openConnection(connection.id, connection.role);
  if (input.type === 'connection-timer' && input.timer === 'connect' && outgoing) {
    return gone(connection, NO_ANSWER);
  }
  if (input.type === 'closed' || input.type === 'protocol-error') return gone(connection, input.words);
  // A peer may say why it ends the connection before this side has sent its OPEN.
  if (input.type === 'notification') return notified(connection, input.notification);
  return unchanged(connection, `${input.type} means nothing in state ${connection.state}`);
}

/** The end of a connection on which no OPEN was sent. */
function gone(connection: Connection, words: string): ConnectionStep {
  return closeConnection(connection, { kind: 'connection-lost', words, early: true });
}

function lost(connection: Connection, reason: DownReason): ConnectionStep {
  const early = connection.state === 'OpenSent' && reason.kind === 'connection-lost';
  return closeConnection(connection, { ...reason, early });
}

function notified(connection: Connection, notification: Notification): ConnectionStep {
  return lost(connection, {
    kind: 'notification-received',
    words: `the peer sent NOTIFICATION ${describeNotification(notification)}`,
    notificationReceived: notification,
  });
}

/** RFC 4271 §8.2.2, OpenSent: BGPOpen. */
function opened(connection: OpenedConnection, open: Open, config: FsmConfig): ConnectionStep {
  const { id, role } = connection;
  try {
    const negotiated = negotiate(config.open, open, config);
    return {
      connection: {
        state: 'OpenConfirm',
        id,
        role,
        draining: false,
        negotiated,
        keepaliveSent: false,
        keepaliveReceived: false,
      },
      effects: [
        { type: 'negotiated', connection: id, negotiated },
        ...(negotiated.holdTime > 0
          ? armHold(id, negotiated)
          : [{ type: 'cancel-connection', connection: id, timer: 'hold' } as const]),
      ],
      reason: 'OPEN received',
    };
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    return lost(connection, {
      kind: 'protocol-error',
      words: error.message,
      notificationSent: error.notification,
    });
  }
}

/** A KEEPALIVE or UPDATE restarts the hold timer (RFC 4271 §8.2.2, Established). */
function heard(connection: OpenConfirmConnection | EstablishedConnection, reason: string): ConnectionStep {
  const effects = armHold(connection.id, connection.negotiated);
  if (connection.state === 'Established') return { connection: { ...connection, draining: false }, effects, reason };
  return { connection: { ...connection, draining: false, keepaliveReceived: true }, effects, reason };
}

/** A message for an Established session. */
function consumed(connection: OpenedConnection, message: string): ConnectionStep {
  if (connection.state !== 'Established') return unexpected(connection, message);
  const { connection: next, effects } = heard(connection, '');
  return { connection: next, effects: [...effects, { type: 'deliver' }], reason: `${message} received` };
}

/** RFC 6608 §3. */
const FSM_SUBCODES = {
  OpenSent: FSM_IN_OPEN_SENT,
  OpenConfirm: FSM_IN_OPEN_CONFIRM,
  Established: FSM_IN_ESTABLISHED,
} as const;

function unexpected(connection: OpenedConnection, message: string): ConnectionStep {
  return lost(connection, {
    kind: 'protocol-error',
    words: `the peer sent ${message}, which may not come in state ${connection.state}`,
    notificationSent: { code: ERROR_FSM, subcode: FSM_SUBCODES[connection.state], data: new Uint8Array(0) },
  });
}

/** What an expired timer does to a connection on which OPEN was sent. */
const TIMERS: Readonly<Record<ConnectionTimer, (connection: OpenedConnection, config: FsmConfig) => ConnectionStep>> = {
  connect: (connection) => unchanged(connection, 'TCP was established in time'),
  hold: (connection) => ({
    connection: { ...connection, draining: true },
    effects: [{ type: 'drain', connection: connection.id }],
    reason: 'hold timer went off, looking for unread input',
  }),
  keepalive: (connection) => {
    if (connection.state === 'OpenSent') return unchanged(connection, 'no KEEPALIVE is due before OPEN');
    const { keepaliveTime } = connection.negotiated;
    const effects: Effect[] = [
      { type: 'send-keepalive', connection: connection.id },
      armTimer(connection.id, 'keepalive', keepaliveTime),
    ];
    return { connection, effects, reason: 'KEEPALIVE sent' };
  },
  'send-hold': (connection, config) => {
    if (connection.state !== 'Established') return unchanged(connection, 'nothing was to be sent');
    // RFC 9687 §3.3: the peer doesn't read, so that a NOTIFICATION would not get through.
    const seconds = sendHoldTime(config, connection.negotiated);
    const words = `send hold timer expired: the peer accepted no data for ${seconds} s`;
    return lost(connection, { kind: 'send-hold-timer-expired', words });
  },
};

/** The answer to `drain`: only a peer that truly said nothing has let the hold time pass. */
function drained(connection: OpenedConnection, wasHeard: boolean): ConnectionStep {
  if (!connection.draining) return unchanged(connection, 'a message came in while looking for unread input');
  const holdTime = connection.state === 'OpenSent' ? LARGE_HOLD_TIME : connection.negotiated.holdTime;
  if (wasHeard) {
    return {
      connection: { ...connection, draining: false },
      effects: [armTimer(connection.id, 'hold', holdTime)],
      reason: 'unread input found, hold timer started anew',
    };
  }
  return lost(connection, {
    kind: 'hold-timer-expired',
    words: `hold timer expired: nothing heard for ${holdTime} s`,
    notificationSent: { code: ERROR_HOLD_TIMER_EXPIRED, subcode: FSM_UNSPECIFIED, data: new Uint8Array(0) },
  });
}

function unchanged(connection: Connection, reason: string): ConnectionStep {
  return { connection, effects: [], reason: `ignored: ${reason}` };
}

function armHold(connection: number, { holdTime }: Negotiated): Effect[] {
  return holdTime > 0 ? [armTimer(connection, 'hold', holdTime)] : [];
}

function armTimer(connection: number, timer: ConnectionTimer, seconds: number): Effect {
  return { type: 'arm-connection', connection, timer, milliseconds: seconds * 1000 };
}

function sendHoldTime(config: FsmConfig, { holdTime }: Negotiated): number {
  // Without a hold time nothing need be sent for hours, and silence proves nothing.
  if (holdTime === 0) return 0;
  return config.sendHoldTime ?? Math.max(MIN_SEND_HOLD_TIME, 2 * holdTime);
}
