/**
 * A neighbour at run time: its session on one side, its place in the RIB on the other.
 */
import type { DownReason } from '../bgp/fsm/effect.ts';
import type { Negotiated } from '../bgp/fsm/negotiate.ts';
import type { FsmStateName } from '../bgp/fsm/peer-state.ts';
import { NO_ANSWER } from '../bgp/fsm/step-connection.ts';
import { describeNotification } from '../bgp/messages/notification.ts';
import { encodeRouteRefresh } from '../bgp/messages/route-refresh.ts';
import type { SessionConfig } from '../bgp/session/session-config.ts';
import type { SessionEnvironment, SessionHandler } from '../bgp/session/session-handler.ts';
import { Session } from '../bgp/session/session.ts';
import type { SessionStatistics } from '../bgp/session/statistics.ts';
import { parseAddress } from '../net/address.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST, SAFI_UNICAST, afiOf } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { sourceOf } from '../route-reflector/reflection.ts';
import type { PeerKind, RouterIdentity } from '../route-reflector/reflection.ts';
import type { PeerInfo } from '../rib/peers.ts';
import type { RoutePolicy } from '../rib/policy.ts';
import type { GroupProfile } from '../rib/update-group.ts';
import type { ReceiveContext } from '../rib/update-receiver.ts';
import type { EventLog } from './event-log.ts';
import { addressBeside } from './interface-addresses.ts';
import type { Speaker } from './speaker.ts';

/** Import and export of one neighbour. */
export interface Policies {
  readonly import: RoutePolicy;
  readonly export: RoutePolicy;
}

export interface NeighbourSessionOptions {
  readonly neighbour: Neighbour;
  readonly policies: Policies;
  readonly self: RouterIdentity;
  readonly speaker: Speaker;
  readonly events: EventLog;
  readonly environment: SessionEnvironment;
  /** Called when the session came up or ended, or End-of-RIB came. */
  readonly onProgress: () => void;
}

/** Longest wait between attempts to connect, in seconds; the first ones follow sooner. */
const CONNECT_RETRY_TIME = 30;

/** What was wrong with a peer's routes is reported at most this often, in milliseconds. */
const FAULT_INTERVAL = 10_000;

export class NeighbourSession implements SessionHandler {
  neighbour: Neighbour;
  policies: Policies;
  readonly session: Session;
  /** Index in the RIB while established, else -1. */
  peer = -1;
  /** Families whose End-of-RIB the peer sent in this session. */
  readonly endOfRib = new Set<Family>();
  /** Received UPDATEs with withdrawals, withdrawn prefixes, and UPDATEs with faults, since the start. */
  readonly received = { withdrawUpdates: 0, withdrawnPrefixes: 0, discarded: 0 };

  private readonly speaker: Speaker;
  private readonly events: EventLog;
  private readonly onProgress: () => void;
  private context: ReceiveContext | undefined;
  private faultReported = -Infinity;
  /** What was last recorded of each state since the session was last Established. */
  private readonly recorded = new Map<FsmStateName, string>();

  constructor(options: NeighbourSessionOptions) {
    this.neighbour = options.neighbour;
    this.policies = options.policies;
    this.speaker = options.speaker;
    this.events = options.events;
    this.onProgress = options.onProgress;
    this.session = new Session(sessionConfig(options.neighbour, options.self), this, options.environment);
  }

  /** What went wrong last. A side with another password answers nothing, not even with a refusal (RFC 2385 §2). */
  get lastError(): SessionStatistics['lastError'] {
    const { lastError } = this.session.statistics;
    if (lastError?.words !== NO_ANSWER || this.neighbour.password.kind !== 'known') return lastError;
    return { ...lastError, words: `${NO_ANSWER}, whose TCP MD5 password may be another one` };
  }

