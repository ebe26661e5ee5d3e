/** Compares a RIB, and what readers behind its peers were told, with the naive model. */
import { inspect } from 'node:util';
import { decodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Family } from '../../src/net/family.ts';
import type { Prefix } from '../../src/net/prefix.ts';
import type { Advertising } from '../../src/rib/advertising.ts';
import type { Rib } from '../../src/rib/rib.ts';
import type { AdjRibInReader } from './adj-rib-in-reader.ts';
import { blockKey, sameBlock } from './encoded.ts';
import type { FakeResolver } from './fake-resolver.ts';
import { sessionOf } from './model-paths.ts';
import type { ModelPaths } from './model-paths.ts';
import { LOCAL, modelAccepts, modelChanged, modelMultipath, modelTold } from './rib-model.ts';
import type { ModelPath, ModelPeer, Terms } from './rib-model.ts';

/** A route as a reader has it: the prefix, with the path identifier where there is one, and the attributes. */
type Heard = readonly [key: string, attributes: Attributes];

/** A peer's session and what was last agreed on. */
export interface Session {
  readonly index: number;
  readonly reader: AdjRibInReader;
  /** End-of-RIB is not to be sent yet. */
  held: boolean;
  terms: Terms;
  /** How often End-of-RIB may be sent, by family. */
  readonly endsAllowed: [number, number];
}

/** What is compared. */
export interface CheckedRib {
  readonly rib: Rib;
  readonly advertising: Advertising;
  readonly sessions: ReadonlyMap<ModelPeer, Session>;
  /** Sessions that ended with peers that restart. */
  readonly lost: ReadonlyMap<ModelPeer, Session>;
  /** What the peers have announced. */
  readonly ledger: ModelPaths;
  /** Peers by their addresses. */
  readonly order: readonly ModelPeer[];
  readonly ownAddresses: ReadonlySet<string>;
  /** Where the RIB asks how next hops are reached, if it does. */
  readonly resolver: FakeResolver | undefined;
  /** A prefix from its text. */
  prefix(text: string): Prefix;
}

export class RibChecker {
  /** Where the RIB and the model differed, in words. */
  readonly found: string[] = [];
  private readonly world: CheckedRib;
  /** Results of the model for the same question. */
  private readonly answers = new WeakMap<Attributes, Map<string, Attributes | undefined>>();
  /** Attribute sets decoded before, by their bytes. */
  private readonly decoded = new Map<string, Attributes>();

  constructor(world: CheckedRib) {
    this.world = world;
  }

  /** Compares what every peer believes, and the counters, with the model. */
  checkAll(): void {
    const best = new Map([...this.world.ledger.byPrefix.keys()].map((text) => [text, this.multipath(text)[0]]));
    for (const peer of this.world.sessions.keys()) this.checkPeer(peer, FAMILIES, best);
    for (const [peer, { index }] of [...this.world.sessions, ...this.world.lost]) {
      const stale = this.world.ledger.staleOf(peer).map((text) => this.world.prefix(text).family);
      const counts = FAMILIES.map((family) => stale.filter((one) => one === family).length);
      this.compare(
        `stale paths of ${peer.name}`,
        FAMILIES.map((family) => this.world.rib.peers.stale[family][index]),
        counts,
      );
    }
  }

  /** Accepted and usable paths of a prefix that are used, the best first. */
  multipath(text: string): ModelPath[] {
    return modelMultipath(this.usable(text), this.world.order);
  }

