/** A DaemonView that answers from plain data: two peers, a handful of routes; it notes the actions asked of it. */
import { ApiError } from '../../src/api/errors.ts';
import type {
  DaemonCounters,
  DaemonView,
  FibQuery,
  RouteQuery,
  ServiceQuery,
  Slice,
} from '../../src/api/daemon-view.ts';
import { toPastTimestamp, toTimestamp } from '../../src/api/timestamps.ts';
import type { HeldChanges, PeerExplanation } from '../../src/api/peer-explanation-types.ts';
import type { FibEntry, RouteEntry, RouteExplanation } from '../../src/api/route-types.ts';
import type { ServiceExplanationReport, ServiceReport } from '../../src/api/service-types.ts';
import type {
  ActionResult,
  ConfigDiff,
  ConfigDiffInput,
  DaemonEvent,
  DrainInput,
  MessageCounts,
  PeerDetail,
  PeerSummary,
  ResetKind,
  RouteInput,
  StatusReport,
} from '../../src/api/types.ts';
import { FAMILY_NAMES } from '../../src/net/family.ts';
import { formatPrefix, parsePrefix, prefixContains } from '../../src/net/prefix.ts';
import type { Prefix } from '../../src/net/prefix.ts';
import { SERVICES, SERVICE_EXPLANATION } from './fake-services.ts';

