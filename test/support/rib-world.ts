/**
 * A RIB under test with readers behind its peers, and the state of the naive model beside it.
 */
import { inspect } from 'node:util';
import { decodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
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
import { blockKey, blockOf, nlriOf, pathNlriOf, sameBlock } from './encoded.ts';
import { FakeResolver } from './fake-resolver.ts';
import { infoOf, profileOf } from './model-peers.ts';
import { ModelPaths, sessionOf } from './model-paths.ts';
import { OWN, modelAccepts, modelChanged, modelMultipath, modelTold } from './rib-model.ts';
import type { ModelPath, ModelPeer, Terms } from './rib-model.ts';

/** A route as a reader has it: the prefix, with the path identifier where there is one, and the attributes. */
type Heard = readonly [key: string, attributes: Attributes];

export const LOCAL: ModelPeer = { name: 'local', kind: 'local', routerId: OWN.routerId, as: OWN.as };

/** A peer's session and what was last agreed on. */
interface Session {
  readonly index: number;
  readonly reader: AdjRibInReader;
  /** End-of-RIB is not to be sent yet. */
  held: boolean;
  terms: Terms;
  /** How often End-of-RIB may be sent, by family. */
  readonly endsAllowed: [number, number];
}

export class RibWorld {
  readonly rib: Rib;
  readonly advertising: Advertising;
  readonly sessions = new Map<ModelPeer, Session>();
  readonly slow = new Set<ModelPeer>();
  private readonly ledger = new ModelPaths();
  /** Whether sessions that come up have to wait for End-of-RIB. */
  holdEndOfRib = false;
  now = 0;
  /** Sessions that ended with peers that restart. */
  private readonly lost = new Map<ModelPeer, Session>();
  /** Where the RIB and the model differed, in words. */
  private readonly found: string[] = [];
  private readonly order: readonly ModelPeer[];
  /** Results of the model for the same question. */
  private readonly answers = new WeakMap<Attributes, Map<string, Attributes | undefined>>();
  /** Attribute sets decoded before, by their bytes. */
  private readonly decoded = new Map<string, Attributes>();
  private readonly prefixes = new Map<string, Prefix>();
  private ownAddresses: ReadonlySet<string> = new Set();
  /** Where the RIB asks how next hops are reached, if it does. */
  private readonly resolver: FakeResolver | undefined;

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
    this.compare(
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
    this.compare('next hops asked for', this.resolver?.faults ?? [], []);
  }

  /** Compares what every peer believes, and the counters, with the model: all differences found up to now. */
  check(): readonly string[] {
    const best = new Map([...this.paths.keys()].map((text) => [text, this.multipath(text)[0]]));
    for (const peer of this.sessions.keys()) this.checkPeer(peer, FAMILIES, best);
    for (const [peer, { index }] of [...this.sessions, ...this.lost]) {
      const stale = this.ledger.staleOf(peer).map((text) => this.prefix(text).family);
      const counts = FAMILIES.map((family) => stale.filter((one) => one === family).length);
      this.compare(
        `stale paths of ${peer.name}`,
        FAMILIES.map((family) => this.rib.peers.stale[family][index]),
        counts,
      );
    }
    return this.found;
  }

  /** Accepted and usable paths of a prefix that are used, the best first. */
  multipath(text: string): ModelPath[] {
    return modelMultipath(this.usable(text), this.order);
  }

  /** Accepted and usable paths of a prefix. */
  private usable(text: string): ModelPath[] {
    const prefix = this.prefix(text);
    const paths = [...(this.paths.get(text) ?? [])].map(([peer, attributes]): ModelPath => ({
      peer,
      terms: this.termsOf(peer),
      attributes,
      metric: this.metric(attributes),
    }));
    const usable = paths.filter((path) => {
      if (!modelAccepts(path, prefix)) return false;
      return path.peer === LOCAL || !(this.isOwn(path.attributes.nextHop ?? '') || path.metric === Infinity);
    });
    return usable.map((path) => ({ ...path, attributes: modelChanged(path.terms.import, path.attributes) }));
  }

  private termsOf(peer: ModelPeer): Terms {
    const session = this.sessions.get(sessionOf(peer)) ?? this.lost.get(sessionOf(peer));
    return session?.terms ?? { kind: 'local', allowLocalAs: 0, import: 'all', export: 'all' };
  }

  /** What the way to a next hop costs; those with a link-local address are not asked for. */
  private metric({ nextHop, linkLocalNextHop }: Attributes): number {
    if (nextHop === undefined || nextHop.startsWith('fe80:') || linkLocalNextHop !== undefined) return 0;
    return this.resolver?.metric(nextHop) ?? 0;
  }

  /** Others may have our link-local address too, on another link. */
  private isOwn(nextHop: string): boolean {
    return this.ownAddresses.has(nextHop) && !nextHop.startsWith('fe80:');
  }

  /** Withdraws everything, then ends everything: adds what is left to the differences. */
  checkEnd(): readonly string[] {
    for (const peer of this.lost.keys()) this.sweep(peer);
    for (const [text, paths] of this.paths) for (const peer of paths.keys()) this.withdraw(peer, text);
    this.settle();
    this.compare('attribute sets', this.rib.sets.count, 0);
    for (const peer of this.sessions.keys()) this.down(peer);
    for (const { prefixes, count } of this.rib.tables)
      this.compare('prefixes and paths', [prefixes.count, count], [0, 0]);
    this.compare('attribute sets', this.rib.sets.count, 0);
    this.compare('watched next hops', this.resolver?.watched.size ?? 0, 0);
    this.compare('groups and streams', this.advertising.sizes, { groups: 0, streams: 0 });
    return this.found;
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
    if (decided) this.checkPeer(peer, reader.endOfRibs.slice(ends));
  }

  /** `best` holds the best paths that are known already. */
  private checkPeer(peer: ModelPeer, families: readonly Family[], best?: ReadonlyMap<string, ModelPath>): void {
    const { reader, index } = this.sessions.get(peer)!;
    for (const family of families) {
      const heard = [...reader.routes].filter(([key]) => this.prefix(textOf(key)).family === family);
      if (peer.allPaths?.includes(family) === true) this.checkPaths(peer, family, heard);
      else this.checkRoutes(peer, family, heard, best);
      this.compare(`number told to ${peer.name}`, this.advertising.toldCount(index, family), heard.length);
      const { received, accepted } = this.rib.peers;
      this.compare(
        `received, accepted of ${peer.name}`,
        [received[family][index], accepted[family][index]],
        [...this.modelCounts(peer, family)],
      );
    }
    this.compare(`needless withdrawals of ${peer.name}`, reader.needless, 0);
    for (const family of FAMILIES) this.checkEnds(peer, family);
  }

  private checkRoutes(
    peer: ModelPeer,
    family: Family,
    heard: readonly Heard[],
    best?: ReadonlyMap<string, ModelPath>,
  ): void {
    const { reader, index } = this.sessions.get(peer)!;
    const told = this.modelTold(peer, family, best);
    for (const text of new Set([...told.keys(), ...heard.map(([key]) => key)])) {
      const should = told.get(text);
      this.compareRoute(`${text} as ${peer.name} has it`, family, reader.routes.get(text), should);
      this.compareRoute(`${text} as told to ${peer.name}`, family, this.toldPaths(index, text)[0]?.attributes, should);
    }
  }

  /** For a peer that is told all paths: identifiers are the router's own choice, but those it says it told are. */
  private checkPaths(peer: ModelPeer, family: Family, heard: readonly Heard[]): void {
    const { index } = this.sessions.get(peer)!;
    const has = new Map<string, Heard[]>();
    for (const route of heard) {
      const text = textOf(route[0]);
      has.set(text, [...(has.get(text) ?? []), route]);
    }
    for (const text of new Set([...this.paths.keys(), ...has.keys()])) {
      const prefix = this.prefix(text);
      if (prefix.family !== family) continue;
      const should = this.usable(text).flatMap((path) => this.modelAnswer(path, peer, prefix) ?? []);
      const routes = has.get(text) ?? [];
      const keys = (all: readonly Attributes[]): string =>
        all
          .map((one) => blockKey(one, family))
          .toSorted()
          .join(' ');
      this.compare(`paths to ${text} as ${peer.name} has them`, keys(routes.map(([, one]) => one)), keys(should));
      const said = this.toldPaths(index, text).map(
        ({ pathId, attributes }) => [`${text} ${pathId}`, attributes] as const,
      );
      const ids = (all: readonly Heard[]): string =>
        all
          .map(([key, one]) => `${key} ${blockKey(one, family)}`)
          .toSorted()
          .join(', ');
      this.compare(`paths to ${text} as told to ${peer.name}`, ids(said), ids(routes));
    }
  }

  private checkEnds(peer: ModelPeer, family: Family): void {
    const { reader, held, endsAllowed } = this.sessions.get(peer)!;
    const ends = reader.endOfRibs.filter((one) => one === family).length;
    const most = held ? 0 : endsAllowed[family];
    const least = this.advertising.hasWork ? 0 : Math.min(1, most);
    const fine = ends >= least && ends <= most;
    if (!fine) this.compare(`number of End-of-RIB to ${peer.name}`, ends, `${least} to ${most}`);
  }

  private modelTold(peer: ModelPeer, family: Family, best?: ReadonlyMap<string, ModelPath>): Map<string, Attributes> {
    const routes = new Map<string, Attributes>();
    for (const text of this.paths.keys()) {
      const prefix = this.prefix(text);
      if (prefix.family !== family) continue;
      const path = best === undefined ? this.multipath(text)[0] : best.get(text);
      const told = path === undefined ? undefined : this.modelAnswer(path, peer, prefix);
      if (told !== undefined) routes.set(text, told);
    }
    return routes;
  }

  private modelAnswer(path: ModelPath, peer: ModelPeer, prefix: Prefix): Attributes | undefined {
    const { terms } = this.sessions.get(peer)!;
    let answers = this.answers.get(path.attributes);
    if (answers === undefined) this.answers.set(path.attributes, (answers = new Map()));
    const to = `${peer.name} ${terms.kind} ${terms.export}`;
    const question = `${path.peer.name} ${path.terms.kind} ${to} ${prefix.family} ${prefix.length}`;
    if (!answers.has(question)) answers.set(question, modelTold(path, peer, terms, prefix));
    return answers.get(question);
  }

  private modelCounts(peer: ModelPeer, family: Family): [received: number, accepted: number] {
    const { terms } = this.sessions.get(peer)!;
    const counts: [number, number] = [0, 0];
    for (const { text, attributes } of this.ledger.of(peer)) {
      const prefix = this.prefix(text);
      if (prefix.family !== family) continue;
      counts[0]++;
      if (modelAccepts({ peer, terms, attributes }, prefix)) counts[1]++;
    }
    return counts;
  }

  /** What the router says that it told a peer. */
  private toldPaths(index: number, text: string): { pathId: number | undefined; attributes: Attributes }[] {
    const { family, words, length } = this.prefix(text);
    const prefix = this.rib.tables[family].prefixes.find(...words, length);
    const { paths } = this.advertising.told(index, family, prefix);
    return paths.map(({ set, pathId }) => {
      const block = this.rib.sets.block(set);
      const key = Buffer.from(block.buffer).toString('latin1');
      let attributes = this.decoded.get(key);
      if (attributes === undefined) this.decoded.set(key, (attributes = decodeAttributes(block, 0, block.length)));
      return { pathId, attributes };
    });
  }

  private compareRoute(what: string, family: Family, is: Attributes | undefined, should: Attributes | undefined): void {
    if (!sameBlock(family, is, should)) this.compare(what, is, should);
  }

  private compare(what: string, is: unknown, should: unknown): void {
    if (is === should) return;
    const [found, wanted] = [inspect(is), inspect(should)];
    if (found !== wanted) this.found.push(`${what}: ${found}, but the model has ${wanted}`);
  }
}

/** The prefix in a key of a reader's routes. */
function textOf(key: string): string {
  const end = key.indexOf(' ');
  return end < 0 ? key : key.slice(0, end);
}
