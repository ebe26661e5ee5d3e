/** A neighbour that this node should have, and how one description of it follows from another. */
import type { Family } from '../net/family.ts';
import type { Labels } from '../resources/selector.ts';

/** The addresses a node has for BGP, as canonical text; one, both or none. */
export interface NodeAddresses {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** The TCP MD5 password (RFC 2385) of a session. `value` is a secret: it must not get into words, logs or the API. */
export type Password =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly value: string }
  | { readonly kind: 'unavailable'; readonly why: string };

/** `keep` sends routes with the next hop they have, `self` with this node's address, `auto` as RFC 4271 §5.1.3 says. */
export type NextHopMode = 'auto' | 'self' | 'keep';

/** Where a neighbour comes from: the node-to-node mesh, a BGPPeer for some nodes, one for all, or one for workloads. */
export type NeighbourType = 'mesh' | 'node' | 'global' | 'workload';

/** Directions in which several paths to a prefix are asked for (ADD-PATH, RFC 7911). */
export interface AddPaths {
  readonly send: boolean;
  readonly receive: boolean;
}

/** `full` is RFC 4724, `helper` only keeps the routes of neighbours that restart, `off` does neither. */
export type GracefulRestartMode = 'full' | 'helper' | 'off';

/** What LOCAL_PREF means to the neighbour: an encoded kernel metric, the plain number, or whichever it sends itself. */
export type LocalPreferenceScale = 'auto' | 'metric' | 'plain';

/** All that a session needs to know. Plain data: two descriptions of the same neighbour can be compared field by field. */
export interface Neighbour {
  /** Identity: the canonical address, followed by the port where that is not 179. */
  readonly key: string;
  /** Canonical text; a link-local address has its `%zone`. */
  readonly address: string;
  readonly port: number;
  readonly peerAs: number;
  /** AS of this side of the session: that of the node, or another one (`localASNumber`). */
  readonly localAs: number;
  /** Whether the session is eBGP. */
  readonly external: boolean;
  /** Source address of the connection; the kernel chooses one where it is absent. */
  readonly localAddress?: string;
  /** The node's addresses, for the next hop of the family that the session doesn't run over. */
  readonly localAddresses: NodeAddresses;
  /** Seconds, as proposed to the neighbour. */
  readonly holdTime: number;
  /** Seconds; a third of the negotiated hold time where absent. */
  readonly keepaliveTime?: number;
  /** Longest wait between attempts to connect, in seconds; the daemon's own where absent. */
  readonly connectRetryTime?: number;
  /** Whether connections are only accepted, never opened. */
  readonly passive: boolean;
  /** Families offered to the neighbour. */
  readonly families: readonly Family[];
  /** Offered to the neighbour, for all its families. */
  readonly addPaths: AddPaths;
  /** Hops to the neighbour, for GTSM (RFC 5082). */
  readonly ttlSecurity?: number;
  /** How often the local AS may stand in a received AS_PATH. */
  readonly allowLocalAs: number;
  readonly nextHopMode: NextHopMode;
  /** Names of BGPFilters, in order. */
  readonly filters: readonly string[];
  /** Whether the neighbour is a client of this node as a route reflector (RFC 4456). */
  readonly reflectorClient: boolean;
  /** Cluster id of this node, where it is a route reflector. */
  readonly clusterId?: number;
  /** Seconds for graceful restart (RFC 4724). */
  readonly restartTime: number;
  readonly gracefulRestartMode: GracefulRestartMode;
  readonly localPreference: LocalPreferenceScale;
  readonly password: Password;
  /** The password that is to follow `password`, accepted beside it meanwhile. Secret as that one is. */
  readonly nextPassword?: string;
  /** Gateway of the route to the neighbour, canonical text. */
  readonly reachableBy?: string;
  readonly type: NeighbourType;
  /** What selectors of peers see of it: the labels of the BGPPeer, and what it is, as `peer.starling.dev/type` and so on. */
  readonly labels: Labels;
  /** The node of the cluster that the neighbour is, if it is one. */
  readonly nodeName?: string;
  /** Name of the PeerProfile that applies, if any. */
  readonly profile?: string;
  /** The resource it comes from: `BGPPeer tor-a`, or `node-to-node mesh`. */
  readonly source: string;
  /** Why this node has this neighbour, as a sentence. */
  readonly reason: string;
  /** Why no session may be opened although the neighbour is wanted, as a sentence. */
  readonly heldDown?: string;
}

/**
 * What a change of a neighbour asks for, each including those before it: nothing; new policies for a session that goes on;
 * other TCP MD5 keys on its connection, or none any more; a new session because the old one was opened on other terms.
 */
export type ChangeKind = 'none' | 'policy' | 'password' | 'session';

/** From the least to the most. */
const RANKS: readonly ChangeKind[] = ['none', 'policy', 'password', 'session'];

/** What a difference in each field asks for. */
const EFFECTS: Readonly<Record<keyof Neighbour, ChangeKind>> = {
  key: 'session',
  address: 'session',
  port: 'session',
  peerAs: 'session',
  localAs: 'session',
  external: 'session',
  localAddress: 'session',
  localAddresses: 'policy',
  holdTime: 'session',
  keepaliveTime: 'session',
  // Who opens the connection matters no more once there is one.
  passive: 'none',
  connectRetryTime: 'none',
  addPaths: 'session',
  families: 'session',
  ttlSecurity: 'session',
  allowLocalAs: 'policy',
  nextHopMode: 'policy',
  filters: 'policy',
  reflectorClient: 'policy',
  clusterId: 'policy',
  // Told in the next OPEN; not worth losing a session for.
  restartTime: 'none',
  gracefulRestartMode: 'session',
  localPreference: 'policy',
  password: 'password',
  nextPassword: 'password',
  // The route to the neighbour is no term of the session.
  reachableBy: 'none',
  type: 'none',
  labels: 'policy',
  source: 'none',
  reason: 'none',
  nodeName: 'none',
  profile: 'none',
  heldDown: 'session',
};

const FIELDS = Object.keys(EFFECTS).filter((field): field is keyof Neighbour => Object.hasOwn(EFFECTS, field));

/**
 * What has to happen to the session of a neighbour that is described by `after` from now on. Even with `none` the new
 * description counts: for words, and for the next session.
 */
export function changeKind(before: Neighbour, after: Neighbour): ChangeKind {
  let kind: ChangeKind = 'none';
  if (before === after) return kind;
  for (const field of FIELDS) {
    const effect = EFFECTS[field];
    if (RANKS.indexOf(effect) > RANKS.indexOf(kind) && !areEqual(before[field], after[field])) kind = effect;
  }
  return kind;
}

/** Whether two descriptions are the same in every field. */
export function sameNeighbour(one: Neighbour, other: Neighbour): boolean {
  return FIELDS.every((field) => areEqual(one[field], other[field]));
}

function areEqual(one: unknown, other: unknown): boolean {
  return one === other || (typeof one === 'object' && JSON.stringify(one) === JSON.stringify(other));
}
