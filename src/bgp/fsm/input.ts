import type { Notification } from '../messages/error.ts';
import type { Open } from '../messages/open.ts';
import type { StopReason } from './cease.ts';

/** Timers of one connection. All of them end with it. */
export type ConnectionTimer = 'connect' | 'hold' | 'keepalive' | 'send-hold';

/** Timers of the peer. */
export type PeerTimer = 'connect-retry' | 'idle-hold' | 'collision';

/** What happens to one connection. The names in brackets are those of RFC 4271 §8.1. */
export type ConnectionInput = { readonly connection: number } & (
  | /** TCP is established [TcpConnectionConfirmed]. */ { readonly type: 'connected' }
  /** TCP could not be established or has ended [TcpConnectionFails]; `words` say why. */
  | { readonly type: 'closed'; readonly words: string }
  /** [BGPOpen] */
  | { readonly type: 'open'; readonly open: Open }
  /** [KeepAliveMsg] */
  | { readonly type: 'keepalive' }
  /** [UpdateMsg] */
  | { readonly type: 'update' }
  | { readonly type: 'route-refresh' }
  /** [NotifMsg] */
  | { readonly type: 'notification'; readonly notification: Notification }
  /** What was received is not acceptable [BGPHeaderErr, BGPOpenMsgErr, UpdateMsgErr]. */
  | { readonly type: 'protocol-error'; readonly notification: Notification; readonly words: string }
  | { readonly type: 'connection-timer'; readonly timer: ConnectionTimer }
  /** Answer to the effect `drain`: whether a message had arrived. */
  | { readonly type: 'drained'; readonly heard: boolean }
);

/** What happens to a peer. */
export type Input =
  | ConnectionInput
  /** [ManualStart] */
  | { readonly type: 'start' }
  /** [ManualStop] */
  | { readonly type: 'stop'; readonly reason: StopReason }
  /** From the next connection on, this OPEN is sent; who connects, and how often it is tried, may change as well. */
  | {
      readonly type: 'configure';
      readonly open: Open;
      readonly passive?: boolean;
      readonly connectRetryTime?: number;
    }
  /** Stopped by an operator until `admin-up`; `message` is told to the peer (RFC 9003). */
  | { readonly type: 'admin-down'; readonly message?: string }
  | { readonly type: 'admin-up' }
  /** Ends the session by an operator's wish; it is set up again. */
  | { readonly type: 'reset'; readonly message?: string }
  /** The peer has connected; answered by the effect `adopt` or `refuse`. */
  | { readonly type: 'accepted' }
  | { readonly type: 'timer'; readonly timer: PeerTimer };
