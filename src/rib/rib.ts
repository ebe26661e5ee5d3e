/**
 * The routing information base: Adj-RIB-In of all peers, best-path selection, Loc-RIB (RFC 4271 §3.2, §9.1).
 *
 * Reading marks prefixes dirty; {@link Rib.decide} decides them in slices, and only outcomes that changed go on: to the
 * forwarding listener (the FIB) and to the advertising listener (the update groups).
 */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { wordMask } from '../net/prefix.ts';
import { AttributeSets } from './attribute-sets.ts';
import { BestPathSelector, DEFAULT_BEST_PATH } from './best-path.ts';
import type { BestPathOptions } from './best-path.ts';
import { Forwarding } from './forwarding.ts';
import type { ForwardingListener } from './forwarding.ts';
import { loopIn } from './import-check.ts';
import type { NextHopAnswer, NextHopListener } from './next-hops.ts';
import type { RouterIdentity } from '../route-reflector/reflection.ts';
import { PathTable } from './path-table.ts';
import { LOCAL_PEER, Peers } from './peers.ts';
import type { OwnPeer, PeerInfo } from './peers.ts';
import { REJECTED, SOURCE_LOCAL, SOURCE_WORKLOAD } from './policy.ts';
import type { RoutePolicy, RouteView } from './policy.ts';
import { RowScan } from './row-scan.ts';
import { isStale, letGo, markStale, renew } from './stale-paths.ts';

/** Is told which prefixes have another best path, or the same one with other attributes. */
export interface AdvertisingListener {
  bestChanged(family: Family, prefix: number): void;
}

export interface RibOptions {
  readonly self: RouterIdentity;
  readonly bestPath?: BestPathOptions;
  /** Undefined where nothing is to be put into the kernel. */
  readonly forwarding?: ForwardingListener;
  /** Finds out how next hops are reached and answers to {@link Rib.setNextHops}; without one all count as reachable. */
  readonly nextHopListener?: NextHopListener;
}

