/**
 * A neighbour at run time: its session on one side, its place in the RIB on the other.
 */
import type { StopReason } from '../bgp/fsm/cease.ts';
import type { DownReason } from '../bgp/fsm/effect.ts';
import { isGraceful } from '../bgp/fsm/graceful-restart.ts';
import type { Negotiated } from '../bgp/fsm/negotiate.ts';
import type { FsmStateName } from '../bgp/fsm/peer-state.ts';
import { NO_ANSWER } from '../bgp/fsm/step-connection.ts';
import { encodeRouteRefresh } from '../bgp/messages/route-refresh.ts';
import type { SessionEnvironment, SessionHandler } from '../bgp/session/session-handler.ts';
import { Session } from '../bgp/session/session.ts';
import type { SessionStatistics } from '../bgp/session/statistics.ts';
import { SAFI_UNICAST, afiOf } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { RouterIdentity } from '../route-reflector/reflection.ts';
import { isSamePeer } from '../rib/peers.ts';
import type { LocalPrefScale } from '../rib/local-preference.ts';
import type { PeerInfo } from '../rib/peers.ts';
import type { GroupProfile } from '../rib/update-group.ts';
import type { ReceiveContext } from '../rib/update-receiver.ts';
import type { EventLog } from '../process/event-log.ts';
import { arePoliciesAlike } from './neighbour-policies.ts';
import type { Policies } from './neighbour-policies.ts';
import { groupProfile, peerInfo } from './rib-peer.ts';
import { RestartHelper } from './restart-helper.ts';
import type { KeptRoutes } from './restart-helper.ts';
import { changeableConfig, passwords, sessionConfig } from './session-config.ts';
import { downInWords, isLoss, keptInWords, keyChangeInWords } from './session-words.ts';
import { ShownScale } from './shown-scale.ts';
import type { Speaker } from './speaker.ts';

/** How this router came up (RFC 4724 §4.1). */
export interface OwnRestart {
  /** It has run before, and does not yet know all that it has to tell. */
  readonly restarting: boolean;
  /** What it told then still holds for packets. */
  readonly forwarding: boolean;
}

export interface NeighbourSessionOptions {
  readonly neighbour: Neighbour;
  readonly policies: Policies;
  readonly self: RouterIdentity;
  readonly speaker: Speaker;
  readonly events: EventLog;
  readonly environment: SessionEnvironment;
  readonly ownRestart: OwnRestart;
  /** When the neighbour was first wanted, as performance.now() has it. */
  readonly addedAt: number;
  /** Called when the session came up or ended, or End-of-RIB came. */
  readonly onProgress: () => void;
  /** Has packets avoid an address, or no longer, see {@link Fib.holdDown}. */
  readonly holdDown: (address: string, down: boolean) => void;
  /** Called when who connects must bear another TCP MD5 key. */
  readonly onKey: () => void;
}

/** What was wrong with a peer's routes is reported at most this often, in milliseconds. */
const FAULT_INTERVAL = 10_000;

export class NeighbourSession implements SessionHandler {
  neighbour: Neighbour;
  policies: Policies;
  readonly session: Session;
  /** Index in the RIB while established, or while routes are kept for a peer that restarts; else -1. */
  peer = -1;
  /** Families whose End-of-RIB the peer sent in this session. */
  readonly endOfRib = new Set<Family>();
  /** Received UPDATEs with withdrawals, withdrawn prefixes, and UPDATEs with faults, since the start. */
  readonly received = { withdrawUpdates: 0, withdrawnPrefixes: 0, discarded: 0 };

  readonly addedAt: number;
  /** Whether the neighbour has ever told all it has. */
  wasComplete = false;
  /** When the session came up or ended, as performance.now() has it. */
  changedAt: number;

  private readonly speaker: Speaker;
  private readonly events: EventLog;
  private readonly onProgress: () => void;
  private readonly holdDown: (address: string, down: boolean) => void;
  private readonly onKey: () => void;
  private avoided = false;
  private readonly helper: RestartHelper;
  private ownRestart: OwnRestart;
  /** Undefined unless established. */
  private context: ReceiveContext | undefined;
  /** What held for the last session. */
  private negotiated: Negotiated | undefined;
  private faultReported = -Infinity;
  private readonly shownScale = new ShownScale();
  /** What was last recorded of each state since the session was last Established. */
  private readonly recorded = new Map<FsmStateName, string>();

