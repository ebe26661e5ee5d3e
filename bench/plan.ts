/** What each scenario consists of: shared by the side that configures the daemon and the side that makes the load. */

/** The AS of the daemon under test. */
export const DUT_ASN = 64_512;
/** The address of the daemon under test; the neighbours share its subnet. */
export const DUT_ADDRESS = '10.100.0.1';
/** Prefix length of the link's subnet. */
export const SUBNET_LENGTH = 16;

/** The daemon's address on the second link, which only scenarios with {@link Scenario.secondLink} have. */
export const SECOND_ADDRESS = '10.101.0.1';
/** What that link is called at both ends. */
export const SECOND_LINK = 'eth1';

/** A neighbour of the daemon under test, played by the load generator. */
export interface Neighbour {
  readonly address: string;
  readonly asn: number;
  /** The address of the daemon that it connects to. */
  readonly daemon: string;
}

/** Seconds; the usual default. */
export const HOLD_TIME = 90;

/** Seconds, of the neighbours of `fib-full`: their KEEPALIVEs have to come every second. */
export const SHORT_HOLD_TIME = 3;

export const SCENARIO_NAMES = [
  'full-table',
  'failover',
  'churn',
  'reflector',
  'reflector-1000',
  'reflector-add-path',
  'latency',
  'idle',
  'startup',
  'fib-install',
  'fib-full',
  'fib-failover',
  'fib-peer-loss',
  'fib-restart',
  'cluster-etcd',
  'cluster-kubernetes',
  'mesh-50',
  'services',
  'policy',
] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** A scenario: what is measured, with how many of everything at scale 1. */
export interface Scenario {
  readonly name: ScenarioName;
  /** One sentence for the report. */
  readonly title: string;
  /** How many neighbours there are, and whether they are internal (route reflector clients). */
  readonly neighbours: number;
  readonly internal: boolean;
  /** Prefixes a feeder announces. */
  readonly prefixes: number;
  /** Attribute sets of a feeder. */
  readonly sets: number;
  /** What is compared with BIRD's figure. */
  readonly figure: 'cpuSeconds' | 'p50Milliseconds' | 'corePercent' | 'wallSeconds' | 'switchMilliseconds';
  /** Peers that need minutes here and run only with `--all`. */
  readonly slow: readonly string[];
  /** What runs it. */
  readonly daemons: readonly string[];
  /** Whether the daemon writes its routes to the kernel. */
  readonly kernel?: true;
  /** Whether all paths are told, with identifiers (RFC 7911), in both directions. */
  readonly addPaths?: true;
  /** Whether the second neighbour is at the other end of a second link. */
  readonly secondLink?: true;
}

const plain = {
  neighbours: 2,
  internal: false,
  slow: [],
  figure: 'cpuSeconds',
  daemons: ['starling', 'bird', 'frr', 'gobgpd', 'openbgpd'],
} as const;

const manyClients = {
  ...plain,
  neighbours: 1000,
  internal: true,
  prefixes: 16,
  sets: 1,
  slow: ['gobgpd', 'openbgpd', 'frr'],
} as const;

const kernel = {
  ...plain,
  kernel: true,
  daemons: ['starling', 'bird', 'frr'],
  prefixes: 100_000,
  sets: 20_000,
} as const;