  /** Attempts that fail as the last one did are not recorded again; the peer's report has its state and last error. */
  stateChanged(state: FsmStateName, reason: string): void {
    const established = this.peer >= 0;
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
    };
    this.endOfRib.clear();
    this.peer = this.speaker.rib.peers.add(this.peerInfo(negotiated));
    this.speaker.sinks[this.peer] = this;
    this.speaker.advertising.join(this.peer, this.profile(negotiated));
    this.speaker.kick();
  }

  update(buffer: Uint8Array, start: number, end: number): void {
    const result = this.speaker.receiver.receive(this.peer, buffer, start, end, this.context!);
    if (result.endOfRib !== undefined) {
      this.endOfRib.add(result.endOfRib);
      this.onProgress();
    }
    if (result.withdrawn > 0) {
      this.received.withdrawUpdates++;
      this.received.withdrawnPrefixes += result.withdrawn;
    }
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
    const { rib, advertising } = this.speaker;
    advertising.leave(this.peer);
    this.speaker.sinks[this.peer] = undefined;
    for (const family of FAMILIES) rib.flush(this.peer, family);
    rib.peers.remove(this.peer);
    this.peer = -1;
    this.context = undefined;
    const level = reason.kind === 'stopped' ? 'info' : 'warn';
    this.events.add('session', this.neighbour.key, `session ended: ${downInWords(reason)}`, level);
    this.speaker.kick();
  }

  /** Takes what the speaker has to tell: whole UPDATEs. */
  send(bytes: Uint8Array): boolean {
    let messages = 0;
    for (let at = 0; at < bytes.length; at += (bytes[at + 16] << 8) | bytes[at + 17]) messages++;
    return this.session.send(bytes, messages);
  }

  /** Takes a new description or new policies to a session that goes on. */
  changePolicy(neighbour: Neighbour, policies: Policies): void {
    const importChanged =
      policies.import.key !== this.policies.import.key ||
      neighbour.allowLocalAs !== this.neighbour.allowLocalAs ||
      neighbour.clusterId !== this.neighbour.clusterId;
    this.neighbour = neighbour;
    this.policies = policies;
    const { negotiated } = this.session;
    if (this.peer < 0 || negotiated === undefined) return;
    const info = this.peerInfo(negotiated);
    if (importChanged || info.source !== this.speaker.rib.peers.source[this.peer]) {
      this.speaker.rib.reimport(this.peer, info);
    }
    this.speaker.advertising.change(this.peer, this.profile(negotiated));
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

  private kind(negotiated: Negotiated): PeerKind {
    if (negotiated.external) return 'external';
    return this.neighbour.reflectorClient ? 'client' : 'internal';
  }

  private peerInfo(negotiated: Negotiated): PeerInfo {
    const { neighbour } = this;
    return {
      address: neighbour.address,
      source: sourceOf(this.kind(negotiated)),
      routerId: negotiated.peerRouterId,
      localAs: neighbour.localAs,
      allowLocalAs: neighbour.allowLocalAs,
      importPolicy: this.policies.import,
    };
  }

  private profile(negotiated: Negotiated): GroupProfile {
    const { neighbour, session } = this;
    return {
      to: this.kind(negotiated),
      localAs: neighbour.localAs,
      nextHopMode: neighbour.nextHopMode,
      selfNextHop: selfNextHops(session.localAddress ?? neighbour.localAddress, neighbour),
      clusterId: this.speaker.rib.self.clusterId,
      exportPolicy: this.policies.export,
      families: negotiated.families,
      fourOctetAs: negotiated.fourOctetAs,
      maxMessage: negotiated.extendedMessage ? 65_535 : 4096,
    };
  }

  private reportFaults(faults: readonly string[]): void {
    this.received.discarded++;
    const now = performance.now();
    if (now - this.faultReported < FAULT_INTERVAL) return;
    this.faultReported = now;
    this.events.add('session', this.neighbour.key, `malformed UPDATE (RFC 7606): ${faults.join('; ')}`, 'warn');
  }
}

/** What the session's machine needs of a neighbour. */
function sessionConfig(neighbour: Neighbour, self: RouterIdentity): SessionConfig {
  return {
    localAs: neighbour.localAs,
    peerAs: neighbour.peerAs,
    routerId: self.routerId,
    peerAddress: neighbour.address,
    peerPort: neighbour.port,
    ...(neighbour.localAddress !== undefined && { localAddress: neighbour.localAddress }),
    holdTime: neighbour.holdTime,
    ...(neighbour.keepaliveTime !== undefined && { keepaliveTime: neighbour.keepaliveTime }),
    connectRetryTime: CONNECT_RETRY_TIME,
    passive: neighbour.passive,
    families: neighbour.families,
    ...(neighbour.password.kind === 'known' && { password: neighbour.password.value }),
    ...(neighbour.ttlSecurity !== undefined && { ttlSecurity: neighbour.ttlSecurity }),
  };
}

/** Our address of each family as the neighbour can reach it, in bytes. */
function selfNextHops(
  local: string | undefined,
  neighbour: Neighbour,
): [Uint8Array | undefined, Uint8Array | undefined] {
  const session = local === undefined ? undefined : parseAddress(local);
  const { ipv4, ipv6 } = neighbour.localAddresses;
  const beside = local === undefined || session?.zone !== undefined ? undefined : addressBeside(local);
  const choose = (family: Family, fallback: string | undefined): Uint8Array | undefined => {
    if (session?.family === family) return session.bytes;
    const address = beside ?? fallback;
    return address === undefined ? undefined : parseAddress(address).bytes;
  };
  return [choose(IPV4_UNICAST, ipv4), choose(IPV6_UNICAST, ipv6)];
}

function downInWords(reason: DownReason): string {
  const { notificationReceived: received, notificationSent: sent } = reason;
  if (received !== undefined) return `${reason.words} (received ${describeNotification(received)})`;
  return sent === undefined ? reason.words : `${reason.words} (sent ${describeNotification(sent)})`;
}