  constructor(options: NeighbourSessionOptions) {
    this.neighbour = options.neighbour;
    this.policies = options.policies;
    this.addedAt = options.addedAt;
    this.changedAt = options.addedAt;
    this.speaker = options.speaker;
    this.events = options.events;
    this.onProgress = options.onProgress;
    this.holdDown = options.holdDown;
    this.onKey = options.onKey;
    this.ownRestart = options.ownRestart;
    this.helper = new RestartHelper(this.speaker.rib, (stale) => this.expired(stale));
    const config = sessionConfig(options.neighbour, options.self, this.restart);
    this.session = new Session(config, this, options.environment);
  }

  /**
   * What went wrong last, and what stays nevertheless. A side with another password answers nothing, not even with a
   * refusal (RFC 2385 §2).
   */
  get lastError(): SessionStatistics['lastError'] {
    const { lastError } = this.session.statistics;
    if (lastError === undefined) return undefined;
    const { words } = lastError;
    const unanswered = words === NO_ANSWER && this.neighbour.password.kind === 'known';
    const hint = unanswered ? ', whose TCP MD5 password may be another one' : '';
    return { ...lastError, words: `${words}${hint}${keptInWords(this.kept)}` };
  }

  /** Attempts that fail as the last one did are not recorded again; the peer's report has its state and last error. */
  stateChanged(state: FsmStateName, reason: string): void {
    const established = this.context !== undefined;
    if (established || state === 'Established') this.recorded.clear();
    if (this.recorded.get(state) === reason) return;
    this.recorded.set(state, reason);
    // The end of an established session is told by `down`.
    const failed = !established && reason === this.session.statistics.lastError?.words;
    this.events.add('session', this.neighbour.key, `${state}: ${reason}`, failed ? 'warn' : 'info');
  }

  established(negotiated: Negotiated): void {
    this.context = {
      fourOctetAs: negotiated.fourOctetAs,
      external: negotiated.external,
      families: negotiated.families,
      addPaths: negotiated.addPaths.receive,
    };
    this.negotiated = negotiated;
    this.shownScale.begin();
    this.changedAt = performance.now();
    this.avoid(false);
    this.session.reconfigure(changeableConfig(this.neighbour, this.restart));
    this.enterRib(negotiated);
    this.reportSwept(this.helper.give(this.peer, { type: 'established', negotiated }));
    this.speaker.sinks[this.peer] = this;
    // RFC 4724 §4.1: End-of-RIB lets the peer drop what it kept of us.
    const holdEndOfRib = this.ownRestart.restarting && negotiated.gracefulRestart !== undefined;
    this.speaker.advertising.join(this.peer, this.profile(negotiated), holdEndOfRib);
    this.speaker.kick();
    this.wasComplete ||= this.isComplete;
    this.onProgress();
  }

  keyChanged(): void {
    this.onKey();
  }

  update(buffer: Uint8Array, start: number, end: number): void {
    const result = this.speaker.receiver.receive(this.peer, buffer, start, end, this.context!);
    if (result.endOfRib !== undefined) {
      this.endOfRib.add(result.endOfRib);
      this.wasComplete ||= this.isComplete;
      this.reportSwept(this.helper.give(this.peer, { type: 'end-of-rib', family: result.endOfRib }));
      this.onProgress();
    }
    if (result.withdrawn > 0) {
      this.received.withdrawUpdates++;
      this.received.withdrawnPrefixes += result.withdrawn;
    }
    if (result.localPrefScale !== undefined) this.showScale(result.localPrefScale);
    if (result.faults.length > 0) this.reportFaults(result.faults);
    this.speaker.kick();
  }

  routeRefresh(family: Family): void {
    this.speaker.advertising.refresh(this.peer, family);
    this.speaker.kick();
  }

  writable(): void {
    this.speaker.advertising.writable(this.peer);
    this.speaker.kick();
  }

