/**
 * A RIB under test with readers behind its peers, and the state of the naive model beside it.
 */
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { parseU32 } from '../../src/net/address.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Family } from '../../src/net/family.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { Prefix } from '../../src/net/prefix.ts';
import { Advertising } from '../../src/rib/advertising.ts';
import { Rib } from '../../src/rib/rib.ts';
import type { RibOptions } from '../../src/rib/rib.ts';
import { AdjRibInReader } from './adj-rib-in-reader.ts';
import { blockOf, nlriOf, pathNlriOf } from './encoded.ts';
import { FakeResolver } from './fake-resolver.ts';
import { infoOf, profileOf } from './model-peers.ts';
import { ModelPaths, sessionOf } from './model-paths.ts';
import { RibChecker } from './rib-checker.ts';
import type { CheckedRib, Session } from './rib-checker.ts';
import { OWN } from './rib-model.ts';
import type { ModelPath, ModelPeer, Terms } from './rib-model.ts';

export class RibWorld implements CheckedRib {
  readonly rib: Rib;
  readonly advertising: Advertising;
  readonly sessions = new Map<ModelPeer, Session>();
  readonly slow = new Set<ModelPeer>();
  readonly ledger = new ModelPaths();
  /** Whether sessions that come up have to wait for End-of-RIB. */
  holdEndOfRib = false;
  now = 0;
  /** Sessions that ended with peers that restart. */
  readonly lost = new Map<ModelPeer, Session>();
  readonly order: readonly ModelPeer[];
  private readonly checker = new RibChecker(this);
  private readonly prefixes = new Map<string, Prefix>();
  ownAddresses: ReadonlySet<string> = new Set();
  /** Where the RIB asks how next hops are reached, if it does. */
  readonly resolver: FakeResolver | undefined;

  /** `order` is that of the peers' addresses. */
  constructor(order: readonly ModelPeer[], options: Partial<RibOptions> = {}) {
    this.order = order;
    if (options.nextHopListener instanceof FakeResolver) this.resolver = options.nextHopListener;
    this.rib = new Rib({ self: { routerId: parseU32(OWN.routerId), clusterId: parseU32(OWN.clusterId) }, ...options });
    this.advertising = new Advertising(this.rib);
  }

  /** Paths by peer, or by name of the path where peers give identifiers, by text of the prefix. */
  get paths(): ReadonlyMap<string, Map<ModelPeer, Attributes>> {
    return this.ledger.byPrefix;
  }

  up(peer: ModelPeer): void {
    if (this.sessions.has(peer)) return;
    const terms: Terms = { kind: peer.kind, allowLocalAs: 0, import: 'all', export: 'all' };
    const index = this.register(peer, terms);
    const reader = new AdjRibInReader(
      peer.extended === true ? 65_535 : 4096,
      {
        fourOctetAs: peer.narrow !== true,
        external: peer.kind === 'external',
      },
      peer.allPaths,
    );
    const endsAllowed: [number, number] = [0, 0];
    for (const family of peer.families ?? FAMILIES) endsAllowed[family] = 1;
    this.sessions.set(peer, { index, reader, held: this.holdEndOfRib, terms, endsAllowed });
    this.advertising.join(index, profileOf(peer, terms), this.holdEndOfRib);
  }

  /** The number of a peer: the one it had where it comes back from a restart. */
  private register(peer: ModelPeer, terms: Terms): number {
    const before = this.lost.get(peer);
    if (before === undefined) return this.rib.peers.add(infoOf(peer, terms));
    this.lost.delete(peer);
    this.rib.reimport(before.index, infoOf(peer, terms));
    return before.index;
  }

  /** The session ends because the peer restarts: its routes stay, those that were stale already go. */
  lose(peer: ModelPeer): void {
    const session = this.sessions.get(peer);
    if (session === undefined) return;
    this.leave(peer, session);
    this.lost.set(peer, session);
    this.ledger.markStale(peer);
    for (const family of FAMILIES) this.rib.markStale(session.index, family);
  }

  /** The peer has sent all it has, or did not come back in time: what is stale goes. */
  sweep(peer: ModelPeer): void {
    const session = this.sessions.get(peer) ?? this.lost.get(peer);
    if (session === undefined) return;
    for (const family of FAMILIES) this.rib.sweep(session.index, family);
    this.ledger.dropStale(peer);
    if (!this.lost.delete(peer)) return;
    this.checker.compare(
      `paths left of ${peer.name}`,
      this.rib.peers.received.map((count) => count[session.index]),
      [0, 0],
    );
    this.rib.peers.remove(session.index);
  }

  releaseEndOfRib(): void {
    this.holdEndOfRib = false;
    for (const session of this.sessions.values()) session.held = false;
    this.advertising.releaseEndOfRib();
  }

  down(peer: ModelPeer): void {
    const session = this.sessions.get(peer);
    if (session === undefined) return;
    this.leave(peer, session);
    for (const family of FAMILIES) this.rib.flush(session.index, family);
    this.rib.peers.remove(session.index);
    this.ledger.drop(peer);
  }

  /** The NLRI of a peer, or of one of its paths, for a prefix. */
  private nlri(peer: ModelPeer, prefix: Prefix): { nlri: [Uint8Array, number, number]; addPath: boolean } {
    const addPath = sessionOf(peer).givesIds === true;
    return { nlri: addPath ? pathNlriOf(prefix, peer.pathId ?? 0) : nlriOf(prefix), addPath };
  }

  private leave(peer: ModelPeer, session: Session): void {
    this.advertising.leave(session.index);
    this.sessions.delete(peer);
    this.slow.delete(peer);
  }

