import type { Family } from '../../net/family.ts';
import type { AddPathTerms, RestartTerms } from '../fsm/local-open.ts';

/** Everything about one neighbour that its session needs. Times are seconds. */
export interface SessionConfig {
  readonly localAs: number;
  readonly peerAs: number;
  /** Of this node, as a number. */
  readonly routerId: number;
  /** Canonical, with `%zone` where it is link-local. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Source address; the system's choice where undefined. */
  readonly localAddress?: string;
  /** To be negotiated; 0 is none. */
  readonly holdTime: number;
  /** A third of the negotiated hold time where undefined. */
  readonly keepaliveTime?: number;
  /** Longest wait between attempts to connect. */
  readonly connectRetryTime: number;
  /** RFC 9687; undefined is its default. 0 is none. */
  readonly sendHoldTime?: number;
  /** Never connect, only accept. */
  readonly passive: boolean;
  /** At least one. */
  readonly families: readonly Family[];
  /** ADD-PATH (RFC 7911), to be announced; not at all where undefined. */
  readonly addPaths?: AddPathTerms;
  /** To be announced; not at all where undefined. */
  readonly gracefulRestart?: RestartTerms;
  /** TCP MD5 (RFC 2385), at most 80 bytes. */
  readonly password?: string;
  /** The password that is to follow: either is tried. */
  readonly nextPassword?: string;
  /** GTSM (RFC 5082): greatest number of hops the peer may be away, 1 being the next node. */
  readonly ttlSecurity?: number;
  /** Hop limit of what is sent, without `ttlSecurity`; that of the system where undefined. */
  readonly ttl?: number;
}
