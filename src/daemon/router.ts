/**
 * The router at run time: RIB, neighbours and own routes, brought in line with what the resources ask for. A change
 * touches only what it is about.
 */
import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import type { Origination } from '../advertiser/originations.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parseU32 } from '../net/address.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { StaticRoute } from '../peering/peering.ts';
import type { Self } from '../peering/self.ts';
import type { Advertising } from '../rib/advertising.ts';
import type { BestPathOptions } from '../rib/best-path.ts';
import type { ForwardingListener } from '../rib/forwarding.ts';
import { encodeMetric } from '../rib/local-preference.ts';
import type { NextHopAnswer, NextHopListener } from '../rib/next-hops.ts';
import type { Rib } from '../rib/rib.ts';
import type { DesiredState } from './desired-state.ts';
import type { EventLog } from '../process/event-log.ts';
import type { PeerProgress } from './initial-sync.ts';
import { allAddresses } from './interface-addresses.ts';
import type { NeighbourSession } from './neighbour-session.ts';
import type { OwnRestart } from './neighbour-session.ts';
import { OwnRoutes } from './own-routes.ts';
import type { LabelledRoute } from './own-routes.ts';
import { coverageBy } from './route-coverage.ts';
import { Sessions } from './sessions.ts';
import { Speaker } from './speaker.ts';
import { TransitionRunner } from './transition-runner.ts';
import type { PlanState } from './transition-runner.ts';
import { planTransition } from './transition.ts';
import type { Postponed, TransitionLimits, TransitionPlan } from './transition.ts';

/** How long peers wait for what the kernel has to answer, in milliseconds: its thread may have failed. */
const ANSWER_PATIENCE = 10_000;

/** How long a session waits for the route that it is to be opened over, in milliseconds. */
const ROUTE_PATIENCE = 1_000;

/** The kernel side, as the RIB talks to it. */
export interface KernelListeners {
  readonly forwarding: ForwardingListener & { flush(): void };
  readonly nextHops: NextHopListener;
  /** Takes what is advertised for services now, and what is not any more. */
  changeServices(set: readonly { readonly prefix: Prefix }[], removed: readonly Prefix[], tables: Rib['tables']): void;
  holdDown(address: string, down: boolean): void;
  /** Takes routes to neighbours that are out of reach without them, and no others. Returns whether anything changed. */
  setStaticRoutes(routes: readonly StaticRoute[], tables: Rib['tables']): boolean;
  /** Resolves when the kernel has all it should have, after `patience` milliseconds at most. */
  settled(patience: number): Promise<void>;
}

export interface RouterOptions {
  readonly events: EventLog;
  readonly environment: SessionEnvironment;
  readonly bestPath: BestPathOptions;
  readonly limits: TransitionLimits;
  /** Called when this node's routes may be originated, before sessions are opened to tell them. */
  readonly onIdentity: () => void;
  /** Called when a session came up or ended, or End-of-RIB came. */
  readonly onProgress: (peers: Iterable<PeerProgress>) => void;
  /** Undefined where the FIB is switched off; then every next hop counts as reachable. */
  readonly kernel: KernelListeners | undefined;
}

export class Router {
  readonly ownRoutes: OwnRoutes;
  self: Self | undefined;

  private readonly options: RouterOptions;
  private readonly speaker: Speaker;
  private readonly peers: Sessions;
  private readonly transitions: TransitionRunner;
  private limits: TransitionLimits;
  private wanted: DesiredState | undefined;
  /** What the routes that are originated were last taken from. */
  private originated: DesiredState | undefined;

  constructor(options: RouterOptions) {
    this.options = options;
    this.speaker = new Speaker({
      self: { routerId: 0, clusterId: 0 },
      bestPath: options.bestPath,
      ...(options.kernel !== undefined && {
        forwarding: options.kernel.forwarding,
        nextHopListener: options.kernel.nextHops,
      }),
      flushForwarding: () => options.kernel?.forwarding.flush(),
    });
    this.ownRoutes = new OwnRoutes(this.rib);
    this.peers = new Sessions({
      events: options.events,
      environment: options.environment,
      speaker: this.speaker,
      holdDown: (address, down) => options.kernel?.holdDown(address, down),
      onProgress: () => {
        options.onProgress(this.progress());
        this.transitions.progressed();
      },
    });
    this.limits = options.limits;
    this.transitions = new TransitionRunner({
      events: options.events,
      plan: (state) => this.plan(state),
      carryOut: (plan) => this.carryOut(plan),
    });
  }