  down(reason: DownReason): void {
    // Before the many routes are looked at that it told.
    if (isLoss(reason) && !isGraceful(reason, this.negotiated!)) this.avoid(true);
    this.speaker.advertising.leave(this.peer);
    this.speaker.sinks[this.peer] = undefined;
    this.context = undefined;
    this.changedAt = performance.now();
    this.endOfRib.clear();
    this.helper.give(this.peer, { type: 'down', reason, negotiated: this.negotiated! });
    if (this.avoided) void this.speaker.settled().then(() => this.avoid(false));
    const stay = keptInWords(this.kept);
    this.leaveRib();
    const level = reason.kind === 'stopped' ? 'info' : 'warn';
    this.events.add('session', this.neighbour.key, `session ended: ${downInWords(reason)}${stay}`, level);
    this.onProgress();
  }

  /** Whether the neighbour keeps what it was told while this router restarts. */
  get isKeptOverRestart(): boolean {
    const { negotiated } = this.session;
    return negotiated?.gracefulRestart !== undefined && this.neighbour.gracefulRestartMode === 'full';
  }

  /** Families of the session, or of the last one. */
  get families(): readonly Family[] {
    return this.negotiated?.families ?? this.neighbour.families;
  }

  /** Whether the session is up and the neighbour has told all it has. One without graceful restart need not say so. */
  get isComplete(): boolean {
    if (this.context === undefined || this.negotiated === undefined) return false;
    const { families, gracefulRestart } = this.negotiated;
    return gracefulRestart === undefined || families.every((family) => this.endOfRib.has(family));
  }

  /** Routes of the neighbour that are kept while it restarts, undefined where there are none to wait for. */
  get kept(): KeptRoutes | undefined {
    return this.peer < 0 ? undefined : this.helper.kept(this.peer);
  }

  /** Ends the session and stays down; nothing of the neighbour is kept. */
  async stop(reason: StopReason): Promise<void> {
    const stopped = this.session.stop(reason);
    this.forget();
    await stopped;
  }

  /** Ends the session, and sets it up again; nothing of the neighbour is kept. */
  reset(): void {
    this.session.reset();
    this.forget();
  }

  /** Ends the session until `session.adminUp`; nothing of the neighbour is kept. */
  adminDown(message: string | undefined): void {
    this.session.adminDown(message);
    this.forget();
  }

  /** Says other things of this router's own restart from the next session on. */
  changeOwnRestart(ownRestart: OwnRestart): void {
    this.ownRestart = ownRestart;
    this.session.reconfigure(changeableConfig(this.neighbour, this.restart));
  }

  /** Takes what the speaker has to tell: whole UPDATEs. */
  send(bytes: Uint8Array): boolean {
    let messages = 0;
    for (let at = 0; at < bytes.length; at += (bytes[at + 16] << 8) | bytes[at + 17]) messages++;
    return this.session.send(bytes, messages);
  }

  /** Takes a new description or new policies to a session that goes on. */
  changePolicy(neighbour: Neighbour, policies: Policies): void {
    if (neighbour === this.neighbour && arePoliciesAlike(policies, this.policies)) {
      this.policies = policies;
      return;
    }
    // Pools, blocks and filters are no business of the state machine, and there may be thousands of sessions to tell of them.
    const described = neighbour !== this.neighbour;
    const importChanged = policies.import.key !== this.policies.import.key;
    const otherReflector = neighbour.clusterId !== this.neighbour.clusterId;
    const keys = passwords(this.neighbour);
    this.neighbour = neighbour;
    this.policies = policies;
    if (passwords(neighbour).join('\0') !== keys.join('\0')) this.changePasswords(keys);
    if (described) this.session.reconfigure(changeableConfig(this.neighbour, this.restart));
    const { negotiated } = this;
    if (this.peer < 0 || negotiated === undefined) return;
    const { rib } = this.speaker;
    const info = this.peerInfo(negotiated);
    const before = rib.peers.info[this.peer]!;
    const isOther = otherReflector || !isSamePeer({ ...before, importPolicy: info.importPolicy }, info);
    if (isOther) rib.reimport(this.peer, info);
    else if (importChanged) rib.changeImport(this.peer, info.importPolicy);
    if (this.context !== undefined) this.speaker.advertising.change(this.peer, this.profile(negotiated));
    this.speaker.kick();
  }