/** Neighbours are the nodes, and prefixes the blocks of each. */
const cluster = {
  ...plain,
  neighbours: 2000,
  internal: true,
  prefixes: 5,
  sets: 1,
  figure: 'wallSeconds',
  // There is no other program here that reads such a datastore.
  daemons: ['starling'],
} as const;

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  'full-table': {
    ...plain,
    name: 'full-table',
    title: 'full table: 1,000,000 IPv4 prefixes in 200,000 attribute sets from one eBGP peer to one other',
    prefixes: 1_000_000,
    sets: 200_000,
    slow: ['gobgpd'],
  },
  failover: {
    ...plain,
    name: 'failover',
    title: 'two feeders of 100,000 prefixes each, then the better one dies; measured from its death',
    neighbours: 3,
    prefixes: 100_000,
    sets: 20_000,
  },
  churn: {
    ...plain,
    name: 'churn',
    title: '20,000 changed paths in a table of 100,000; mean of 5 rounds',
    prefixes: 100_000,
    sets: 20_000,
  },
  reflector: {
    ...plain,
    name: 'reflector',
    title: 'route reflector: 100 iBGP clients, 500 prefixes each, everyone hears everyone',
    neighbours: 100,
    internal: true,
    prefixes: 500,
    sets: 100,
    slow: ['gobgpd'],
  },
  'reflector-1000': {
    ...manyClients,
    name: 'reflector-1000',
    title:
      'route reflector: 1,000 iBGP clients, 16 prefixes each, from the first connection to everyone having heard everyone',
  },
  'reflector-add-path': {
    ...manyClients,
    name: 'reflector-add-path',
    title: 'the same with all paths told, with identifiers (RFC 7911)',
    addPaths: true,
    // OpenBGPD sends no more than the best path without configuration of its own.
    daemons: ['starling', 'bird', 'frr', 'gobgpd'],
  },
  latency: {
    ...plain,
    name: 'latency',
    title: 'one update through a table of 100,000, 2,000 times one after the other',
    prefixes: 100_000,
    sets: 20_000,
    figure: 'p50Milliseconds',
  },
  idle: {
    ...plain,
    name: 'idle',
    title: '1,000 idle established peers for 30 s (hold time 90 s, keepalive 30 s)',
    neighbours: 1000,
    prefixes: 0,
    sets: 0,
    figure: 'corePercent',
  },
  startup: {
    ...plain,
    name: 'startup',
    title: 'start of the process to the first session up',
    neighbours: 1,
    prefixes: 0,
    sets: 0,
    figure: 'wallSeconds',
  },
  'fib-install': {
    ...kernel,
    name: 'fib-install',
    title: '100,000 prefixes from one peer into an empty kernel table',
    neighbours: 1,
    figure: 'wallSeconds',
    daemons: [...kernel.daemons, 'ip'],
  },
  'fib-full': {
    ...kernel,
    name: 'fib-full',
    title: '1,000,000 prefixes into the kernel, beside 2 idle sessions with a hold time of 3 s',
    neighbours: 3,
    prefixes: 1_000_000,
    sets: 200_000,
    figure: 'wallSeconds',
  },
  'fib-failover': {
    ...kernel,
    name: 'fib-failover',
    title: '100,000 prefixes over two next hops, then the link of one dies; measured from there',
    secondLink: true,
    figure: 'switchMilliseconds',
  },
  'fib-peer-loss': {
    ...kernel,
    name: 'fib-peer-loss',
    title: '100,000 prefixes over two next hops, then one peer closes its connection; measured from there',
    secondLink: true,
    figure: 'switchMilliseconds',
  },
  'fib-restart': {
    ...kernel,
    name: 'fib-restart',
    title: 'start with 100,000 routes of a run before in the kernel, until they are known',
    neighbours: 1,
    figure: 'wallSeconds',
    daemons: ['starling'],
  },
  'cluster-etcd': {
    ...cluster,
    name: 'cluster-etcd',
    title: 'one node of a cluster of 2,000 nodes with 10,000 blocks in etcd',
  },
  'cluster-kubernetes': {
    ...cluster,
    name: 'cluster-kubernetes',
    title: 'the same in the Kubernetes API',
  },
  'mesh-50': {
    ...plain,
    name: 'mesh-50',
    title: 'a full mesh of 50 daemons, each with a block, from the start of the first until all have all routes',
    neighbours: 50,
    prefixes: 1,
    sets: 1,
    figure: 'wallSeconds',
    daemons: ['starling', 'bird'],
  },
  services: {
    ...plain,
    name: 'services',
    title: '10,000 Services with 50,000 endpoints, of which 500 a second come or go',
    neighbours: 1,
    prefixes: 10_000,
    sets: 1,
    figure: 'wallSeconds',
    // What announces services elsewhere announces them by GoBGP's API.
    daemons: ['starling', 'gobgpd'],
  },
  policy: {
    ...plain,
    name: 'policy',
    title: 'the policy agent with 250 workloads of its node, 2,000 policies and 100,000 other workloads in etcd',
    neighbours: 1,
    // Workloads of other nodes, and policies.
    prefixes: 100_000,
    sets: 2000,
    figure: 'wallSeconds',
    daemons: ['starling'],
  },
};

/** A scenario with its numbers multiplied by `scale`; two-neighbour scenarios keep their neighbours. */
export function scaled(scenario: Scenario, scale: number): Scenario {
  const many = scenario.neighbours > 3;
  return {
    ...scenario,
    neighbours: many ? Math.max(2, Math.round(scenario.neighbours * scale)) : scenario.neighbours,
    prefixes: many ? scenario.prefixes : Math.round(scenario.prefixes * scale),
    sets: many ? scenario.sets : Math.round(scenario.sets * scale),
  };
}

/** The neighbours of a scenario. */
export function neighboursOf(scenario: Scenario): Neighbour[] {
  return Array.from({ length: scenario.neighbours }, (_, i) => {
    const asn = scenario.internal ? DUT_ASN : 65_001 + (i % 500);
    // Of the same AS as the first, so that every daemon takes their paths to be equally good.
    if (i === 1 && scenario.secondLink) return { address: '10.101.0.2', asn: 65_001, daemon: SECOND_ADDRESS };
    return { address: `10.100.${1 + (i >> 7)}.${1 + (i & 127)}`, asn, daemon: DUT_ADDRESS };
  });
}

