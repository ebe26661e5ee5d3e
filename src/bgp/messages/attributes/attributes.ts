/**
 * The attributes of a route as objects: for filters, the API, the command line and tests. The hot path reads bytes.
 */
import type { ExtendedCommunity } from './extended-communities.ts';
import type { LargeCommunity } from './large-communities.ts';

/** RFC 4271 §4.3. */
export type Origin = 'igp' | 'egp' | 'incomplete';

/** One segment of an AS_PATH (RFC 4271 §4.3; the confederation types RFC 5065 §3). */
export interface AsSegment {
  readonly type: 'set' | 'sequence' | 'confed-sequence' | 'confed-set';
  readonly asns: readonly number[];
}

/** Who formed an aggregate (RFC 4271 §5.1.7). */
export interface Aggregator {
  readonly asn: number;
  /** Dotted. */
  readonly routerId: string;
}

/** An attribute kept as it came. */
export interface UnknownAttribute {
  readonly code: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

/** All attributes of a route. Absent optional ones are missing; lists are empty where the attribute is absent. */
export interface Attributes {
  readonly origin: Origin;
  readonly asPath: readonly AsSegment[];
  /** Canonical text of the (global) next hop. */
  readonly nextHop?: string;
  /** The second address of a 32-byte IPv6 next hop (RFC 2545 §3), without zone. */
  readonly linkLocalNextHop?: string;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate: boolean;
  readonly aggregator?: Aggregator;
  /** RFC 1997, 32-bit numbers. */
  readonly communities: readonly number[];
  /** Dotted. */
  readonly originatorId?: string;
  /** Dotted, nearest first. */
  readonly clusterList: readonly string[];
  readonly extendedCommunities: readonly ExtendedCommunity[];
  /** RFC 5701, 20 bytes each. */
  readonly ipv6ExtendedCommunities: readonly Uint8Array[];
  /** Accumulated IGP metric (RFC 7311), 64 bits. */
  readonly aigp?: bigint;
  readonly largeCommunities: readonly LargeCommunity[];
  /** Only to Customer, the AS it was marked by (RFC 9234 §5). */
  readonly onlyToCustomer?: number;
  readonly unknown: readonly UnknownAttribute[];
  /** Number that this router gave a route of its own, for its export policies; told to nobody and not shown. 0 is left out. */
  readonly label?: number;
}

/** A route that carries nothing but an empty path: what a router that originates one begins with. */
export const PLAIN_ATTRIBUTES: Attributes = {
  origin: 'igp',
  asPath: [],
  atomicAggregate: false,
  communities: [],
  clusterList: [],
  extendedCommunities: [],
  ipv6ExtendedCommunities: [],
  largeCommunities: [],
  unknown: [],
};