  /** Other terms for a session that goes on. */
  change(peer: ModelPeer, changes: Partial<Terms>): void {
    const session = this.sessions.get(peer);
    if (session === undefined) return;
    const before = session.terms;
    const terms = { ...before, ...changes };
    session.terms = terms;
    if (terms.import !== before.import || terms.allowLocalAs !== before.allowLocalAs || terms.kind !== before.kind) {
      this.rib.reimport(session.index, infoOf(peer, terms));
    }
    this.advertising.change(session.index, profileOf(peer, terms));
  }

  /** `peer` may be a path of a peer that gives identifiers. */
  announce(peer: ModelPeer, text: string, attributes: Attributes): void {
    const session = this.sessions.get(sessionOf(peer));
    const prefix = this.prefix(text);
    if (peer.kind !== 'local' && session === undefined) return;
    const block = blockOf(attributes, prefix.family);
    const set = this.rib.sets.acquire(block, 0, block.length);
    if (session === undefined) this.rib.originate(prefix, set);
    else {
      const { nlri, addPath } = this.nlri(peer, prefix);
      this.rib.announce(session.index, prefix.family, ...nlri, set, addPath);
    }
    this.rib.sets.release(set);
    this.ledger.announce(peer, text, attributes);
  }

  withdraw(peer: ModelPeer, text: string): void {
    const session = this.sessions.get(sessionOf(peer));
    const prefix = this.prefix(text);
    if (peer.kind === 'local') this.rib.withdrawOwn(prefix);
    else if (session === undefined) return;
    else {
      const { nlri, addPath } = this.nlri(peer, prefix);
      this.rib.withdraw(session.index, prefix.family, ...nlri, addPath);
    }
    this.ledger.withdraw(peer, text);
  }

  refresh(peer: ModelPeer, family: Family): void {
    const session = this.sessions.get(peer);
    if (session === undefined || (peer.families ?? FAMILIES).every((known) => known !== family)) return;
    session.endsAllowed[family]++;
    this.advertising.refresh(session.index, family);
  }

  /** The peer takes what it is sent next, and no more until {@link settle} or {@link fast}. */
  block(peer: ModelPeer): void {
    if (this.sessions.has(peer)) this.slow.add(peer);
  }

  fast(peer: ModelPeer): void {
    this.slow.delete(peer);
    const session = this.sessions.get(peer);
    if (session !== undefined) this.advertising.writable(session.index);
  }

  setOwnAddresses(addresses: readonly string[]): void {
    this.ownAddresses = new Set(addresses);
    this.rib.setOwnAddresses(this.ownAddresses);
  }

  /** From now on a next hop costs that much; Infinity for one that can't be reached. The RIB hears of it by {@link answer}. */
  setNextHop(address: string, metric: number): void {
    this.resolver?.set(address, metric);
  }

  /** Tells the RIB all that is known of its next hops. */
  answer(): void {
    if (this.resolver !== undefined) this.rib.setNextHops(this.resolver.takeAnswers());
  }

  turn(decisions: number): void {
    this.rib.decide(decisions);
    const byIndex = new Map([...this.sessions].map(([peer, session]) => [session.index, { peer, session }]));
    this.advertising.flush(this.now, (index, bytes) => {
      const { peer, session } = byIndex.get(index)!;
      this.feed(peer, session, bytes);
      return !this.slow.has(peer);
    });
  }

  /** Turns until nothing is left to do. */
  settle(decisions = 3): void {
    for (const peer of this.slow) this.fast(peer);
    for (let i = 0; this.rib.hasWork || this.advertising.hasWork || this.resolver?.hasAnswers === true; i++) {
      if (i > 10_000) throw new Error('does not settle');
      this.answer();
      this.turn(decisions);
    }
    this.checker.compare('next hops asked for', this.resolver?.faults ?? [], []);
  }

  /** Compares what every peer believes, and the counters, with the model: all differences found up to now. */
  check(): readonly string[] {
    this.checker.checkAll();
    return this.checker.found;
  }

  /** Accepted and usable paths of a prefix that are used, the best first. */
  multipath(text: string): ModelPath[] {
    return this.checker.multipath(text);
  }

  /** Withdraws everything, then ends everything: adds what is left to the differences. */
  checkEnd(): readonly string[] {
    for (const peer of this.lost.keys()) this.sweep(peer);
    for (const [text, paths] of this.paths) for (const peer of paths.keys()) this.withdraw(peer, text);
    this.settle();
    this.checker.compare('attribute sets', this.rib.sets.count, 0);
    for (const peer of this.sessions.keys()) this.down(peer);
    for (const { prefixes, count } of this.rib.tables)
      this.checker.compare('prefixes and paths', [prefixes.count, count], [0, 0]);
    this.checker.compare('attribute sets', this.rib.sets.count, 0);
    this.checker.compare('watched next hops', this.resolver?.watched.size ?? 0, 0);
    this.checker.compare('groups and streams', this.advertising.sizes, { groups: 0, streams: 0 });
    return this.checker.found;
  }

  prefix(text: string): Prefix {
    let prefix = this.prefixes.get(text);
    if (prefix === undefined) this.prefixes.set(text, (prefix = parsePrefix(text)));
    return prefix;
  }

  private feed(peer: ModelPeer, session: Session, bytes: Uint8Array): void {
    const { reader } = session;
    const ends = reader.endOfRibs.length;
    reader.feed(bytes);
    // By then everything was told, and what was told is true unless something is still to be decided.
    const decided = !this.rib.hasWork && !this.rib.waitsForNextHops && this.resolver?.hasAnswers !== true;
    if (decided) this.checker.checkPeer(peer, reader.endOfRibs.slice(ends));
  }
}
