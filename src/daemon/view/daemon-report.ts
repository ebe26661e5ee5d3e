/** The daemon as the API sees it. */
import type {
  DaemonCounters,
  DaemonView,
  FibCounters,
  FibQuery,
  RouteQuery,
  ServiceQuery,
} from '../../api/daemon-view.ts';
import type { Slice } from '../../api/process-view.ts';
import { ApiError } from '../../api/errors.ts';
import type { HeldChanges, PeerExplanation } from '../../api/peer-explanation-types.ts';
import type { FibEntry, RouteEntry, RouteExplanation } from '../../api/route-types.ts';
import type { ServiceAudience, ServiceExplanationReport, ServiceReport } from '../../api/service-types.ts';
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
} from '../../api/types.ts';
import { FAMILIES } from '../../net/family.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { PeerExplanation as PeeringReasons } from '../../peering/explain-peer.ts';
import { OWN_PEERS, SERVICE_PEER } from '../../rib/peers.ts';
import type { DrainRunner } from '../drain-runner.ts';
import type { EventLog } from '../../process/event-log.ts';
import type { KernelRouting } from '../kernel-routing.ts';
import { attributesOf } from '../manual-route.ts';
import type { NeighbourSession } from '../neighbour-session.ts';
import type { Router } from '../router.ts';
import { FibReport } from './fib-report.ts';
import { doneWords, heldChanges, peerExplanation } from './peer-explanation.ts';
import { ownRouteFacts } from './own-route-facts.ts';
import { peerDetail, peerSummary } from './peer-report.ts';
import { RouteExplainer } from './route-explanation.ts';
import type { ExplainedPeer } from './route-explanation.ts';
import { RouteListing } from './route-listing.ts';
import { ServiceReports } from './service-report.ts';
import type { ReportedServices } from './service-report.ts';
import { statusReport } from './status-report.ts';
import type { StatusInputs } from './status-report.ts';

/** What the report asks of the rest of the daemon. */
export interface ReportSources {
  readonly router: Router;
  readonly services: ReportedServices;
  /** Whether a block, in text, is deleted in the datastore and kept for now. */
  readonly holdsBlock: (cidr: string) => boolean;
  readonly events: EventLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly statusInputs: () => StatusInputs;
  readonly drain: DrainRunner;
  /** Undefined where the FIB is switched off. */
  readonly kernel: KernelRouting | undefined;
  readonly datastoreCounters: () => DaemonCounters['datastore'];
  readonly advertiserCounters: () => DaemonCounters['advertiser'];
  /** Why the resources ask for a peer or not: its address, or the name of a node or BGPPeer. */
  readonly explainPeer: (what: string) => PeeringReasons;
  readonly configDiff: (input: ConfigDiffInput) => Promise<ConfigDiff>;
  readonly shutdown: (forGood: boolean) => void;
}

/** Where the FIB is switched off. */
const NO_FIB: FibCounters = {
  written: 0,
  removed: 0,
  errors: 0,
  repaired: 0,
  pending: 0,
  adopted: 0,
  nextHopGroups: 0,
  groupWrites: 0,
  unresolvedNextHops: 0,
  applySeconds: 0,
};

export class DaemonReport implements DaemonView {
  private readonly sources: ReportSources;
  private readonly listing: RouteListing;
  private readonly explainer: RouteExplainer;
  private readonly fibReport: FibReport;
  private readonly serviceReports: ServiceReports;

  constructor(sources: ReportSources) {
    const { router, services } = sources;
    this.sources = sources;
    this.listing = new RouteListing(router.rib, router.advertising, (address) => router.find(address)?.peer);
    const facts = ownRouteFacts(router, services, sources.holdsBlock);
    this.explainer = new RouteExplainer(router.rib, router.advertising, this.listing, facts);
    this.fibReport = new FibReport(sources.kernel, this.explainer);
    this.serviceReports = new ServiceReports({
      services,
      ownRoute: (prefix) => router.ownRoutes.get(prefix),
      originated: () =>
        FAMILIES.reduce<number>((sum, family) => sum + router.rib.peers.received[family][SERVICE_PEER], 0),
      whyWithheld: () => this.whyWithheld(),
      audience: (prefix) => this.audience(prefix),
    });
  }

  status(): StatusReport {
    const { router, statusInputs, now } = this.sources;
    return statusReport(router, statusInputs(), this.serviceReports.totals, now());
  }

  peers(): readonly PeerSummary[] {
    const { router, now } = this.sources;
    return [...router.sessions.values()].map((peer) => peerSummary(router, peer, now()));
  }

  peer(address: string): PeerDetail | undefined {
    const { router, now } = this.sources;
    const peer = router.find(address);
    return peer === undefined ? undefined : peerDetail(router, peer, now());
  }

  explainPeer(query: string): PeerExplanation {
    const { router, explainPeer, now } = this.sources;
    return peerExplanation(router, query, explainPeer(query), now());
  }

  heldChanges(): HeldChanges {
    return heldChanges(this.sources.router);
  }

  configDiff(input: ConfigDiffInput): Promise<ConfigDiff> {
    return this.sources.configDiff(input);
  }

  routes(query: RouteQuery, position: number, limit: number): Slice<RouteEntry> {
    return this.listing.list(query, position, limit);
  }

  async explain(prefix: Prefix): Promise<RouteExplanation> {
    const match = this.explainer.forwardingMatch(prefix);
    const fib = match === undefined ? null : await this.fibReport.explain(match);
    const services = this.serviceReports.withAddress(prefix);
    return { ...this.explainer.explain(prefix, this.explainedPeers()), services, fib };
  }

