/**
 * The routing information base: Adj-RIB-In of all peers, best-path selection, Loc-RIB (RFC 4271 §3.2, §9.1).
 *
 * Reading marks prefixes dirty; {@link Rib.decide} decides them in slices, and only outcomes that changed go on: to the
 * forwarding listener (the FIB) and to the advertising listener (the update groups).
 */
import { PATH_ID_LENGTH } from '../bgp/messages/nlri.ts';
import { readU32 } from '../net/address.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { AttributeSets } from './attribute-sets.ts';
import { BestPathSelector, DEFAULT_BEST_PATH } from './best-path.ts';
import type { BestPathOptions } from './best-path.ts';
import { Forwarding } from './forwarding.ts';
import type { ForwardingListener } from './forwarding.ts';
import { AdjRibIn, Removal } from './adj-rib-in.ts';
import { loopIn } from './import-check.ts';
import type { NextHopAnswer, NextHopListener } from './next-hops.ts';
import type { RouterIdentity } from '../route-reflector/reflection.ts';
import { PathTable } from './path-table.ts';
import { LOCAL_PEER, Peers, SERVICE_PEER, WORKLOAD_PEER } from './peers.ts';
import type { OwnPeer, PeerInfo } from './peers.ts';
import { readNlri } from './read-nlri.ts';
import { REJECTED, emptyView, SOURCE_LOCAL, SOURCE_SERVICE, SOURCE_WORKLOAD } from './policy.ts';
import type { RoutePolicy, RouteView } from './policy.ts';
import { changeScope } from './policy-change.ts';
import type { ChangeScope } from './policy-change.ts';
import { NextHopSearch } from './next-hop-search.ts';
import { Reimport } from './reimport.ts';
import { ROWS_PER_CHANGE, RowScan } from './row-scan.ts';
import { RouteInterfaces } from './route-interfaces.ts';
import { giveUpStale, isGone, markStale } from './stale-paths.ts';

/** Is told which prefixes have another best path, or the same one with other attributes. */
export interface AdvertisingListener {
  bestChanged(family: Family, prefix: number): void;
  /** Packets to a next hop leave through another interface than before: policies that ask for it may decide differently. */
  interfacesChanged?(): void;
}

export interface RibOptions {
  readonly self: RouterIdentity;
  readonly bestPath?: BestPathOptions;
  /** Undefined where nothing is to be put into the kernel. */
  readonly forwarding?: ForwardingListener;
  /** Finds out how next hops are reached and answers to {@link Rib.setNextHops}; without one all count as reachable. */
  readonly nextHopListener?: NextHopListener;
}

/** Import policy of this router's own routes: they are wanted by definition. */
const ACCEPT_OWN: RoutePolicy = {
  key: 'own',
  perPrefix: false,
  apply: (route) => route.set,
  explain: () => ({ accepted: true, why: 'originated by this router' }),
};

export class Rib {
  readonly sets: AttributeSets;
  readonly peers: Peers;
  /** By family. */
  readonly tables: readonly [PathTable, PathTable] = [new PathTable(IPV4_UNICAST), new PathTable(IPV6_UNICAST)];
  readonly selector: BestPathSelector;
  /** Who this router is. A change concerns what is decided from then on. */
  self: RouterIdentity;
  /** For policies that ask for them. */
  readonly interfaces: RouteInterfaces;
  /** Reused for every policy call. */
  readonly view: RouteView;

  private readonly forwarding: Forwarding | undefined;
  private readonly forwardingListener: ForwardingListener | undefined;
  private readonly advertising: AdvertisingListener[] = [];
  private readonly adjRibIn: AdjRibIn;
  private readonly scan = new RowScan(this.tables);
  private readonly search: NextHopSearch;
  private readonly removal: Removal;
  private readonly reimports: Reimport;
  /** Peers that became another source, or another router, not long ago: who is told their routes, and how, depends on it. */
  private readonly otherSource = new Set<number>();

