/** Real BGP daemons behind one interface, so that tests and benchmarks are tables of peers. */
import type { FamilyName } from '../bgp/messages.ts';
import type { Namespace } from '../namespaces.ts';
import type { RunningProcess } from '../processes.ts';

/** One neighbour of a router. */
export interface NeighbourConfig {
  readonly address: string;
  readonly asn: number;
  readonly families: readonly FamilyName[];
  /** Wait for the neighbour to connect. */
  readonly passive?: boolean;
  /** TCP MD5 key (RFC 2385). */
  readonly password?: string;
  /** GTSM for a directly connected neighbour (RFC 5082). */
  readonly ttlSecurity?: boolean;
  /** Seconds. */
  readonly holdTime?: number;
  /** Treat the neighbour as a route reflector client (RFC 4456). */
  readonly client?: boolean;
  /** Announce the own address as next hop to an internal neighbour. */
  readonly nextHopSelf?: boolean;
  /** Tell and take all paths (ADD-PATH, RFC 7911). Starling offers that in any case. */
  readonly addPaths?: boolean;
  /** Announce nothing to the neighbour. */
  readonly silent?: boolean;
  /** Graceful restart (RFC 4724) within so many seconds. */
  readonly restartTime?: number;
  /** The router's addresses on the link to this neighbour, where they are not those of the router. */
  readonly local?: LocalAddresses;
}

/** Addresses of a router. */
export interface LocalAddresses {
  /** For IPv4 sessions and as IPv4 next hop. */
  readonly address: string;
  /** For IPv6 sessions and as IPv6 next hop. */
  readonly address6?: string;
}

/** Configuration of a router: it takes all routes from all neighbours and announces all best paths to all of them. */
export interface RouterConfig extends LocalAddresses {
  readonly asn: number;
  readonly routerId: string;
  /** Cluster id of a route reflector (RFC 4456), where it is not the router id. */
  readonly clusterId?: string;
  /** Port to listen on, where it is not 179. */
  readonly port?: number;
  /** Write routes to the kernel's main table, over all equally good next hops. Only Starling, BIRD and FRR can. */
  readonly kernel?: boolean;
  readonly neighbours: readonly NeighbourConfig[];
  /** It has run before: neighbours may keep its routes until it has told them again. */
  readonly restarted?: boolean;
}

/** Where a router runs. */
export interface RouterPlace {
  /** The current one when left out. */
  readonly namespace?: Namespace;
  /** CPU to pin it to. */
  readonly cpu?: string;
}

/** What a router says of a neighbour. */
export interface NeighbourView {
  readonly established: boolean;
  /** The router's own word for the state. */
  readonly state: string;
  /** All it says of the neighbour, and its log, as text, in which a test looks for messages. */
  readonly text: string;
}

/** A running router. */
export interface Router extends AsyncDisposable {
  readonly kind: string;
  readonly process: RunningProcess;
  /** Processes beside {@link process} that do part of its work. */
  readonly companions?: readonly RunningProcess[];
  neighbour(address: string): Promise<NeighbourView>;
  /** All that the router says of a prefix in its BGP table, as text. Not all routers can. */
  paths?(prefix: string): Promise<string>;
  /** Asks the neighbour for its routes again (RFC 2918). */
  refreshIn(address: string): Promise<void>;
  /** Announces everything to the neighbour again. */
  refreshOut(address: string): Promise<void>;
  /** Shuts the session down with a message (RFC 9003). */
  shutDown(address: string, message: string): Promise<void>;
  /** Brings it up again. */
  enable(address: string): Promise<void>;
  /** Stops the router as by SIGSTOP, so that it falls silent while its connections stay. */
  readonly freeze: () => void;
  /** Lets it go on. */
  readonly thaw: () => void;
}

/** Starts a router of one kind. */
export type StartRouter = (config: RouterConfig, place: RouterPlace) => Promise<Router>;
