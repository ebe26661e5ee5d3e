/**
 * Everything the API needs from the daemon. The daemon implements it; the API and its tests know nothing else of the
 * daemon. Answers are plain data that the daemon doesn't touch afterwards.
 */
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import type { HeldChanges, PeerExplanation } from './peer-explanation-types.ts';
import type { DatastoreCounters, ProcessView, Slice } from './process-view.ts';
import type { FibEntry, PrefixMatch, RouteEntry, RouteExplanation, RouteViewName } from './route-types.ts';
import type { ServiceExplanationReport, ServiceReport } from './service-types.ts';
import type {
  ActionResult,
  ConfigDiff,
  ConfigDiffInput,
  DaemonEvent,
  DrainInput,
  FamilyName,
  PeerDetail,
  PeerSummary,
  ResetKind,
  RouteInput,
  StatusReport,
} from './types.ts';

/** Which routes are asked for. Fields that are absent don't narrow. */
export interface RouteQuery {
  readonly view: RouteViewName;
  readonly family?: Family;
  /** Canonical address; always present for the view `advertised`. */
  readonly peer?: string;
  /** With its `match`. `longer`: the prefix and what lies within it; `shorter`: the prefix and what covers it. */
  readonly prefix?: Prefix;
  readonly match: PrefixMatch;
}

/** Which kernel routes are asked for. */
export interface FibQuery {
  readonly family?: Family;
  /** Just the route of this prefix. */
  readonly prefix?: Prefix;
  /** Only those where the kernel differs from what it should have. */
  readonly differencesOnly: boolean;
  /** Whether to say which paths and rules chose each. */
  readonly why: boolean;
}

/** Which services are asked for. Fields that are absent don't narrow. */
export interface ServiceQuery {
  readonly namespace?: string;
  /** Whether an address of the service is advertised at least. */
  readonly advertised?: boolean;
}

/** Figures of the kernel's routes. */
export interface FibCounters {
  /** Routes written to, and removed from, the kernel; requests it refused; foreign changes undone. */
  readonly written: number;
  readonly removed: number;
  readonly errors: number;
  readonly repaired: number;
  /** Routes still to be worked on. */
  readonly pending: number;
  /** Routes found at the start and kept. */
  readonly adopted: number;
  readonly nextHopGroups: number;
  readonly groupWrites: number;
  /** Next hops of learned routes that can't be reached. */
  readonly unresolvedNextHops: number;
  /** Time spent writing to the kernel, in all. */
  readonly applySeconds: number;
  /** When the kernel last had everything, seconds since 1970; undefined before. */
  readonly lastSync?: number;
}

/** Figures of what is announced for services. */
export interface AdvertiserCounters {
  readonly services: number;
  readonly endpoints: number;
  /** Routes that are wanted, and the ranges among them. */
  readonly routes: number;
  readonly aggregates: number;
  /** Withdrawals that wait. */
  readonly held: number;
  /** Whether no routes are originated, whatever is wanted. */
  readonly withheld: boolean;
  /** Routes that came, changed or went since the daemon started. */
  readonly changes: number;
}

/** Figures that only the metrics need. Totals count since the daemon started. */
export interface DaemonCounters {
  readonly families: Readonly<
    Record<
      FamilyName,
      {
        /** Prefixes with at least one path, and paths of all of them. */
        readonly prefixes: number;
        readonly paths: number;
        /** Routes originated by this node. */
        readonly originated: number;
      }
    >
  >;
  /** Interned attribute sets. */
  readonly attributeSets: number;
  readonly updateGroups: number;
  readonly fib: FibCounters;
  readonly advertiser: AdvertiserCounters;
  readonly datastore: DatastoreCounters;
}

/** The daemon as the API sees it. Addresses are canonical text. */
export interface DaemonView extends ProcessView<DaemonEvent> {
  status(): StatusReport;

  /** All peers, in a stable order. */
  peers(): readonly PeerSummary[];

  /** One peer, or undefined where there is none with that address. */
  peer(address: string): PeerDetail | undefined;

  /** Why there is a peer or not: by its address, or the name of a node or BGPPeer. */
  explainPeer(query: string): PeerExplanation;

  /** What waits for {@link peerConfirm}. */
  heldChanges(): HeldChanges;

  /**
   * Routes from a position on, 0 to begin with, about `limit` of them. May return fewer, even none, to keep the
   * call short (a few milliseconds); the paths of one prefix are never divided between slices. Positions mean
   * something for the same query only, and survive changes of the RIB: a route that is there all the time is seen once.
   * Throws {@link ApiError} NOT_FOUND where `query.peer` is not a peer.
   */
  routes(query: RouteQuery, position: number, limit: number): Slice<RouteEntry>;

  /** Why the route to a prefix (a host prefix for an address) is what it is; the longest match decides. */
  explain(prefix: Prefix): RouteExplanation | Promise<RouteExplanation>;

  /**
   * Routes of the kernel that are, or should be, from this daemon; slices as those of {@link routes}. The first slice
   * compares with the kernel anew. Throws {@link ApiError} CONFLICT where differences are asked for and the FIB is off.
   */
  fib(query: FibQuery, position: number, limit: number): Slice<FibEntry> | Promise<Slice<FibEntry>>;

  /** Services in a stable order; slices as those of {@link routes}. */
  services(query: ServiceQuery, position: number, limit: number): Slice<ServiceReport>;

  /** What is advertised for a service, and why; undefined where there is no such service. */
  explainService(namespace: string, name: string): ServiceExplanationReport | undefined;

  counters(): DaemonCounters;

  /** What the node would do differently with other resources. Changes nothing. */
  configDiff(input: ConfigDiffInput): ConfigDiff | Promise<ConfigDiff>;

  // Actions. They throw ApiError: NOT_FOUND, INVALID for what can't be, CONFLICT for what can't be now.

  /** `hard` closes the session (Cease/4); `in` asks for, and `out` sends, all routes again (RFC 2918). */
  peerReset(address: string, kind: ResetKind): ActionResult | Promise<ActionResult>;

  /** Closes the session with Cease/2 and `message` (RFC 9003), and keeps it closed. Done again: no error. */
  peerDisable(address: string, message: string | undefined): ActionResult | Promise<ActionResult>;

  peerEnable(address: string): ActionResult | Promise<ActionResult>;

  /** Does what is held back because it takes too many sessions away. */
  peerConfirm(): ActionResult | Promise<ActionResult>;

  /** Originates a route until the daemon restarts, in place of an earlier one for the prefix. `prefix` is `route.prefix`. */
  routeAdd(prefix: Prefix, route: RouteInput): ActionResult | Promise<ActionResult>;

  /** Removes a route made by {@link routeAdd}. */
  routeDelete(prefix: Prefix): ActionResult | Promise<ActionResult>;

  /** Takes the node out of the network in order: GRACEFUL_SHUTDOWN (RFC 8326), then without services, then without pods. */
  drain(input: DrainInput): ActionResult | Promise<ActionResult>;

  /** Ends a drain that was asked for with {@link drain}. */
  undrain(): ActionResult | Promise<ActionResult>;
}