  constructor(options: RibOptions) {
    this.self = options.self;
    this.sets = new AttributeSets(options.nextHopListener);
    const { routerId } = options.self;
    const own = { routerId, localAs: 0, allowLocalAs: 0, importPolicy: ACCEPT_OWN };
    this.peers = new Peers(
      {
        [LOCAL_PEER]: { ...own, address: 'local', source: SOURCE_LOCAL },
        [WORKLOAD_PEER]: { ...own, address: 'workload', source: SOURCE_WORKLOAD },
        [SERVICE_PEER]: { ...own, address: 'service', source: SOURCE_SERVICE },
      },
      this.sets.rewrites,
    );
    this.interfaces = new RouteInterfaces(this.sets, this.peers);
    this.adjRibIn = new AdjRibIn(this.sets, this.peers);
    this.search = new NextHopSearch(this.sets);
    this.removal = new Removal(this.adjRibIn, this.peers);
    this.reimports = new Reimport(this, this.adjRibIn);
    this.selector = new BestPathSelector(options.bestPath ?? DEFAULT_BEST_PATH, this.sets, this.peers);
    this.forwardingListener = options.forwarding;
    if (options.forwarding !== undefined) {
      this.forwarding = new Forwarding(this.sets, this.peers, options.forwarding);
    }
    this.view = emptyView(this.sets);
  }

  /** Registers who is told about changed best paths. */
  onBestChanged(listener: AdvertisingListener): void {
    this.advertising.push(listener);
  }

  /** Whether prefixes wait for {@link decide}. */
  get hasWork(): boolean {
    const [ipv4, ipv6] = this.tables;
    return ipv4.dirty.length > 0 || ipv6.dirty.length > 0 || this.scan.isRunning;
  }

  /**
   * Takes the NLRI in `buffer[start, end)`, validated before, into a peer's Adj-RIB-In with the attribute set `set`. With
   * `addPath` they have path identifiers.
   */
  announce(
    peer: number,
    family: Family,
    buffer: Uint8Array,
    start: number,
    end: number,
    set: number,
    addPath = false,
  ): void {
    const table = this.tables[family];
    const info = this.peers.info[peer]!;
    const looped = loopIn(this.sets, set, info, this.self) !== undefined;
    const { importPolicy } = info;
    const { view } = this;
    view.family = family;
    view.source = info.source;
    const fixed = !looped && !importPolicy.perPrefix ? this.applyImport(importPolicy, set, peer) : REJECTED;
    let pathId = 0;
    let at = start;
    while (at < end) {
      if (addPath) {
        pathId = readU32(buffer, at);
        at += PATH_ID_LENGTH;
      }
      const length = buffer[at++];
      readNlri(buffer, at, length, view);
      at += (length + 7) >> 3;
      const accepted = looped || !importPolicy.perPrefix ? fixed : this.applyImport(importPolicy, set, peer);
      this.adjRibIn.insert(table, view, peer, pathId, set, accepted);
    }
  }

  /** Takes the NLRI in `buffer[start, end)`, validated before, out of a peer's Adj-RIB-In; with `addPath` as {@link announce}. */
  withdraw(peer: number, family: Family, buffer: Uint8Array, start: number, end: number, addPath = false): void {
    const { view } = this;
    let pathId = 0;
    let at = start;
    while (at < end) {
      if (addPath) {
        pathId = readU32(buffer, at);
        at += PATH_ID_LENGTH;
      }
      const length = buffer[at++];
      readNlri(buffer, at, length, view);
      at += (length + 7) >> 3;
      this.adjRibIn.withdraw(this.tables[family], view, peer, pathId);
    }
  }

  /**
   * Adds a route of this router's own with the attributes of `set`, from one of the pseudo-peers; `link` is the interface that
   * the kernel's route to it leads over, '' if there is none.
   */
  originate(prefix: Prefix, set: number, peer: OwnPeer = LOCAL_PEER, link = ''): void {
    this.load(prefix);
    const table = this.tables[prefix.family];
    this.adjRibIn.insert(table, this.view, peer, 0, set, set);
    const id = table.prefixes.find(...prefix.words, prefix.length);
    if (!this.interfaces.setOwn(peer, prefix.family, id, link)) return;
    table.pathListener?.pathChanged(prefix.family, table.find(id, peer, 0));
    if (table.bestSet[id] !== 0) this.tellChanged(table, id);
  }

  /** Takes a route of this router's own back. */
  withdrawOwn(prefix: Prefix, peer: OwnPeer = LOCAL_PEER): void {
    this.load(prefix);
    const table = this.tables[prefix.family];
    this.interfaces.setOwn(peer, prefix.family, table.prefixes.find(...prefix.words, prefix.length), '');
    this.adjRibIn.withdraw(table, this.view, peer, 0);
  }