/** What the load generator is told, as JSON on its command line. */
export interface Job {
  readonly scenario: Scenario;
  readonly seed: number;
  /** The daemon's processes; absent where the daemon is started after the load generator. */
  readonly pids?: readonly number[];
  /** Only for services: another part than being the API server of the daemon and its peer. */
  readonly part?: 'gobgpd' | 'computation';
}

/** What the load generator answers, as JSON on its standard output. */
export interface Measurement {
  readonly wallSeconds: number;
  /** 0 where it was not looked at. */
  readonly cpuSeconds: number;
  /** Only for latency, in milliseconds. */
  readonly p50Milliseconds?: number;
  readonly p99Milliseconds?: number;
  /** Only for idle: CPU time of the daemon per time passed. */
  readonly corePercent?: number;
  /** Only for startup: when the session was up; only for services: when all routes were there; on the monotonic clock, in nanoseconds. */
  readonly establishedAt?: string;
  /** Only for fib-full: how much later than after a keepalive interval a message came, at worst. */
  readonly lateMilliseconds?: number;
  /** Until no route led to the dead peer: from the kernel's notification of the link, or from the peer's end. */
  readonly switchMilliseconds?: number;
  /** With it: changes of routes and of next-hop objects that the kernel announced on account of it. For services: how many. */
  readonly changes?: string;
  /** Only for fib-restart: how much longer the start took than without routes, and `ip route show` of them. */
  readonly adoptSeconds?: number;
  readonly showSeconds?: number;
  /** Only for the computation of services: how much the heap grew. */
  readonly heapBytes?: number;
  readonly services?: ServiceFigures;
  readonly cluster?: ClusterFigures;
  readonly mesh?: MeshFigures;
  readonly policy?: PolicyFigures;
}

/** Only for the clusters. */
export interface ClusterFigures {
  /** CPU time of the daemon per time passed, while nothing changes, and while {@link changesPerSecond} changes are made. */
  readonly restPercent: number;
  readonly changesPercent: number;
  readonly changesPerSecond: number;
  /** From a block that is written for the node, during these changes, until its peer hears of it. */
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
}

/** Only for services. */
export interface ServiceFigures {
  /** Working out all routes for the first time, and how much the heap grows by that; absent for others than Starling. */
  readonly computeSeconds?: number;
  readonly heapBytes?: number;
  /** From telling the daemon of a change until its peer hears of it, while {@link changesPerSecond} are made. */
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  readonly changesPerSecond: number;
  /** Seconds of CPU time of the daemon for one change, and its ratio to that with a tenth of the services. */
  readonly cpuPerChange: number;
  readonly cpuRatio: number;
}

/** From writing an endpoint to etcd until the kernel has it. */
export interface PolicyDelays {
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  readonly longestMilliseconds: number;
}

/** While many endpoints change. */
export interface PolicyStream extends PolicyDelays {
  readonly perSecond: number;
  /** CPU time of the agent and its nft processes per time passed. */
  readonly corePercent: number;
}

/** Only for the policy agent. CPU time and memory peaks are those of the agent and its nft processes together. */
export interface PolicyFigures {
  /** From the start of the process until the kernel has all rules. */
  readonly startSeconds: number;
  readonly startCpuSeconds: number;
  readonly startPeakBytes: number;
  /** Of the agent alone, when it is at rest after the start. */
  readonly settledBytes: number;
  readonly peakBytes: number;
  /** Loading the same rules with `nft -f`. */
  readonly nftLoadSeconds: number;
  readonly events: PolicyDelays;
  /** The same transactions, each with an `nft -f` of its own. */
  readonly nftEvents: PolicyDelays;
  readonly stream: PolicyStream;
  /** The same with changes that the node's rules don't depend on. */
  readonly unconcerned: PolicyStream;
}

/** Only for the mesh; what is said of one daemon is the mean of all. */
export interface MeshFigures {
  /** Proportional set size of one daemon: of memory shared with others its part. */
  readonly pssBytes: number;
  /** From a block that is given to one until all others' kernels have the route; the middle of several. */
  readonly blockMilliseconds: number;
  /** From the start of one that was killed until it has sessions with all others. */
  readonly restartSeconds: number;
}

/** What one run gave. */
export interface Result extends Measurement {
  readonly scenario: string;
  readonly daemon: string;
  /** 0 where it was not looked at. */
  readonly peakMemoryBytes: number;
}