  /** Accepted and usable paths of a prefix. */
  private usable(text: string): ModelPath[] {
    const prefix = this.world.prefix(text);
    const paths = [...(this.world.ledger.byPrefix.get(text) ?? [])].map(([peer, attributes]): ModelPath => ({
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
    const session = this.world.sessions.get(sessionOf(peer)) ?? this.world.lost.get(sessionOf(peer));
    return session?.terms ?? { kind: 'local', allowLocalAs: 0, import: 'all', export: 'all' };
  }

  /** What the way to a next hop costs; those with a link-local address are not asked for. */
  private metric({ nextHop, linkLocalNextHop }: Attributes): number {
    if (nextHop === undefined || nextHop.startsWith('fe80:') || linkLocalNextHop !== undefined) return 0;
    return this.world.resolver?.metric(nextHop) ?? 0;
  }

  /** Others may have our link-local address too, on another link. */
  private isOwn(nextHop: string): boolean {
    return this.world.ownAddresses.has(nextHop) && !nextHop.startsWith('fe80:');
  }

  /** Compares what a peer was told of some families. `best` holds the best paths that are known already. */
  checkPeer(peer: ModelPeer, families: readonly Family[], best?: ReadonlyMap<string, ModelPath>): void {
    const { reader, index } = this.world.sessions.get(peer)!;
    for (const family of families) {
      const heard = [...reader.routes].filter(([key]) => this.world.prefix(textOf(key)).family === family);
      if (peer.allPaths?.includes(family) === true) this.checkPaths(peer, family, heard);
      else this.checkRoutes(peer, family, heard, best);
      this.compare(`number told to ${peer.name}`, this.world.advertising.toldCount(index, family), heard.length);
      const { received, accepted } = this.world.rib.peers;
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
    const { reader, index } = this.world.sessions.get(peer)!;
    const told = this.modelTold(peer, family, best);
    for (const text of new Set([...told.keys(), ...heard.map(([key]) => key)])) {
      const should = told.get(text);
      this.compareRoute(`${text} as ${peer.name} has it`, family, reader.routes.get(text), should);
      this.compareRoute(`${text} as told to ${peer.name}`, family, this.toldPaths(index, text)[0]?.attributes, should);
    }
  }

  /** For a peer that is told all paths: identifiers are the router's own choice, but those it says it told are. */
  private checkPaths(peer: ModelPeer, family: Family, heard: readonly Heard[]): void {
    const { index } = this.world.sessions.get(peer)!;
    const has = new Map<string, Heard[]>();
    for (const route of heard) {
      const text = textOf(route[0]);
      has.set(text, [...(has.get(text) ?? []), route]);
    }
    for (const text of new Set([...this.world.ledger.byPrefix.keys(), ...has.keys()])) {
      const prefix = this.world.prefix(text);
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
    const { reader, held, endsAllowed } = this.world.sessions.get(peer)!;
    const ends = reader.endOfRibs.filter((one) => one === family).length;
    const most = held ? 0 : endsAllowed[family];
    const least = this.world.advertising.hasWork ? 0 : Math.min(1, most);
    const fine = ends >= least && ends <= most;
    if (!fine) this.compare(`number of End-of-RIB to ${peer.name}`, ends, `${least} to ${most}`);
  }

  private modelTold(peer: ModelPeer, family: Family, best?: ReadonlyMap<string, ModelPath>): Map<string, Attributes> {
    const routes = new Map<string, Attributes>();
    for (const text of this.world.ledger.byPrefix.keys()) {
      const prefix = this.world.prefix(text);
      if (prefix.family !== family) continue;
      const path = best === undefined ? this.multipath(text)[0] : best.get(text);
      const told = path === undefined ? undefined : this.modelAnswer(path, peer, prefix);
      if (told !== undefined) routes.set(text, told);
    }
    return routes;
  }

  private modelAnswer(path: ModelPath, peer: ModelPeer, prefix: Prefix): Attributes | undefined {
    const { terms } = this.world.sessions.get(peer)!;
    let answers = this.answers.get(path.attributes);
    if (answers === undefined) this.answers.set(path.attributes, (answers = new Map()));
    const to = `${peer.name} ${terms.kind} ${terms.export}`;
    const question = `${path.peer.name} ${path.terms.kind} ${to} ${prefix.family} ${prefix.length}`;
    if (!answers.has(question)) answers.set(question, modelTold(path, peer, terms, prefix));
    return answers.get(question);
  }

  private modelCounts(peer: ModelPeer, family: Family): [received: number, accepted: number] {
    const { terms } = this.world.sessions.get(peer)!;
    const counts: [number, number] = [0, 0];
    for (const { text, attributes } of this.world.ledger.of(peer)) {
      const prefix = this.world.prefix(text);
      if (prefix.family !== family) continue;
      counts[0]++;
      if (modelAccepts({ peer, terms, attributes }, prefix)) counts[1]++;
    }
    return counts;
  }

  /** What the router says that it told a peer. */
  private toldPaths(index: number, text: string): { pathId: number | undefined; attributes: Attributes }[] {
    const { family, words, length } = this.world.prefix(text);
    const prefix = this.world.rib.tables[family].prefixes.find(...words, length);
    const { paths } = this.world.advertising.told(index, family, prefix);
    return paths.map(({ set, pathId }) => {
      const block = this.world.rib.sets.block(set);
      const key = Buffer.from(block.buffer).toString('latin1');
      let attributes = this.decoded.get(key);
      if (attributes === undefined) this.decoded.set(key, (attributes = decodeAttributes(block, 0, block.length)));
      return { pathId, attributes };
    });
  }

  private compareRoute(what: string, family: Family, is: Attributes | undefined, should: Attributes | undefined): void {
    if (!sameBlock(family, is, should)) this.compare(what, is, should);
  }

  compare(what: string, is: unknown, should: unknown): void {
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