  /**
   * Removes everything a peer sent in a family: its session is gone. From now on none of it counts or is selected;
   * {@link decide} removes the paths and decides their prefixes, bit by bit. The peer's index may be given back at once.
   */
  flush(peer: number, family: Family): void {
    if (this.peers.received[family][peer] === 0) return;
    this.markStale(peer, family);
    this.sweep(peer, family);
  }

  /**
   * Marks what a peer sent in a family as stale: its session is gone, and the paths stay until it is back (RFC 4724 §4.2).
   * Those that are stale from before go.
   */
  markStale(peer: number, family: Family): void {
    this.sweep(peer, family);
    // Seen only where a peer restarts hundreds of times while a table is walked once.
    if (!this.peers.hasGenerationLeft(peer, family)) this.scan.step(Infinity);
    markStale(this.peers, peer, family);
  }

  /** Removes the stale paths of a peer in a family, as {@link flush} does. */
  sweep(peer: number, family: Family): void {
    if (giveUpStale(this.peers, peer, family)) this.scan.start(this.removal);
  }

  /**
   * Replaces what is known of a peer, and has {@link decide} evaluate its Adj-RIB-In anew: another import policy (soft reset
   * in). What the peer sends from now on meets the new one at once.
   */
  reimport(peer: number, info: PeerInfo): void {
    this.evaluateAnew(peer, info, ['all', 'all']);
  }

  /**
   * Gives a peer another import policy; everything else about it is as before. Only those of its paths are evaluated anew that
   * the change may be about.
   */
  changeImport(peer: number, policy: RoutePolicy): void {
    const info = this.peers.info[peer]!;
    const [ipv4, ipv6] = FAMILIES.map((family) => changeScope(info.importPolicy, policy, family));
    this.evaluateAnew(peer, { ...info, importPolicy: policy }, [ipv4, ipv6]);
  }

  private evaluateAnew(peer: number, info: PeerInfo, scopes: readonly [ChangeScope, ChangeScope]): void {
    const { source, routerId } = this.peers;
    if (source[peer] !== info.source || routerId[peer] !== info.routerId) this.otherSource.add(peer);
    this.peers.set(peer, info);
    if (scopes.every((scope) => scope !== 'all' && scope.length === 0)) return;
    this.reimports.add(peer, scopes);
    this.scan.start(this.reimports);
  }

  /** Takes the metric of normal routes, by family: every prefix is to be decided anew if it is another one. */
  setNormalMetrics(normal: readonly [number, number]): void {
    if (this.sets.normalMetric.every((metric, family) => metric === normal[family])) return;
    this.sets.normalMetric = normal;
    this.search.addAll();
    this.scan.start(this.search);
  }

  /** Takes other knobs of best-path selection: every prefix is to be decided anew. */
  changeBestPath(options: BestPathOptions): void {
    this.selector.options = options;
    this.search.addAll();
    this.scan.start(this.search);
  }

  /** Sets which addresses are this router's own: routes with such a next hop are not used (RFC 4271 §9.1.2). */
  setOwnAddresses(addresses: ReadonlySet<string>): void {
    this.searchPaths(this.sets.nextHops.setOwnAddresses(addresses));
  }

  /**
   * Takes answers of the {@link NextHopListener}: what has a path over a next hop whose reachability or metric changed is
   * decided anew, and nothing else (RFC 4271 §9.1.2.1).
   */
  setNextHops(answers: readonly NextHopAnswer[]): void {
    const { nextHops } = this.sets;
    const before = nextHops.interfaceChanges;
    this.searchPaths(nextHops.take(answers));
    if (nextHops.interfaceChanges !== before) this.interfacesChanged();
  }

  /** Whether routes wait for the answer to a next hop that is new: they are as they were before until then. */
  get waitsForNextHops(): boolean {
    return this.sets.nextHops.unanswered > 0;
  }

  /**
   * Whether a peer became another source, and it is not known yet for all its routes what is to be told of them. Until then
   * peers that are told by the same rules may have been told different things.
   */
  get hasOtherSources(): boolean {
    return this.otherSource.size > 0;
  }