  fib(query: FibQuery, position: number, limit: number): Promise<Slice<FibEntry>> {
    return this.fibReport.list(query, position, limit);
  }

  services(query: ServiceQuery, position: number, limit: number): Slice<ServiceReport> {
    return this.serviceReports.list(query, position, limit);
  }

  explainService(namespace: string, name: string): ServiceExplanationReport | undefined {
    return this.serviceReports.explain(namespace, name);
  }

  events(after: number): readonly DaemonEvent[] {
    return this.sources.events.after(after);
  }

  subscribe(listener: (event: DaemonEvent) => void): () => void {
    return this.sources.events.subscribe(listener);
  }

  counters(): DaemonCounters {
    const { router } = this.sources;
    const [ipv4, ipv6] = FAMILIES.map((family) => ({
      prefixes: router.rib.tables[family].prefixes.count,
      paths: router.rib.tables[family].count,
      originated: OWN_PEERS.reduce<number>((sum, peer) => sum + router.rib.peers.received[family][peer], 0),
    }));
    return {
      families: { 'ipv4-unicast': ipv4, 'ipv6-unicast': ipv6 },
      attributeSets: router.rib.sets.count,
      updateGroups: router.advertising.sizes.groups,
      fib: this.sources.kernel?.counters ?? NO_FIB,
      advertiser: this.sources.advertiserCounters(),
      datastore: this.sources.datastoreCounters(),
    };
  }

  peerReset(address: string, kind: ResetKind): ActionResult {
    const { router } = this.sources;
    const peer = this.find(address);
    const { heldDown } = peer.neighbour;
    if (heldDown !== undefined) throw new ApiError('CONFLICT', `${address} is held down: ${heldDown}`);
    if (kind === 'hard') {
      if (router.isDisabled(peer.neighbour.key))
        throw new ApiError('CONFLICT', `${address} is disabled: enable it first`);
      peer.reset();
      return { words: `Session with ${address} closed; it is set up again.` };
    }
    if (peer.session.state !== 'Established')
      throw new ApiError('CONFLICT', `the session with ${address} is ${peer.session.state}`);
    if (kind === 'in') {
      const asked = peer.refreshIn();
      const also = asked ? ', and the peer asked for all of them again' : '; the peer does not do route refresh';
      return { words: `Routes of ${address} go through the import filters again${also}.` };
    }
    for (const family of peer.neighbour.families) router.advertising.refresh(peer.peer, family);
    router.kick();
    return { words: `All routes are told to ${address} again.` };
  }

  peerDisable(address: string, message: string | undefined): ActionResult {
    this.sources.router.disable(this.find(address), message);
    return { words: `Peer ${address} is disabled until it is enabled or the daemon restarts.` };
  }

  peerEnable(address: string): ActionResult {
    this.sources.router.enable(this.find(address));
    return { words: `Peer ${address} is enabled.` };
  }

  async peerConfirm(): Promise<ActionResult> {
    const { router } = this.sources;
    const { changes } = heldChanges(router);
    if (changes.length === 0) return { words: 'Nothing is held back.' };
    await router.confirm();
    return { words: doneWords(changes) };
  }

  routeAdd(prefix: Prefix, route: RouteInput): ActionResult {
    const { router, events } = this.sources;
    router.ownRoutes.add({ prefix, kind: 'manual', reason: 'added by hand', attributes: attributesOf(prefix, route) });
    router.kick();
    events.add('advertisement', formatPrefix(prefix), 'originated: added by hand');
    return { words: `Route ${formatPrefix(prefix)} is originated until it is deleted or the daemon restarts.` };
  }

  routeDelete(prefix: Prefix): ActionResult {
    const { router, events } = this.sources;
    const text = formatPrefix(prefix);
    if (!router.ownRoutes.delete(prefix)) throw new ApiError('NOT_FOUND', `no route ${text} was added by hand`);
    router.kick();
    events.add('advertisement', text, 'no longer originated: deleted by hand');
    return { words: `Route ${text} is deleted.` };
  }

  drain(input: DrainInput): ActionResult {
    return this.sources.drain.drain(input);
  }

  undrain(): ActionResult {
    return this.sources.drain.undrain();
  }

  shutdown(forGood: boolean): ActionResult {
    this.sources.shutdown(forGood);
    return { words: forGood ? 'Shutting down for good.' : 'Stopping for a restart.' };
  }

  private audience(prefix: Prefix): ServiceAudience[] {
    const told = this.explainer.audience(prefix, this.explainedPeers());
    return told.map((one) => ({ ...one, role: one.role ?? null, told: one.told ?? null }));
  }

  /** Why no route to services is originated. */
  private whyWithheld(): string {
    const { stage, words } = this.sources.drain.report;
    return stage === 'serving' ? 'The resources do not say who this node is.' : words;
  }

  private explainedPeers(): ExplainedPeer[] {
    return [...this.sources.router.sessions.values()].map(({ neighbour, session, peer }) => ({
      address: neighbour.key,
      name: neighbour.source,
      index: peer,
      state: session.state,
    }));
  }

  private find(address: string): NeighbourSession {
    const peer = this.sources.router.find(address);
    if (peer === undefined) {
      throw new ApiError('NOT_FOUND', `${address} is not a peer; \`starling peer list\` shows them`);
    }
    return peer;
  }
}