  /**
   * Soft reset in: evaluates everything received once more, and asks the peer to send it again. Returns whether the peer
   * could be asked (RFC 2918).
   */
  refreshIn(): boolean {
    const { negotiated } = this.session;
    if (this.peer < 0 || negotiated === undefined) return false;
    this.speaker.rib.reimport(this.peer, this.peerInfo(negotiated));
    this.speaker.kick();
    if (!negotiated.routeRefresh) return false;
    for (const family of negotiated.families) this.session.send(encodeRouteRefresh(afiOf(family), SAFI_UNICAST));
    return true;
  }

  /** The keys are changed on the live session; where the kernel will not have that, it is set up anew with them. */
  private changePasswords(before: readonly string[]): void {
    const { key } = this.neighbour;
    try {
      this.session.changeKeys(passwords(this.neighbour));
      this.events.add('session', key, keyChangeInWords(before, passwords(this.neighbour)));
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.events.add('session', key, `the password of the live session can't be changed: ${words}`, 'warn');
      this.reset();
    }
  }

  private get restart(): OwnRestart {
    const { restarting, forwarding } = this.ownRestart;
    // After a session of this run it was only the connection that was lost.
    return { restarting, forwarding: forwarding || this.negotiated !== undefined };
  }

  /**
   * Has packets avoid the neighbour from when it was lost until its routes are replaced or it is back: one change for all
   * of them, ahead of the RIB's, which come in slices.
   */
  private avoid(avoided: boolean): void {
    if (avoided === this.avoided) return;
    this.avoided = avoided;
    this.holdDown(this.neighbour.address, avoided);
  }

  private enterRib(negotiated: Negotiated): void {
    const { rib } = this.speaker;
    const info = this.peerInfo(negotiated);
    if (this.peer < 0) this.peer = rib.peers.add(info);
    // What was kept stands as it is: a full table would take a while to judge and decide anew.
    else if (!isSamePeer(rib.peers.info[this.peer]!, info)) rib.reimport(this.peer, info);
  }

  /** Gives the place in the RIB back, unless routes are kept. */
  private leaveRib(): void {
    this.speaker.kick();
    if (this.peer < 0 || this.context !== undefined || this.kept !== undefined) return;
    this.speaker.rib.peers.remove(this.peer);
    this.peer = -1;
  }

  private forget(): void {
    if (this.peer < 0) return;
    this.reportSwept(this.helper.give(this.peer, { type: 'forget' }));
    this.leaveRib();
  }

  /** The neighbour was not back in time, or did not say in time what it has. */
  private expired(stale: number): void {
    const late = this.context === undefined ? 'was not back in time' : 'sent no End-of-RIB in time';
    const words = `the peer ${late} after its restart: its stale routes (${stale}) are removed`;
    this.events.add('session', this.neighbour.key, words, 'warn');
    this.leaveRib();
    this.onProgress();
  }

  private reportSwept(stale: number): void {
    if (stale === 0) return;
    const words = `routes from before the peer's restart are removed (${stale})`;
    this.events.add('session', this.neighbour.key, words);
    this.speaker.kick();
  }

  private peerInfo(negotiated: Negotiated): PeerInfo {
    return peerInfo({ neighbour: this.neighbour, policies: this.policies, negotiated });
  }

  private profile(negotiated: Negotiated): GroupProfile {
    const { neighbour, policies, session, localPrefScale } = this;
    const { clusterId } = this.speaker.rib.self;
    return groupProfile({ neighbour, policies, negotiated }, session.localAddress, { clusterId, localPrefScale });
  }

  /** What LOCAL_PREF is to the neighbour. */
  private get localPrefScale(): LocalPrefScale {
    const { scale, follows } = this.policies.localPref;
    return follows ? (this.shownScale.scale ?? scale) : scale;
  }

  /** The neighbour told a route of its own: it is told LOCAL_PREF as it tells it. */
  private showScale(scale: LocalPrefScale): void {
    if (!this.shownScale.take(scale)) return;
    this.speaker.advertising.change(this.peer, this.profile(this.negotiated!));
  }

  private reportFaults(faults: readonly string[]): void {
    this.received.discarded++;
    const now = performance.now();
    if (now - this.faultReported < FAULT_INTERVAL) return;
    this.faultReported = now;
    this.events.add('session', this.neighbour.key, `malformed UPDATE (RFC 7606): ${faults.join('; ')}`, 'warn');
  }
}
