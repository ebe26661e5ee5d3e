/**
 * One TCP connection of a session: its transport and timers, and the inputs of the state machine that come from them.
 */
import type { Socket } from 'node:net';
import { familyOf } from '../../net/family.ts';
import type { Effect } from '../fsm/effect.ts';
import type { ConnectionTimer, Input } from '../fsm/input.ts';
import type { Negotiated } from '../fsm/negotiate.ts';
import { BgpError } from '../messages/error.ts';
import {
  MAX_EXTENDED_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_UPDATE,
} from '../messages/framing.ts';
import { encodeKeepalive } from '../messages/keepalive.ts';
import { ERROR_CEASE } from '../messages/notification-codes.ts';
import { decodeNotification, encodeNotification } from '../messages/notification.ts';
import { decodeOpen } from '../messages/open.ts';
import { decodeRouteRefresh } from '../messages/route-refresh.ts';
import type { SessionEnvironment, SessionHandler } from './session-handler.ts';
import type { StatisticsRecorder } from './statistics.ts';
import { TimerSet } from './timer-set.ts';
import { Transport } from './transport.ts';
import type { TransportEvents } from './transport.ts';

/** Effects about one connection that are carried out on it. */
export type ConnectionEffect = Exclude<
  Extract<Effect, { connection: number }>,
  { type: 'connect' | 'adopt' | 'established' }
>;

/** The session that a connection belongs to. */
export interface ConnectionOwner {
  readonly handler: SessionHandler;
  readonly environment: SessionEnvironment;
  /** Whom log lines are about. */
  readonly peerAddress: string;
  readonly statistics: StatisticsRecorder;
  /** The OPEN to send, a whole message. */
  readonly open: () => Uint8Array;
  /** What was negotiated, where this connection is the Established session. */
  negotiated(connection: number): Negotiated | undefined;
  /** Runs the state machine; `deliver` hands the message on that the input is about. */
  give(input: Input, deliver?: () => void): void;
}

/** What is real of a connection of the state machine. */
export class SessionConnection implements TransportEvents {
  readonly #id: number;
  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  readonly #timers: TimerSet<ConnectionTimer>;

  constructor(id: number, socket: Socket, owner: ConnectionOwner) {
    this.#id = id;
    this.#owner = owner;
    this.#timers = new TimerSet((timer) => owner.give({ type: 'connection-timer', connection: id, timer }));
    this.#transport = new Transport(socket, this, owner.environment.readBudget);
  }

  get socket(): Socket {
    return this.#transport.socket;
  }

  /** Sends whole messages of one kind; false where the transport has enough to do. */
  send(bytes: Uint8Array, type: number, messages: number): boolean {
    this.#owner.statistics.sent(type, messages, bytes.length);
    return this.#transport.write(bytes);
  }

  /** Carries out an effect. The promise is that of a closing. */
  perform(effect: ConnectionEffect): Promise<void> | undefined {
    switch (effect.type) {
      case 'send-open':
        this.send(this.#owner.open(), MESSAGE_OPEN, 1);
        this.#transport.startReading();
        break;
      case 'send-keepalive':
        this.send(encodeKeepalive(), MESSAGE_KEEPALIVE, 1);
        break;
      case 'arm-connection':
        this.#timers.arm(effect.timer, effect.milliseconds);
        break;
      case 'cancel-connection':
        this.#timers.cancel(effect.timer);
        break;
      case 'negotiated':
        // RFC 8654 §4.
        if (effect.negotiated.extendedMessage) this.#transport.framer.maxLength = MAX_EXTENDED_MESSAGE_LENGTH;
        break;
      case 'drain':
        this.#transport.drain((heard) => this.#owner.give({ type: 'drained', connection: this.#id, heard }));
        break;
      case 'close': {
        this.#timers.clear();
        if (effect.notification === undefined) return this.#transport.close(undefined);
        const bytes = encodeNotification(effect.notification);
        this.#owner.statistics.sent(MESSAGE_NOTIFICATION, 1, bytes.length);
        return this.#transport.close(bytes);
      }
    }
    return undefined;
  }

  connected(): void {
    this.#owner.give({ type: 'connected', connection: this.#id });
  }

  received(bytes: number): void {
    this.#owner.statistics.bytesReceived(bytes);
  }

  progress(): void {
    this.#timers.restart('send-hold');
  }

  writable(): void {
    if (this.#session !== undefined) this.#owner.handler.writable();
  }

  closed(words: string): void {
    this.#owner.give({ type: 'closed', connection: this.#id, words });
  }

  failed(error: unknown): void {
    const connection = this.#id;
    if (error instanceof BgpError) {
      const { notification, message: words } = error;
      this.#owner.give({ type: 'protocol-error', connection, notification, words });
      return;
    }
    // A defect of this daemon: the session is in an unknown state, the others are not.
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const { environment, peerAddress } = this.#owner;
    environment.log('error', `a received message could not be handled: ${what}`, peerAddress);
    const notification = { code: ERROR_CEASE, subcode: 0, data: new Uint8Array(0) };
    const words = `internal error while handling a message: ${error instanceof Error ? error.message : String(error)}`;
    this.#owner.give({ type: 'protocol-error', connection, notification, words });
  }

  message(type: number, buffer: Uint8Array, start: number, end: number): void {
    const connection = this.#id;
    const { statistics, handler } = this.#owner;
    statistics.received(type);
    switch (type) {
      case MESSAGE_UPDATE:
        if (this.#session === undefined) {
          this.#owner.give({ type: 'update', connection }, () => handler.update(buffer, start, end));
          break;
        }
        // The hot path. All that the state machine would do is to start the hold timer anew.
        this.#timers.restart('hold');
        handler.update(buffer, start, end);
        break;
      case MESSAGE_KEEPALIVE:
        this.#owner.give({ type: 'keepalive', connection });
        break;
      case MESSAGE_OPEN:
        this.#owner.give({ type: 'open', connection, open: decodeOpen(buffer, start, end) });
        break;
      case MESSAGE_NOTIFICATION: {
        const notification = decodeNotification(buffer, start, end);
        statistics.notificationReceived(notification);
        this.#owner.give({ type: 'notification', connection, notification });
        break;
      }
      default:
        this.#owner.give({ type: 'route-refresh', connection }, () => this.#routeRefresh(buffer, start, end));
    }
  }

  /** What was negotiated, while this connection is the Established session. */
  get #session(): Negotiated | undefined {
    return this.#owner.negotiated(this.#id);
  }

  #routeRefresh(buffer: Uint8Array, start: number, end: number): void {
    const { afi, safi, subtype } = decodeRouteRefresh(buffer, start, end);
    const family = familyOf(afi, safi);
    // RFC 2918 §4: one for a family that was not negotiated is ignored.
    if (family === undefined || !this.#session?.families.includes(family)) return;
    this.#owner.handler.routeRefresh(family, subtype);
  }
}
