/** A DaemonView that answers from plain data: two peers, a handful of routes; it notes the actions asked of it. */
import { ApiError } from '../../src/api/errors.ts';
import type { DaemonCounters, DaemonView, FibQuery, RouteQuery, ServiceQuery } from '../../src/api/daemon-view.ts';
import type { Slice } from '../../src/api/process-view.ts';
import { toTimestamp } from '../../src/api/timestamps.ts';
import type { HeldChanges, PeerExplanation } from '../../src/api/peer-explanation-types.ts';
import type { FibEntry, RouteEntry, RouteExplanation } from '../../src/api/route-types.ts';
import type { ServiceExplanationReport, ServiceReport } from '../../src/api/service-types.ts';
import type {
  ActionResult,
  ConfigDiff,
  ConfigDiffInput,
  DaemonEvent,
  DrainInput,
  PeerDetail,
  PeerSummary,
  ResetKind,
  RouteInput,
  StatusReport,
} from '../../src/api/types.ts';
import { FAMILY_NAMES } from '../../src/net/family.ts';
import { formatPrefix, parsePrefix, prefixContains } from '../../src/net/prefix.ts';
import type { Prefix } from '../../src/net/prefix.ts';
import { EXPLAINED, NODE_2, TOR_A } from './fake-peers.ts';
import { EXPLANATION, FIB, ROUTES, WHY } from './fake-routes.ts';
import { SERVICES, SERVICE_EXPLANATION } from './fake-services.ts';
import { HEALTHY, NOW } from './fake-status.ts';

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
