/** The sessions of a router: added, changed and removed as planned, and found by whoever connects. */
import type { Socket } from 'node:net';
import type { SessionEnvironment } from '../bgp/session/session-handler.ts';
import type { ListenOn } from '../peering/self.ts';
import type { DesiredNeighbour, DesiredState } from './desired-state.ts';
import type { EventLog } from '../process/event-log.ts';
import type { PeerProgress } from './initial-sync.ts';
import { Listening } from './listening.ts';
import { NeighbourSession } from './neighbour-session.ts';
import type { OwnRestart } from './neighbour-session.ts';
import type { Speaker } from './speaker.ts';
import type { RunningSession, TransitionPlan } from './transition.ts';

export interface SessionsOptions {
  readonly events: EventLog;
  readonly environment: SessionEnvironment;
  readonly speaker: Speaker;
  readonly holdDown: (address: string, down: boolean) => void;
  /** Called once a turn in which sessions came up or ended, or End-of-RIB came. */
  readonly onProgress: () => void;
}

export class Sessions {
  /** By key of the neighbour. */
  readonly all = new Map<string, NeighbourSession>();
  private readonly options: SessionsOptions;
  /** Of neighbours that share an address, with a port each, in the order they came. */
  private readonly byAddress = new Map<string, NeighbourSession[]>();
  /** Keys of neighbours that an operator switched off, with what he said. */
  private readonly disabled = new Map<string, string | undefined>();
  private readonly listening: Listening;
  private ownRestart: OwnRestart = { restarting: false, forwarding: false };
  private progressDue = false;

  constructor(options: SessionsOptions) {
    this.options = options;
    this.listening = new Listening({
      kernel: options.environment.kernel,
      events: options.events,
      accepted: (remote, socket) => this.accepted(remote, socket),
    });
  }

  /** Why neighbours can't connect, in words. */
  get listenProblems(): readonly string[] {
    return this.listening.problems;
  }

  /** Listens there and nowhere else. */
  listen(wanted: ListenOn): Promise<void> {
    return this.listening.listen(wanted);
  }

  stopListening(): void {
    this.listening.close();
  }

  /** Says other things of this router's own restart in all sessions to come. */
  changeOwnRestart(change: Partial<OwnRestart>): void {
    this.ownRestart = { ...this.ownRestart, ...change };
    for (const session of this.all.values()) session.changeOwnRestart(this.ownRestart);
  }

  /** The session of the neighbour with this key, or with this address. */
  find(address: string): NeighbourSession | undefined {
    return this.all.get(address) ?? this.byAddress.get(address)?.[0];
  }

  /** Whether an operator switched a neighbour off. */
  isDisabled(key: string): boolean {
    return this.disabled.has(key);
  }

  disable(peer: NeighbourSession, message: string | undefined): void {
    const { neighbour } = peer;
    this.disabled.set(neighbour.key, message);
    this.progressed();
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
    for (const { neighbour, session, endOfRib } of this.all.values()) {
      yield {
        off: neighbour.heldDown !== undefined || this.isDisabled(neighbour.key),
        complete: session.negotiated?.families.every((family) => endOfRib.has(family)) ?? false,
        restarting: session.negotiated?.gracefulRestart?.restarting ?? false,
      };
    }
  }

  /** Each session as a plan sees it. */
  get running(): Map<string, RunningSession> {
    const running = new Map<string, RunningSession>();
    for (const [key, { neighbour, addedAt, session, families, isComplete, wasComplete, changedAt, kept }] of this.all) {
      running.set(key, {
        neighbour,
        addedAt,
        up: session.state === 'Established' || kept !== undefined,
        families,
        complete: isComplete,
        wasComplete,
        since: changedAt,
        disabled: this.isDisabled(key),
      });
    }
    return running;
  }