/** Rows looked at for each prefix that may be decided at the same time: the two cost about as much. */
const ROWS_PER_DECISION = 8;

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
  /** Reused for every policy call. */
  readonly view: RouteView;

  private readonly forwarding: Forwarding | undefined;
  private readonly forwardingListener: ForwardingListener | undefined;
  private readonly advertising: AdvertisingListener[] = [];
  private readonly scan: RowScan;

  constructor(options: RibOptions) {
    this.self = options.self;
    this.sets = new AttributeSets(options.nextHopListener);
    this.scan = new RowScan(this.sets, this.tables);
    const { routerId } = options.self;
    const own = { routerId, localAs: 0, allowLocalAs: 0, importPolicy: ACCEPT_OWN };
    this.peers = new Peers(
      { ...own, address: 'local', source: SOURCE_LOCAL },
      { ...own, address: 'workload', source: SOURCE_WORKLOAD },
    );
    this.selector = new BestPathSelector(options.bestPath ?? DEFAULT_BEST_PATH, this.sets, this.peers);
    this.forwardingListener = options.forwarding;
    if (options.forwarding !== undefined) {
      this.forwarding = new Forwarding(this.sets, this.peers, options.forwarding);
    }
    this.view = {
      family: IPV4_UNICAST,
      a0: 0,
      a1: 0,
      a2: 0,
      a3: 0,
      length: 0,
      source: SOURCE_LOCAL,
      attributes: this.sets,
      set: 0,
    };
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
   * Takes the NLRI in `buffer[start, end)`, validated before, into a peer's Adj-RIB-In with the attribute set `set`.
   */
  announce(peer: number, family: Family, buffer: Uint8Array, start: number, end: number, set: number): void {
    const table = this.tables[family];
    const info = this.peers.info[peer]!;
    const looped = loopIn(this.sets, set, info, this.self) !== undefined;
    const { importPolicy } = info;
    const { view } = this;
    view.family = family;
    view.source = info.source;
    const fixed = !looped && !importPolicy.perPrefix ? this.applyImport(importPolicy, set) : REJECTED;
    let at = start;
    while (at < end) {
      const length = buffer[at++];
      readNlri(buffer, at, length, view);
      at += (length + 7) >> 3;
      const accepted = looped || !importPolicy.perPrefix ? fixed : this.applyImport(importPolicy, set);
      this.insert(table, peer, set, accepted);
    }
  }

  /** Takes the NLRI in `buffer[start, end)`, validated before, out of a peer's Adj-RIB-In. */
  withdraw(peer: number, family: Family, buffer: Uint8Array, start: number, end: number): void {
    const { view } = this;
    let at = start;
    while (at < end) {
      const length = buffer[at++];
      readNlri(buffer, at, length, view);
      at += (length + 7) >> 3;
      this.withdrawView(family, peer);
    }
  }

  /** Adds a route of this router's own with the attributes of `set`, from one of the pseudo-peers. */
  originate(prefix: Prefix, set: number, peer: OwnPeer = LOCAL_PEER): void {
    this.load(prefix);
    this.insert(this.tables[prefix.family], peer, set, set);
  }

  /** Takes a route of this router's own back. */
  withdrawOwn(prefix: Prefix, peer: OwnPeer = LOCAL_PEER): void {
    this.load(prefix);
    this.withdrawView(prefix.family, peer);
  }

  /** Removes everything a peer sent in a family: its session is gone. */
  flush(peer: number, family: Family): void {
    const table = this.tables[family];
    if (this.peers.received[family][peer] === 0) return;
    for (let row = 1; row < table.end; row++) {
      if (table.received[row] !== 0 && table.peer[row] === peer) this.removeRow(table, row);
    }
  }

  /**
   * Marks what a peer sent in a family as stale: its session is gone, and the paths stay until it is back (RFC 4724 §4.2).
   * Those that are stale from before go.
   */
  markStale(peer: number, family: Family): void {
    this.sweep(peer, family);
    markStale(this.peers, peer, family);
  }

  /** Removes the stale paths of a peer in a family. */
  sweep(peer: number, family: Family): void {
    const table = this.tables[family];
    for (let row = 1; row < table.end && this.peers.stale[family][peer] > 0; row++) {
      if (table.received[row] !== 0 && table.peer[row] === peer && isStale(this.peers, table, row)) {
        this.removeRow(table, row);
      }
    }
  }

  /** Replaces what is known of a peer and evaluates its Adj-RIB-In anew: another import policy (soft reset in). */
  reimport(peer: number, info: PeerInfo): void {
    const otherSource = this.peers.source[peer] !== info.source;
    this.peers.set(peer, info);
    for (const table of this.tables) {
      for (let row = 1; row < table.end; row++) {
        if (table.received[row] === 0 || table.peer[row] !== peer) continue;
        this.reimportRow(table, row, info);
        // Who is told a route depends on its source, even if the best path stays as it is.
        if (otherSource && table.bestPeer[table.prefix[row]] === peer) this.tellChanged(table, table.prefix[row]);
      }
    }
  }

  /** Takes other knobs of best-path selection: every prefix is to be decided anew. */
  changeBestPath(options: BestPathOptions): void {
    this.selector.options = options;
    this.scan.findAll();
  }

  /** Sets which addresses are this router's own: routes with such a next hop are not used (RFC 4271 §9.1.2). */
  setOwnAddresses(addresses: ReadonlySet<string>): void {
    this.scan.find(this.sets.nextHops.setOwnAddresses(addresses));
  }

  /**
   * Takes answers of the {@link NextHopListener}: what has a path over a next hop whose reachability or metric changed is
   * decided anew, and nothing else (RFC 4271 §9.1.2.1).
   */
  setNextHops(answers: readonly NextHopAnswer[]): void {
    this.scan.find(this.sets.nextHops.take(answers));
  }

  /** Whether routes wait for the answer to a next hop that is new: they are as they were before until then. */
  get waitsForNextHops(): boolean {
    return this.sets.nextHops.unanswered > 0;
  }

  /** Decides up to `limit` dirty prefixes. Returns how many were decided. */
  decide(limit: number): number {
    this.scan.step(limit * ROWS_PER_DECISION);
    let decided = 0;
    for (const table of this.tables) {
      while (table.dirty.length > 0 && decided < limit) {
        this.decidePrefix(table, table.dirty.pop());
        decided++;
      }
    }
    if (!this.hasWork) this.peers.recycle();
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
  applyImport(policy: RoutePolicy, set: number): number {
    this.view.set = set;
    return policy.apply(this.view);
  }

  private insert(table: PathTable, peer: number, set: number, accepted: number): void {
    const { sets, view, peers } = this;
    const { family } = table.prefixes;
    const prefix = table.prefixes.intern(view.a0, view.a1, view.a2, view.a3, view.length);
    table.fitPrefixes();
    let row = table.find(prefix, peer);
    if (row === 0) {
      row = table.insert(prefix, peer);
      table.generation[row] = peers.pathGeneration[family][peer];
      peers.received[family][peer]++;
    } else {
      renew(peers, table, row);
      if (table.received[row] === set && table.accepted[row] === accepted) return;
    }
    sets.retain(set);
    sets.release(table.received[row]);
    table.received[row] = set;
    this.setAccepted(table, row, accepted);
  }

  /** Stores the outcome of import; the prefix becomes dirty unless the path counted neither before nor now. */
  private setAccepted(table: PathTable, row: number, accepted: number): void {
    const before = table.accepted[row];
    if (before === accepted) return;
    const counter = this.peers.accepted[table.prefixes.family];
    if (before === REJECTED) counter[table.peer[row]]++;
    else if (accepted === REJECTED) counter[table.peer[row]]--;
    if (accepted !== REJECTED) this.sets.retain(accepted);
    this.sets.release(before);
    table.accepted[row] = accepted;
    table.markDirty(table.prefix[row]);
  }

  private withdrawView(family: Family, peer: number): void {
    const { view } = this;
    const table = this.tables[family];
    const prefix = table.prefixes.find(view.a0, view.a1, view.a2, view.a3, view.length);
    if (prefix === 0) return;
    const row = table.find(prefix, peer);
    if (row !== 0) this.removeRow(table, row);
  }

  private removeRow(table: PathTable, row: number): void {
    letGo(this.peers, table, row);
    this.setAccepted(table, row, REJECTED);
    this.sets.release(table.received[row]);
    this.peers.received[table.prefixes.family][table.peer[row]]--;
    table.remove(row);
  }

  private reimportRow(table: PathTable, row: number, info: PeerInfo): void {
    const set = table.received[row];
    this.load(table.prefixes.prefix(table.prefix[row]));
    this.view.source = info.source;
    const looped = loopIn(this.sets, set, info, this.self) !== undefined;
    this.setAccepted(table, row, looped ? REJECTED : this.applyImport(info.importPolicy, set));
    // The peer itself may have changed in a way that best-path selection sees.
    if (table.accepted[row] !== REJECTED) table.markDirty(table.prefix[row]);
  }

  private decidePrefix(table: PathTable, prefix: number): void {
    const { sets, selector } = this;
    table.clearDirty(prefix);
    const best = selector.select(table, prefix);
    if (selector.leftOutUnknown && this.waitsForBest(table, prefix)) {
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
      table.bestSet[prefix] = set;
      table.bestPeer[prefix] = peer;
    }
    table.prefixes.drop(prefix);
  }

  /** Whether the peer of the best path has replaced it by one of which it is not known yet how its next hop is reached. */
  private waitsForBest(table: PathTable, prefix: number): boolean {
    if (table.bestSet[prefix] === 0) return false;
    const row = table.find(prefix, table.bestPeer[prefix]);
    return row !== 0 && table.accepted[row] !== REJECTED && this.selector.waits(table, row);
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

/** Reads one prefix of `length` bits at `at` into the view, host bits cleared (RFC 4271 §4.3). */
function readNlri(buffer: Uint8Array, at: number, length: number, view: RouteView): void {
  view.length = length;
  view.a0 = readWord(buffer, at, length);
  view.a1 = length > 32 ? readWord(buffer, at + 4, length - 32) : 0;
  view.a2 = length > 64 ? readWord(buffer, at + 8, length - 64) : 0;
  view.a3 = length > 96 ? readWord(buffer, at + 12, length - 96) : 0;
}

/** The first `bits` bits at `at` as the high bits of a word. */
function readWord(buffer: Uint8Array, at: number, bits: number): number {
  if (bits > 24) {
    const word = (buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8) | buffer[at + 3];
    return bits >= 32 ? word >>> 0 : (word & wordMask(bits)) >>> 0;
  }
  if (bits > 16) return (((buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8)) & wordMask(bits)) >>> 0;
  if (bits > 8) return (((buffer[at] << 24) | (buffer[at + 1] << 16)) & wordMask(bits)) >>> 0;
  return bits > 0 ? ((buffer[at] << 24) & wordMask(bits)) >>> 0 : 0;
}
