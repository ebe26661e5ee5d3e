/**
 * The router at run time: RIB, neighbours and own routes, brought in line with what the resources ask for. A change
 * touches only what it is about.
 */
import type { Socket } from 'node:net';
import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import type { Origination } from '../advertiser/originations.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parseU32 } from '../net/address.ts';
import { formatPrefix } from '../net/prefix.ts';
import { changeKind } from '../peering/neighbour.ts';
import type { Self } from '../peering/self.ts';
import type { Advertising } from '../rib/advertising.ts';
import type { BestPathOptions } from '../rib/best-path.ts';
import type { ForwardingListener } from '../rib/forwarding.ts';
import type { NextHopAnswer, NextHopListener } from '../rib/next-hops.ts';
import type { Rib } from '../rib/rib.ts';
import type { DesiredNeighbour, DesiredState } from './desired-state.ts';
import type { EventLog } from './event-log.ts';
import type { PeerProgress } from './initial-sync.ts';
import { allAddresses } from './interface-addresses.ts';
import { Listening } from './listening.ts';
import { NeighbourSession } from './neighbour-session.ts';
import type { OwnRestart } from './neighbour-session.ts';
import { OwnRoutes } from './own-routes.ts';
import { Speaker } from './speaker.ts';

/** How long peers wait for what the kernel has to answer, in milliseconds: its thread may have failed. */
const ANSWER_PATIENCE = 10_000;

/** The kernel side, as the RIB talks to it. */
export interface KernelListeners {
  readonly forwarding: ForwardingListener & { flush(): void };
  readonly nextHops: NextHopListener;
  holdDown(address: string, down: boolean): void;
}

export interface RouterOptions {
  readonly events: EventLog;
  readonly environment: SessionEnvironment;
  readonly bestPath: BestPathOptions;
  /** Called when a session came up or ended, or End-of-RIB came. */
  readonly onProgress: (peers: Iterable<PeerProgress>) => void;
  /** Undefined where the FIB is switched off; then every next hop counts as reachable. */
  readonly kernel: KernelListeners | undefined;
}

export class Router {
  /** By key of the neighbour. */
  readonly sessions = new Map<string, NeighbourSession>();
  readonly ownRoutes: OwnRoutes;
  self: Self | undefined;

