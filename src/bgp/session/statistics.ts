import type { Notification } from '../messages/error.ts';
import {
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
} from '../messages/framing.ts';

/** Messages of one direction by kind. */
export interface MessageCounts {
  readonly open: number;
  readonly update: number;
  readonly notification: number;
  readonly keepalive: number;
  readonly routeRefresh: number;
}

/** A NOTIFICATION and when it was, milliseconds since 1970. */
export interface NotificationRecord {
  readonly notification: Notification;
  readonly at: number;
}

/** What a session has done since it was made. Instants are milliseconds since 1970. */
export interface SessionStatistics {
  readonly received: MessageCounts;
  readonly sent: MessageCounts;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** How often the session left Established. */
  readonly flaps: number;
  /** Why the session ended, or was not established, the last time. */
  readonly lastError: { readonly words: string; readonly at: number } | undefined;
  readonly lastNotificationReceived: NotificationRecord | undefined;
  readonly lastNotificationSent: NotificationRecord | undefined;
  /** When the session came into its present state. */
  readonly stateSince: number;
}

/** Keeps the statistics of one session. */
export class StatisticsRecorder {
  readonly #received = new Float64Array(MESSAGE_ROUTE_REFRESH + 1);
  readonly #sent = new Float64Array(MESSAGE_ROUTE_REFRESH + 1);
  #bytesReceived = 0;
  #bytesSent = 0;
  #flaps = 0;
  #lastError: SessionStatistics['lastError'];
  #lastNotificationReceived: NotificationRecord | undefined;
  #lastNotificationSent: NotificationRecord | undefined;
  #stateSince = Date.now();

  /** Counts a received message by its type. */
  received(type: number): void {
    this.#received[type]++;
  }

  /** Counts messages handed to the socket. */
  sent(type: number, messages: number, bytes: number): void {
    this.#sent[type] += messages;
    this.#bytesSent += bytes;
  }

  bytesReceived(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  notificationReceived(notification: Notification): void {
    this.#lastNotificationReceived = { notification, at: Date.now() };
  }

  notificationSent(notification: Notification): void {
    this.#lastNotificationSent = { notification, at: Date.now() };
  }

  flap(): void {
    this.#flaps++;
  }

  error(words: string): void {
    this.#lastError = { words, at: Date.now() };
  }

  stateChanged(): void {
    this.#stateSince = Date.now();
  }

  get snapshot(): SessionStatistics {
    return {
      received: countsOf(this.#received),
      sent: countsOf(this.#sent),
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      flaps: this.#flaps,
      lastError: this.#lastError,
      lastNotificationReceived: this.#lastNotificationReceived,
      lastNotificationSent: this.#lastNotificationSent,
      stateSince: this.#stateSince,
    };
  }
}

function countsOf(counts: Float64Array): MessageCounts {
  return {
    open: counts[MESSAGE_OPEN],
    update: counts[MESSAGE_UPDATE],
    notification: counts[MESSAGE_NOTIFICATION],
    keepalive: counts[MESSAGE_KEEPALIVE],
    routeRefresh: counts[MESSAGE_ROUTE_REFRESH],
  };
}