  /** Does what is planned; nothing happens to a session that is not about it. */
  async apply(
    { neighbours: wanted, policiesOf }: Pick<DesiredState, 'neighbours' | 'policiesOf'>,
    plan: TransitionPlan,
  ): Promise<void> {
    const [changed, added] = [new Set(plan.change), new Set([...plan.add, ...plan.reset])];
    await this.removeAll(plan.remove, 'deconfigured', 'it is no longer wanted');
    for (const [key, session] of this.all) {
      if (added.has(key)) continue;
      const desired = wanted.get(key);
      if (desired !== undefined && (changed.has(key) || desired.neighbour === session.neighbour)) {
        session.changePolicy(desired.neighbour, desired.policies);
      } else {
        // It goes on as it was described, but pools, blocks and filters are what they are now.
        session.changePolicy(session.neighbour, policiesOf?.(session.neighbour) ?? session.policies);
      }
      if (changed.has(key)) this.admit(session.neighbour.address);
    }
    const now = performance.now();
    const resets = plan.reset.filter((key) => this.all.has(key));
    await Promise.all(resets.map((key) => this.reset(key, wanted.get(key)!)));
    // After another identity all are new.
    for (const [key, desired] of wanted) if (added.has(key) && !this.all.has(key)) this.add(desired, now);
  }

  /** Removes the sessions with these keys, as far as there are any. */
  async removeAll(keys: readonly string[], kind: 'deconfigured' | 'configuration-changed', why: string): Promise<void> {
    const known = keys.flatMap((key) => this.all.get(key) ?? []);
    for (const session of known) {
      this.forget(session);
      this.admit(session.neighbour.address);
    }
    await Promise.all(
      known.map(async (session) => {
        await session.stop({ kind });
        this.options.events.add('session', session.neighbour.key, `peer removed: ${why}`);
      }),
    );
  }

  /** Sets a session up anew, as `desired`. */
  private async reset(key: string, desired: DesiredNeighbour): Promise<void> {
    const known = this.all.get(key)!;
    // It stays in the list while its connection is closed, as what it is to be from now on.
    known.neighbour = desired.neighbour;
    await known.stop({ kind: 'configuration-changed' });
    this.forget(known);
    this.options.events.add('session', key, 'set up anew: its configuration changed');
    this.add(desired, known.addedAt);
  }

  private add({ neighbour, policies }: DesiredNeighbour, addedAt: number): void {
    const { speaker, events, environment, holdDown } = this.options;
    const session = new NeighbourSession({
      neighbour,
      policies,
      self: speaker.rib.self,
      speaker,
      events,
      environment,
      ownRestart: this.ownRestart,
      addedAt,
      onProgress: () => this.progressed(),
      holdDown,
      onKey: () => this.admit(neighbour.address),
    });
    this.all.set(neighbour.key, session);
    const others = this.byAddress.get(neighbour.address);
    if (others === undefined) this.byAddress.set(neighbour.address, [session]);
    else others.push(session);
    events.add('session', neighbour.key, `peer added: ${neighbour.reason}`);
    this.admit(neighbour.address);
    if (neighbour.heldDown !== undefined) {
      events.add('session', neighbour.key, `held down: ${neighbour.heldDown}`, 'warn');
      return;
    }
    if (this.disabled.has(neighbour.key)) session.adminDown(this.disabled.get(neighbour.key));
    session.session.start();
  }

  private forget(session: NeighbourSession): void {
    const { key, address } = session.neighbour;
    this.all.delete(key);
    const left = this.byAddress.get(address)!.filter((other) => other !== session);
    if (left.length === 0) this.byAddress.delete(address);
    else this.byAddress.set(address, left);
  }

  /** Of neighbours that share an address, with a port each, only one connects from there: the one that is found by it. */
  private admit(address: string): void {
    const session = this.find(address);
    if (session === undefined) this.listening.remove(address);
    else this.listening.add(session.neighbour, session.session.key);
  }

  private accepted(remote: string, socket: Socket): void {
    const session = this.find(remote);
    if (session === undefined || session.neighbour.heldDown !== undefined) socket.destroy();
    else session.session.accept(socket);
  }

  /** Many sessions come up in one turn, and all of them are looked at then. */
  private progressed(): void {
    if (this.progressDue) return;
    this.progressDue = true;
    setImmediate(() => {
      this.progressDue = false;
      this.options.onProgress();
    });
  }
}