  /** By key of the neighbour. */
  get sessions(): ReadonlyMap<string, NeighbourSession> {
    return this.peers.all;
  }

  get rib(): Rib {
    return this.speaker.rib;
  }

  get advertising(): Advertising {
    return this.speaker.advertising;
  }

  /** Why neighbours can't connect, in words. */
  get listenProblems(): readonly string[] {
    return this.peers.listenProblems;
  }

  /** Says before anything else how this router came up: whether it has run before, and packets were forwarded meanwhile. */
  startAfter(restart: OwnRestart): void {
    this.peers.changeOwnRestart(restart);
  }

  /** All that there is to know is known: peers are told that they have heard everything, and no more of a restart. */
  async endRestart(): Promise<void> {
    await this.speaker.settled(ANSWER_PATIENCE);
    this.peers.changeOwnRestart({ restarting: false });
    this.advertising.releaseEndOfRib();
    this.speaker.kick();
  }

  /** Brings everything in line with `wanted`, at once or, where sessions are at stake, when the time has come. */
  apply(wanted: DesiredState): Promise<void> {
    this.wanted = wanted;
    return this.transitions.run(false);
  }

  /** Does what is held back. */
  async confirm(): Promise<void> {
    await this.transitions.run(true);
  }

  /** What is not done to sessions for now, by key. */
  get postponed(): ReadonlyMap<string, Postponed> {
    return this.transitions.postponed;
  }

  /** Takes other limits of what is followed unasked. */
  changeLimits(limits: TransitionLimits): void {
    this.limits = limits;
    this.transitions.progressed();
  }

  /** Originates these routes, and no others; `why` is why others are not. */
  originate(wanted: readonly Origination[], why = 'nothing asks for it any more'): void {
    const routes = wanted.map(({ prefix, kind, reason, interface: link, metric }) => ({
      prefix,
      reason,
      kind,
      attributes: metric === undefined ? PLAIN_ATTRIBUTES : { ...PLAIN_ATTRIBUTES, localPref: encodeMetric(metric) },
      ...(link !== undefined && { interface: link }),
    }));
    const { added, removed } = this.ownRoutes.setWanted(routes);
    const { events } = this.options;
    for (const { prefix, reason } of added) events.add('advertisement', formatPrefix(prefix), `originated: ${reason}`);
    for (const { prefix } of removed) {
      events.add('advertisement', formatPrefix(prefix), `no longer originated: ${why}`);
    }
    this.speaker.kick();
  }

  /** Originates these routes to services, and others no more. */
  changeServices(set: readonly LabelledRoute[], removed: readonly Prefix[]): void {
    this.ownRoutes.changeServices(set, removed);
    this.options.kernel?.changeServices(set, removed, this.rib.tables);
    this.speaker.kick();
  }

  /** Takes which addresses are this machine's own. */
  setOwnAddresses(addresses: ReadonlySet<string>): void {
    this.rib.setOwnAddresses(addresses);
    this.speaker.kick();
  }

  /** Takes how next hops are reached. */
  setNextHops(answers: readonly NextHopAnswer[]): void {
    this.rib.setNextHops(answers);
    this.speaker.kick();
  }

  /** Takes other knobs of best-path selection: everything is decided anew. */
  changeBestPath(options: BestPathOptions): void {
    this.rib.changeBestPath(options);
    this.speaker.kick();
  }

  /** The session of the neighbour with this address, or with this key. */
  find(address: string): NeighbourSession | undefined {
    return this.peers.find(address);
  }

  /** Whether an operator switched a neighbour off. */
  isDisabled(key: string): boolean {
    return this.peers.isDisabled(key);
  }

  disable(peer: NeighbourSession, message: string | undefined): void {
    this.peers.disable(peer, message);
  }

  enable(peer: NeighbourSession): void {
    this.peers.enable(peer);
  }

  /** How far each peer is in telling what it has. */
  progress(): Iterable<PeerProgress> {
    return this.peers.progress();
  }

  /** Resolves when nothing that was heard waits to be decided or forwarded. */
  settled(): Promise<void> {
    return this.speaker.settled();
  }

  /** Whether every neighbour was told all that there is to tell it. */
  get isAllTold(): boolean {
    return !this.rib.hasWork && !this.advertising.hasWork;
  }

  /** Own routes changed, say: a turn of the speaker is due. */
  kick(): void {
    this.speaker.kick();
  }