  private readonly options: RouterOptions;
  private readonly speaker: Speaker;
  /** Keys of neighbours that an operator switched off, with what he said. */
  private readonly disabled = new Map<string, string | undefined>();
  private readonly listening: Listening;
  private ownRestart: OwnRestart = { restarting: false, forwarding: false };

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
    this.listening = new Listening({
      kernel: options.environment.kernel,
      events: options.events,
      accepted: (remote, socket) => this.accepted(remote, socket),
    });
  }

  get rib(): Rib {
    return this.speaker.rib;
  }

  get advertising(): Advertising {
    return this.speaker.advertising;
  }

  /** Why neighbours can't connect, in words. */
  get listenProblems(): readonly string[] {
    return this.listening.problems;
  }

  /** Says before anything else how this router came up: whether it has run before, and packets were forwarded meanwhile. */
  startAfter(restart: OwnRestart): void {
    this.ownRestart = restart;
  }

  /** All that there is to know is known: peers are told that they have heard everything, and no more of a restart. */
  async endRestart(): Promise<void> {
    await this.speaker.settled(ANSWER_PATIENCE);
    this.ownRestart = { ...this.ownRestart, restarting: false };
    for (const session of this.sessions.values()) session.changeOwnRestart(this.ownRestart);
    this.advertising.releaseEndOfRib();
    this.speaker.kick();
  }

  /** Brings everything in line with `wanted`. */
  async apply(wanted: DesiredState): Promise<void> {
    const before = this.self;
    const restart = before?.routerId !== wanted.self?.routerId || before?.asn !== wanted.self?.asn;
    if (restart) await this.becomeSomeoneElse(wanted.self);
    this.self = wanted.self;
    this.setIdentity(wanted.self);
    // With a FIB its kernel says so at once when an address comes or goes.
    if (this.options.kernel === undefined) this.setOwnAddresses(allAddresses());
    this.speaker.kick();
    this.originate(wanted.advertisement.routes);
    await this.applyNeighbours(wanted.neighbours);
    // Last, so that no neighbour is taken for a stranger.
    if (wanted.self !== undefined) await this.listening.listen(wanted.self.listen);
  }

  /** Originates these routes, and no others. */
  originate(wanted: readonly Origination[]): void {
    const routes = wanted.map(({ prefix, kind, reason }) => ({
      prefix,
      reason,
      workload: kind === 'workload',
      attributes: PLAIN_ATTRIBUTES,
    }));
    const { added, removed } = this.ownRoutes.setWanted(routes);
    const { events } = this.options;
    for (const { prefix, reason } of added) events.add('advertisement', formatPrefix(prefix), `originated: ${reason}`);
    for (const { prefix } of removed) {
      events.add('advertisement', formatPrefix(prefix), 'no longer originated: nothing asks for it any more');
    }
    if (added.length + removed.length > 0) this.speaker.kick();
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
    return (
      this.sessions.get(address) ?? [...this.sessions.values()].find(({ neighbour }) => neighbour.address === address)
    );
  }

  /** Whether an operator switched a neighbour off. */
  isDisabled(key: string): boolean {
    return this.disabled.has(key);
  }

  disable(peer: NeighbourSession, message: string | undefined): void {
    const { neighbour } = peer;
    this.disabled.set(neighbour.key, message);
    const words = message === undefined ? 'disabled by an operator' : `disabled by an operator: "${message}"`;
    this.options.events.add('session', neighbour.key, words);
    // What is held down has no session to end, and must not get one by being enabled.
    if (neighbour.heldDown === undefined) peer.adminDown(message);
  }

  enable({ neighbour, session }: NeighbourSession): void {
    this.disabled.delete(neighbour.key);
    this.options.events.add('session', neighbour.key, 'enabled by an operator');
    session.adminUp();
  }

  /** How far each peer is in telling what it has. */
  *progress(): Generator<PeerProgress> {
    for (const { neighbour, session, endOfRib } of this.sessions.values()) {
      yield {
        off: neighbour.heldDown !== undefined || this.isDisabled(neighbour.key),
        complete: session.negotiated?.families.every((family) => endOfRib.has(family)) ?? false,
        restarting: session.negotiated?.gracefulRestart?.restarting ?? false,
      };
    }
  }

  /** Resolves when nothing that was heard waits to be decided or forwarded. */
  settled(): Promise<void> {
    return this.speaker.settled();
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
    this.listening.close();
    if (forGood) this.ownRoutes.clear();
    else this.speaker.stop();
    const reason = { kind: 'shutdown', ...(message !== undefined && { message }) } as const;
    await Promise.all(
      [...this.sessions.values()].map((peer) =>
        peer.stop(!forGood && peer.session.negotiated?.gracefulRestart !== undefined ? { kind: 'restart' } : reason),
      ),
    );
    if (forGood) await this.speaker.settled(0);
    this.speaker.stop();
  }

  /** A new router id or AS is a new router to everybody (RFC 4271 §6.2): all sessions are set up again. */
  private async becomeSomeoneElse(self: Self | undefined): Promise<void> {
    const keys = [...this.sessions.keys()];
    const why = 'the router id or AS of this node changed';
    await Promise.all(keys.map((key) => this.remove(key, 'configuration-changed', why)));
    if (self === undefined) return;
    this.options.events.add('daemon', self.name, `this node is AS ${self.asn}, router id ${self.routerId}`);
  }

  private setIdentity(self: Self | undefined): void {
    const routerId = self === undefined ? 0 : parseU32(self.routerId);
    this.rib.self = { routerId, clusterId: self?.clusterId ?? routerId };
  }

  private async applyNeighbours(wanted: ReadonlyMap<string, DesiredNeighbour>): Promise<void> {
    const gone = [...this.sessions.keys()].filter((key) => !wanted.has(key));
    await Promise.all(gone.map((key) => this.remove(key, 'deconfigured', 'it is no longer wanted')));
    await Promise.all([...wanted].map(([key, desired]) => this.applyNeighbour(key, desired)));
  }

  private async applyNeighbour(key: string, { neighbour, policies }: DesiredNeighbour): Promise<void> {
    const known = this.sessions.get(key);
    if (known !== undefined) {
      const change = changeKind(known.neighbour, neighbour);
      if (change === 'none' || change === 'policy') {
        known.changePolicy(neighbour, policies);
        return;
      }
      // It stays in the list while its connection is closed, as what it is to be from now on.
      known.neighbour = neighbour;
      await known.stop({ kind: 'configuration-changed' });
      this.options.events.add('session', key, 'set up anew: its configuration changed');
    }
    this.add({ neighbour, policies });
  }

  private add({ neighbour, policies }: DesiredNeighbour): void {
    const session = new NeighbourSession({
      neighbour,
      policies,
      self: this.rib.self,
      speaker: this.speaker,
      events: this.options.events,
      environment: this.options.environment,
      ownRestart: this.ownRestart,
      onProgress: () => this.options.onProgress(this.progress()),
      holdDown: (address, down) => this.options.kernel?.holdDown(address, down),
    });
    this.sessions.set(neighbour.key, session);
    this.options.events.add('session', neighbour.key, `peer added: ${neighbour.reason}`);
    this.admit(neighbour.address);
    if (neighbour.heldDown !== undefined) {
      this.options.events.add('session', neighbour.key, `held down: ${neighbour.heldDown}`, 'warn');
      return;
    }
    if (this.disabled.has(neighbour.key)) session.adminDown(this.disabled.get(neighbour.key));
    session.session.start();
  }

  private async remove(key: string, kind: 'deconfigured' | 'configuration-changed', why: string): Promise<void> {
    const session = this.sessions.get(key)!;
    this.sessions.delete(key);
    this.admit(session.neighbour.address);
    await session.stop({ kind });
    this.options.events.add('session', key, `peer removed: ${why}`);
  }

  /** Of neighbours that share an address, with a port each, only one connects from there: the one that is found by it. */
  private admit(address: string): void {
    const session = this.find(address);
    if (session === undefined) this.listening.remove(address);
    else this.listening.add(session.neighbour);
  }

  private accepted(remote: string, socket: Socket): void {
    const session = this.find(remote);
    if (session === undefined || session.neighbour.heldDown !== undefined) socket.destroy();
    else session.session.accept(socket);
  }
}