/** The moment at which every fake answer is given. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

export const HEALTHY: StatusReport = {
  node: 'node-1',
  asn: 64512,
  routerId: '10.0.0.1',
  version: '0.1.0',
  started: toPastTimestamp(NOW - 3_600_000, NOW),
  configLoaded: true,
  peers: { total: 2, established: 2, disabled: 0, kept: 0, held: 0 },
  routes: {
    'ipv4-unicast': { received: 12, best: 10, advertised: 4, fib: 9 },
    'ipv6-unicast': { received: 0, best: 0, advertised: 0, fib: 0 },
  },
  services: { total: 0, advertised: 0, ranges: 0, held: 0, withheld: 0 },
  drain: {
    stage: 'serving',
    target: 'serving',
    since: toPastTimestamp(NOW - 3_600_000, NOW),
    nextStageAt: null,
    causes: [],
    words: 'The node serves: nothing asks for a drain.',
  },
  fib: {
    enabled: true,
    inSync: true,
    desired: 9,
    installed: 9,
    failed: 0,
    repaired: 0,
    table: 254,
    ownership: null,
    lastError: null,
  },
  datastore: {
    type: 'file',
    state: 'synced',
    since: toPastTimestamp(NOW - 3_599_000, NOW),
    lastError: null,
    cacheWritten: null,
    lagSeconds: null,
    sources: [
      {
        name: '/etc/starling/resources',
        state: 'synced',
        since: toPastTimestamp(NOW - 3_599_000, NOW),
        connectedSince: null,
        revision: null,
        errors: 0,
        reconnects: 0,
        lastError: null,
        lagSeconds: null,
      },
    ],
  },
  problems: [],
};

const MESSAGES: MessageCounts = {
  open: 1,
  update: 7,
  notification: 0,
  keepalive: 120,
  routeRefresh: 0,
  total: 128,
  withdrawUpdates: 2,
  withdrawnPrefixes: 3,
  discarded: 0,
};

export const TOR_A: PeerDetail = {
  address: '10.0.0.254',
  name: 'tor-a',
  type: 'global',
  source: 'BGPPeer tor-a',
  asn: 64601,
  localAsn: 64512,
  session: 'external',
  state: 'Established',
  admin: 'up',
  postponed: null,
  since: toPastTimestamp(NOW - 93_784_000, NOW),
  uptimeSeconds: 93_784,
  families: { 'ipv4-unicast': { received: 12, accepted: 10, advertised: 4, endOfRib: true } },
  flaps: 1,
  pendingPrefixes: 0,
  messages: { received: MESSAGES, sent: MESSAGES },
  lastError: { words: 'hold timer expired after 90 s without a message', at: toPastTimestamp(NOW - 93_800_000, NOW) },
  reason: 'BGPPeer tor-a selects all nodes',
  port: 179,
  passive: false,
  localAddress: '10.0.0.1',
  localPort: 40_000,
  remotePort: 179,
  localRouterId: '10.0.0.1',
  routerId: '10.0.0.254',
  timers: {
    configured: { holdSeconds: 90, keepaliveSeconds: 30, connectRetrySeconds: 120 },
    negotiated: { holdSeconds: 90, keepaliveSeconds: 30 },
  },
  capabilities: { ours: ['4-octet AS 64512', 'route refresh'], theirs: ['4-octet AS 64601', 'route refresh'] },
  security: { md5: true, gtsmHops: 1 },
  policy: {
    import: { filters: [], words: 'no filter: everything is accepted (Calico default)' },
    export: { filters: ['no-default'], words: 'BGPFilter no-default, then the Calico default rules' },
  },
  lastNotificationSent: {
    code: 4,
    subcode: 0,
    words: 'Hold Timer Expired',
    at: toPastTimestamp(NOW - 93_800_000, NOW),
  },
  lastNotificationReceived: null,
};

export const NODE_2: PeerDetail = {
  ...TOR_A,
  address: 'fe80::2%eth0',
  name: 'node-2',
  type: 'mesh',
  source: 'node-to-node mesh',
  asn: 64512,
  session: 'internal',
  state: 'Active',
  since: toPastTimestamp(NOW - 42_000, NOW),
  uptimeSeconds: 0,
  families: { 'ipv4-unicast': { received: 0, accepted: 0, advertised: 0, endOfRib: false } },
  lastError: { words: 'connection refused', at: toPastTimestamp(NOW - 2_000, NOW) },
  reason: 'the mesh is on and node-2 is a node of the cluster',
  localAddress: null,
  localPort: null,
  remotePort: null,
  routerId: null,
  timers: { ...TOR_A.timers, negotiated: null },
  capabilities: { ours: TOR_A.capabilities.ours, theirs: [] },
  security: { md5: false, gtsmHops: null },
  lastNotificationSent: null,
};

const EXPLAINED: PeerExplanation = {
  query: '',
  wanted: 'BGPPeer tor-a selects all nodes.',
  steps: [
    { source: 'node-to-node mesh', applies: false, words: 'the mesh is off' },
    { source: 'BGPPeer tor-a', applies: true, words: 'it is about all nodes' },
  ],
  peers: [
    {
      address: TOR_A.address,
      wanted: true,
      source: TOR_A.source,
      reason: TOR_A.reason,
      heldDown: null,
      session: { state: 'Established', admin: 'up', since: TOR_A.since, lastError: null, postponed: null },
    },
  ],
};

export function route(prefix: string, more: Partial<RouteEntry> = {}): RouteEntry {
  return {
    prefix,
    family: prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast',
    nextHop: '10.0.0.254',
    asPath: '64601',
    origin: 'igp',
    peer: '10.0.0.254',
    source: 'external',
    best: true,
    multipath: false,
    ...more,
  };
}

export const ROUTES: readonly RouteEntry[] = [
  route('0.0.0.0/0', { med: 5, communities: ['64601:100', 'no-export'] }),
  route('10.1.0.0/16'),
  route('10.1.2.0/26', { asPath: '64601 64512', localPref: 200 }),
  route('192.168.7.0/26', { nextHop: null, asPath: '', peer: null, source: 'local' }),
  route('2001:db8::/32'),
];

export const EXPLANATION: RouteExplanation = {
  query: '10.1.2.3/32',
  match: '10.1.2.0/26',
  candidates: [
    { route: ROUTES[2], peer: '10.0.0.254', outcome: 'best', step: null, words: 'it is the best path' },
    {
      route: route('10.1.2.0/26', { nextHop: '10.0.0.253', peer: '10.0.0.253', localPref: 100, best: false }),
      peer: '10.0.0.253',
      outcome: 'lost',
      step: 'local preference',
      words: 'its local preference 100 is lower than 200',
    },
  ],
  advertisedTo: [
    { peer: 'fe80::2%eth0', name: 'node-2', advertised: true, why: 'accepted by the Calico default rules' },
    { peer: '10.0.0.254', name: 'tor-a', advertised: false, why: 'it was learned from this peer' },
  ],
  services: [],
  fib: {
    wanted: ['10.0.0.254'],
    installed: ['10.0.0.254'],
    words: 'installed',
    notes: ['10.0.0.254: directly connected on eth0'],
    programming: 'programmed as it is: in no pool',
  },
};

const WHY: FibEntry['why'] = {
  paths: [{ peer: '10.0.0.254', nextHop: '10.0.0.254', words: 'best: it is the only path' }],
  programming: 'programmed as it is: in no pool',
};

export const FIB: readonly FibEntry[] = [
  {
    prefix: '10.1.0.0/16',
    family: 'ipv4-unicast',
    nextHops: [
      { address: '10.0.0.254', interface: 'eth0', weight: 1 },
      { address: '10.0.1.254', interface: 'eth1', weight: 1 },
    ],
    state: 'installed',
    wanted: ['10.0.0.254 dev eth0 weight 1', '10.0.1.254 dev eth1 weight 1'],
    installed: ['10.0.0.254 dev eth0 weight 1', '10.0.1.254 dev eth1 weight 1'],
    difference: null,
    error: null,
    retrySeconds: null,
    notes: ['10.0.0.254: directly connected on eth0', '10.0.1.254: directly connected on eth1'],
  },
  {
    prefix: '10.1.2.0/26',
    family: 'ipv4-unicast',
    nextHops: [{ address: '10.0.0.254', interface: 'eth0', weight: 1 }],
    state: 'failed',
    wanted: ['10.0.0.254 dev eth0 weight 1'],
    installed: [],
    difference: 'failed',
    error: 'network is unreachable',
    retrySeconds: 7.5,
    notes: ['10.0.0.254: directly connected on eth0'],
  },
];

const FAMILY_COUNTERS = { prefixes: 10, paths: 12, originated: 1 };

const COUNTERS: DaemonCounters = {
  families: { 'ipv4-unicast': FAMILY_COUNTERS, 'ipv6-unicast': { prefixes: 0, paths: 0, originated: 0 } },
  attributeSets: 3,
  updateGroups: 2,
  fib: {
    written: 20,
    removed: 11,
    errors: 1,
    repaired: 2,
    pending: 0,
    adopted: 5,
    nextHopGroups: 3,
    groupWrites: 4,
    unresolvedNextHops: 1,
    applySeconds: 0.25,
    lastSync: NOW / 1000,
  },
  advertiser: { services: 4, endpoints: 9, routes: 3, aggregates: 1, held: 2, withheld: false, changes: 17 },
  datastore: { changes: 5, errors: 0, lastChange: NOW, resources: { Node: 2, BGPPeer: 1 }, invalid: 0 },
};

const NO_DIFFERENCE: ConfigDiff = {
  different: false,
  valid: true,
  resources: [],
  node: [],
  peers: [],
  routes: [],
  newProblems: [],
  solvedProblems: [],
  problems: [],
};

export function event(id: number, more: Partial<DaemonEvent> = {}): DaemonEvent {
  const at = toTimestamp(NOW + id * 1000);
  return { id, ...at, type: 'session', subject: '10.0.0.254', words: `event ${id}`, ...more };
}

export class FakeDaemonView implements DaemonView {
  statusReport: StatusReport = HEALTHY;
  held: HeldChanges = { changes: [] };
  diff: ConfigDiff = NO_DIFFERENCE;
  peerList: readonly PeerDetail[] = [TOR_A, NODE_2];
  routeList: readonly RouteEntry[] = ROUTES;
  fibList: readonly FibEntry[] = FIB;
  serviceList: readonly ServiceReport[] = SERVICES;
  serviceExplanation: ServiceExplanationReport = SERVICE_EXPLANATION;
  eventList: DaemonEvent[] = [event(1), event(2)];
  explanation: RouteExplanation = EXPLANATION;
  /** Entries looked at in one go, so few that callers must go on from where a slice ended. */
  sliceSize = 2;
  /** What the next call throws. */
  failure: Error | undefined;
  /** Actions asked for, and queries for routes. */
  readonly actions: unknown[][] = [];
  readonly queries: RouteQuery[] = [];
  readonly listeners = new Set<(event: DaemonEvent) => void>();

  status(): StatusReport {
    if (this.failure !== undefined) throw this.failure;
    return this.statusReport;
  }

  peers(): readonly PeerSummary[] {
    return this.peerList;
  }

  peer(address: string): PeerDetail | undefined {
    return this.peerList.find((peer) => peer.address === address);
  }

  routes(query: RouteQuery, position: number, limit: number): Slice<RouteEntry> {
    this.queries.push(query);
    if (query.peer !== undefined) this.#mustExist(query.peer);
    return slice(this.routeList, position, Math.min(limit, this.sliceSize), (entry) => matches(entry, query));
  }

  explain(): RouteExplanation {
    return this.explanation;
  }

  fib({ family, prefix, differencesOnly, why }: FibQuery, position: number, limit: number): Slice<FibEntry> {
    const wanted = (entry: FibEntry): boolean =>
      (family === undefined || entry.family === FAMILY_NAMES[family]) &&
      (prefix === undefined || entry.prefix === formatPrefix(prefix)) &&
      (!differencesOnly || entry.difference !== null);
    const { items, next } = slice(this.fibList, position, Math.min(limit, this.sliceSize), wanted);
    return { items: why ? items.map((entry) => ({ ...entry, why: WHY })) : items, next };
  }

  services({ namespace, advertised }: ServiceQuery, position: number, limit: number): Slice<ServiceReport> {
    const wanted = (one: ServiceReport): boolean =>
      (namespace === undefined || one.namespace === namespace) &&
      (advertised === undefined || one.advertised === advertised);
    return slice(this.serviceList, position, Math.min(limit, this.sliceSize), wanted);
  }

  explainService(namespace: string, name: string): ServiceExplanationReport | undefined {
    const found = this.serviceExplanation;
    return found.namespace === namespace && found.name === name ? found : undefined;
  }

  events(after: number): readonly DaemonEvent[] {
    return this.eventList.filter(({ id }) => id > after);
  }

  subscribe(listener: (event: DaemonEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(event: DaemonEvent): void {
    this.eventList.push(event);
    for (const listener of this.listeners) listener(event);
  }

  counters(): DaemonCounters {
    return COUNTERS;
  }

  peerReset(address: string, kind: ResetKind): ActionResult {
    this.#mustExist(address);
    return this.#note('reset', address, kind);
  }

  async peerDisable(address: string, message: string | undefined): Promise<ActionResult> {
    this.#mustExist(address);
    return this.#note('disable', address, message);
  }

  peerEnable(address: string): ActionResult {
    this.#mustExist(address);
    return this.#note('enable', address);
  }

  explainPeer(query: string): PeerExplanation {
    return { ...EXPLAINED, query, peers: query === TOR_A.address ? EXPLAINED.peers : [] };
  }

  heldChanges(): HeldChanges {
    return this.held;
  }

  configDiff(input: ConfigDiffInput): ConfigDiff {
    this.actions.push(['diff', input]);
    return this.diff;
  }

  peerConfirm(): ActionResult {
    return this.#note('confirm');
  }

  routeAdd(prefix: Prefix, input: RouteInput): ActionResult {
    return this.#note('add', formatPrefix(prefix), input);
  }

  routeDelete(prefix: Prefix): ActionResult {
    const text = formatPrefix(prefix);
    if (text !== '10.9.0.0/16') throw new ApiError('NOT_FOUND', `${text} was not added with \`starling route add\``);
    return this.#note('delete', text);
  }

  drain(input: DrainInput): ActionResult {
    return this.#note('drain', input);
  }

  undrain(): ActionResult {
    return this.#note('undrain');
  }

  shutdown(forGood: boolean): ActionResult {
    return this.#note('shutdown', forGood);
  }

  #note(...action: unknown[]): ActionResult {
    this.actions.push(action);
    return { words: `done: ${action.map(String).join(' ')}` };
  }

  #mustExist(address: string): void {
    if (this.peer(address) === undefined) throw new ApiError('NOT_FOUND', `there is no peer ${address}`);
  }
}

function slice<T>(all: readonly T[], position: number, limit: number, wanted: (item: T) => boolean): Slice<T> {
  const end = Math.min(all.length, position + limit);
  return { items: all.slice(position, end).filter(wanted), next: end >= all.length ? null : end };
}

function matches(entry: RouteEntry, query: RouteQuery): boolean {
  if (query.family !== undefined && entry.family !== FAMILY_NAMES[query.family]) return false;
  if (query.prefix === undefined) return true;
  const prefix = parsePrefix(entry.prefix);
  if (query.match === 'longer') return prefixContains(query.prefix, prefix);
  if (query.match === 'shorter') return prefixContains(prefix, query.prefix);
  return entry.prefix === formatPrefix(query.prefix);
}