  /**
   * Ends all sessions. For a restart nothing that was decided is taken back: the FIB hears no more, and TCP is closed
   * silently where the peer keeps routes meanwhile (RFC 4724). For good, peers are told that every route is gone, and why.
   */
  async stop(forGood: boolean, message?: string): Promise<void> {
    this.transitions.stop();
    this.peers.stopListening();
    if (forGood) this.ownRoutes.clear();
    else this.speaker.stop();
    const reason = { kind: 'shutdown', ...(message !== undefined && { message }) } as const;
    await Promise.all(
      [...this.sessions.values()].map((peer) =>
        peer.stop(!forGood && peer.isKeptOverRestart ? { kind: 'restart' } : reason),
      ),
    );
    if (forGood) await this.speaker.settled(0);
    this.speaker.stop();
  }

  private plan({ confirmed, memory }: PlanState): TransitionPlan {
    const { self, neighbours } = this.wanted!;
    return planTransition({
      sessions: this.peers.running,
      wanted: new Map([...neighbours].map(([key, { neighbour }]) => [key, neighbour])),
      identityChanges: this.self?.routerId !== self?.routerId || this.self?.asn !== self?.asn,
      confirmed,
      now: performance.now(),
      limits: this.limits,
      memory,
      coverage: (keys) => coverageBy(this.rib.tables, new Set([...keys].map((key) => this.sessions.get(key)!.peer))),
    });
  }

  /** Does what is planned. */
  private async carryOut(plan: TransitionPlan): Promise<void> {
    const wanted = this.wanted!;
    const before = this.self;
    if (plan.takeIdentity) {
      const changes = before?.routerId !== wanted.self?.routerId || before?.asn !== wanted.self?.asn;
      if (changes) await this.becomeSomeoneElse(wanted.self);
      this.self = wanted.self;
      this.setIdentity(wanted.self);
      this.rib.setNormalMetrics(wanted.normalMetric);
    }
    // With a FIB its kernel says so at once when an address comes or goes.
    if (this.options.kernel === undefined) this.setOwnAddresses(allAddresses());
    this.speaker.kick();
    // Of a node that is not known nothing is known that it should advertise. Once is enough: workloads may have come since.
    if (wanted !== this.originated && (plan.takeIdentity || wanted.self !== undefined)) {
      this.originated = wanted;
      this.originate(wanted.advertisement.routes, wanted.withheld);
      if (wanted.self !== undefined) this.options.onIdentity();
    }
    if (plan.settle) {
      await this.speaker.settled(ANSWER_PATIENCE);
      await this.options.kernel?.settled(ANSWER_PATIENCE);
    }
    // A session that is to stay or to be closed needs its route as one that is to come does.
    if (this.setStaticRoutes(wanted.staticRoutes)) await this.options.kernel?.settled(ROUTE_PATIENCE);
    await this.peers.apply(wanted, plan);
    this.setStaticRoutes(wanted.staticRoutes);
    // Last, so that no neighbour is taken for a stranger.
    if (this.self !== undefined) await this.peers.listen(this.self.listen);
  }

  /** Those that are wanted, and those of sessions that are there although nobody wants them. Returns whether any is new. */
  private setStaticRoutes(wanted: readonly StaticRoute[]): boolean {
    const { kernel } = this.options;
    if (kernel === undefined) return false;
    const routes = new Map(wanted.map((route) => [route.prefix, route]));
    for (const { neighbour } of this.sessions.values()) {
      const { address, reachableBy: gateway, reason } = neighbour;
      if (gateway === undefined) continue;
      const prefix = `${address}/${address.includes(':') ? 128 : 32}`;
      if (!routes.has(prefix)) routes.set(prefix, { prefix, gateway, reason });
    }
    return kernel.setStaticRoutes([...routes.values()], this.rib.tables);
  }

  /** A new router id or AS is a new router to everybody (RFC 4271 §6.2): all sessions are set up again. */
  private async becomeSomeoneElse(self: Self | undefined): Promise<void> {
    const why = 'the router id or AS of this node changed';
    await this.peers.removeAll([...this.sessions.keys()], 'configuration-changed', why);
    if (self === undefined) return;
    this.options.events.add('daemon', self.name, `this node is AS ${self.asn}, router id ${self.routerId}`);
  }

  private setIdentity(self: Self | undefined): void {
    const routerId = self === undefined ? 0 : parseU32(self.routerId);
    this.rib.self = { routerId, clusterId: self?.clusterId ?? routerId };
  }
}