  /** Goes on with what is to be done to many paths, and decides up to `limit` dirty prefixes. Returns how many were decided. */
  decide(limit: number): number {
    this.scan.step(limit * ROWS_PER_CHANGE);
    let decided = 0;
    for (const table of this.tables) {
      while (table.dirty.length > 0 && decided < limit) {
        this.decidePrefix(table, table.dirty.pop());
        decided++;
      }
    }
    if (!this.hasWork) {
      this.peers.recycle();
      this.otherSource.clear();
    }
    return decided;
  }

  /** Puts a prefix into {@link view}. */
  load(prefix: Prefix): void {
    const { view } = this;
    view.family = prefix.family;
    [view.a0, view.a1, view.a2, view.a3] = prefix.words;
    view.length = prefix.length;
  }

  /** Result of the import policy for the prefix in {@link view}. */
  applyImport(policy: RoutePolicy, set: number, peer: number): number {
    this.view.set = set;
    if (policy.usesInterface === true) this.view.interface = this.interfaces.of(set, peer, 0, 0);
    return policy.apply(this.view);
  }

  private interfacesChanged(): void {
    for (const [peer, info] of this.peers.info.entries()) {
      if (info?.importPolicy.usesInterface === true) this.reimport(peer, info);
    }
    for (const listener of this.advertising) listener.interfacesChanged?.();
  }

  private searchPaths(nextHops: readonly number[]): void {
    if (nextHops.length === 0) return;
    this.search.add(nextHops);
    this.scan.start(this.search);
  }

  private decidePrefix(table: PathTable, prefix: number): void {
    const { sets, selector } = this;
    table.clearDirty(prefix);
    if (this.otherSource.size > 0 && this.otherSource.has(table.bestPeer[prefix])) this.tellChanged(table, prefix);
    const best = selector.select(table, prefix);
    if (selector.leftOutUnknown && this.waitsForBest(table, prefix, best)) {
      // Withdrawing what is back with the answer would be heard by every peer.
      table.prefixes.drop(prefix);
      return;
    }
    const set = best === 0 ? 0 : table.accepted[best];
    const peer = best === 0 ? 0 : table.peer[best];
    if (this.forwarding !== undefined) this.forward(table, prefix, this.forwarding);
    if (set !== table.bestSet[prefix] || peer !== table.bestPeer[prefix]) {
      if (set !== 0) sets.retain(set);
      this.tellChanged(table, prefix);
      sets.release(table.bestSet[prefix]);
      table.bestCount += (set === 0 ? 0 : 1) - (table.bestSet[prefix] === 0 ? 0 : 1);
      table.bestSet[prefix] = set;
      table.bestPeer[prefix] = peer;
    }
    table.prefixes.drop(prefix);
  }

  /** Whether the peer of the best path has replaced it by one of which it is not known yet how its next hop is reached. */
  private waitsForBest(table: PathTable, prefix: number, best: number): boolean {
    if (table.bestSet[prefix] === 0) return false;
    // It has another one (RFC 7911) that can be used until then.
    if (best !== 0 && table.peer[best] === table.bestPeer[prefix]) return false;
    for (let row = table.first[prefix]; row !== 0; row = table.next[row]) {
      if (table.peer[row] !== table.bestPeer[prefix] || table.accepted[row] === REJECTED) continue;
      if (!isGone(this.peers, table, row) && this.selector.waits(table, row)) return true;
    }
    return false;
  }

  /** Listeners hold the prefix for as long as they have told somebody of it. */
  private tellChanged(table: PathTable, prefix: number): void {
    for (const listener of this.advertising) listener.bestChanged(table.prefixes.family, prefix);
  }

  private forward(table: PathTable, prefix: number, forwarding: Forwarding): void {
    const group = forwarding.groupOf(this.selector, table);
    const before = table.nextHopGroup[prefix];
    if (group !== before) {
      const { a0, a1, a2, a3, length, family } = table.prefixes;
      this.forwardingListener!.set(
        family,
        prefix,
        a0[prefix],
        family === IPV4_UNICAST ? 0 : a1[prefix],
        family === IPV4_UNICAST ? 0 : a2[prefix],
        family === IPV4_UNICAST ? 0 : a3[prefix],
        length[prefix],
        group,
      );
      table.nextHopGroup[prefix] = group;
    }
    // One reference was taken above; the prefix holds one for as long as the group is its own.
    forwarding.release(before);
  }
}
