import type { Notification } from '../messages/error.ts';
import type { ConnectionTimer, PeerTimer } from './input.ts';
import type { Negotiated } from './negotiate.ts';

/** Why a session left Established. */
export interface DownReason {
  readonly kind:
    | 'hold-timer-expired'
    | 'send-hold-timer-expired'
    | 'notification-received'
    /** What the peer sent was not acceptable. */
    | 'protocol-error'
    | 'connection-lost'
    /** The peer has restarted and connected anew (RFC 4724 §4.2). */
    | 'replaced'
    /** Ended from this side. */
    | 'stopped';
  readonly words: string;
  readonly notificationSent?: Notification;
  readonly notificationReceived?: Notification;
}

/** What the shell has to do, in order. Times are milliseconds; `connection` is the id of a connection. */
export type Effect =
  /** Start to connect; answered by the input `connected` or `closed`. */
  | { readonly type: 'connect'; readonly connection: number }
  /** The accepted socket becomes this connection. */
  | { readonly type: 'adopt'; readonly connection: number }
  /** The accepted socket is told why and closed. */
  | { readonly type: 'refuse'; readonly notification: Notification }
  | { readonly type: 'send-open'; readonly connection: number }
  | { readonly type: 'send-keepalive'; readonly connection: number }
  /** The connection is gone for the machine, with its timers. `notification` is flushed before TCP is closed. */
  | { readonly type: 'close'; readonly connection: number; readonly notification: Notification | undefined }
  /** Starts a timer, in place of a running one of that name. */
  | {
      readonly type: 'arm-connection';
      readonly connection: number;
      readonly timer: ConnectionTimer;
      readonly milliseconds: number;
    }
  | { readonly type: 'cancel-connection'; readonly connection: number; readonly timer: ConnectionTimer }
  | { readonly type: 'arm'; readonly timer: PeerTimer; readonly milliseconds: number }
  | { readonly type: 'cancel'; readonly timer: PeerTimer }
  /** Read what the kernel has for this connection, pass it on, then answer with the input `drained`. */
  | { readonly type: 'drain'; readonly connection: number }
  /** OPENs are exchanged: from now on messages may have the negotiated length. */
  | { readonly type: 'negotiated'; readonly connection: number; readonly negotiated: Negotiated }
  | { readonly type: 'established'; readonly connection: number; readonly negotiated: Negotiated }
  /** The session has left Established. */
  | { readonly type: 'down'; readonly reason: DownReason }
  /** The UPDATE or ROUTE-REFRESH that was the input goes on to its consumer. */
  | { readonly type: 'deliver' }
  /** Something a user should see as the peer's last error. */
  | { readonly type: 'error'; readonly words: string };
