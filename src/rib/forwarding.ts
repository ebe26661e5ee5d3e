/**
 * From the multipath that best-path selection found to the group of next hops that the FIB is to use.
 */
import { isLinkLocal, tryParseAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { BestPathSelector } from './best-path.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { NextHopGroups } from './next-hop-groups.ts';
import type { GroupListener, GroupMember } from './next-hop-groups.ts';
import { weigh } from './link-weights.ts';
import type { PathTable } from './path-table.ts';
import { isOwnPeer } from './peers.ts';
import type { Peers } from './peers.ts';

/** Where routes for the kernel go. Groups are numbers; 0 withdraws the route. */
export interface ForwardingListener extends GroupListener {
  /** `prefix` is the number of the prefix in its family's table; once its route is withdrawn, it may come to mean another one. */
  set(
    family: Family,
    prefix: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    length: number,
    group: number,
  ): void;
}

/** Peer indexes fit 16 bits, next-hop ids the rest: one number names a next hop on a link. */
const PEER_SPAN = 65_536;

/** Derives next-hop groups; the last one is found again without work for as long as it is used. */
export class Forwarding {
  private readonly groups: NextHopGroups;
  private readonly sets: AttributeSets;
  private readonly peers: Peers;
  /** Sorted distinct keys of the hops at hand and, beside them, of the last ones. */
  private keys = new Float64Array(16);
  private lastKeys = new Float64Array(16);
  /** Weights beside the keys, all 1 where packets are spread evenly. */
  private weights = new Uint8Array(16);
  private lastWeights = new Uint8Array(16);
  /** Bandwidths beside the keys, while they are collected. */
  private bandwidths = new Float64Array(16);
  private lastCount = 0;
  private lastGroup = 0;
  private lastGeneration = 0;

  constructor(sets: AttributeSets, peers: Peers, listener: GroupListener) {
    this.sets = sets;
    this.peers = peers;
    this.groups = new NextHopGroups(listener);
  }

  /** The group for the multipath just selected, with one reference more; 0 for this router's own routes. */
  groupOf(selector: BestPathSelector, table: PathTable): number {
    if (selector.multipath === 0 || isOwnPeer(table.peer[selector.candidates[0]])) return 0;
    const count = this.collect(selector, table);
    if (this.isLast(count)) {
      this.groups.retain(this.lastGroup);
      return this.lastGroup;
    }
    const group = this.groups.acquire(this.members(selector, table));
    this.lastKeys.set(this.keys.subarray(0, count));
    this.lastWeights.set(this.weights.subarray(0, count));
    this.lastCount = count;
    this.lastGroup = group;
    this.lastGeneration = this.generation;
    return group;
  }

  /** Gives a reference to a group back. Its number may come to mean something else after the last one. */
  release(group: number): void {
    if (this.groups.release(group) && group === this.lastGroup) this.lastCount = 0;
  }

  private collect(selector: BestPathSelector, table: PathTable): number {
    if (this.keys.length < selector.multipath) this.fit(selector.multipath);
    const { sets } = this;
    let count = 0;
    let known = selector.multipath > 1;
    for (let i = 0; i < selector.multipath; i++) {
      const row = selector.candidates[i];
      const bandwidth = sets.bandwidth[table.accepted[row]];
      if (bandwidth < 0) known = false;
      count = this.insertSorted(count, this.keyOf(table, row), bandwidth);
    }
    if (known && count > 1) weigh(this.bandwidths, this.weights, count);
    else for (let i = 0; i < count; i++) this.weights[i] = 1;
    return count;
  }

  private fit(capacity: number): void {
    this.keys = new Float64Array(capacity);
    this.lastKeys = new Float64Array(capacity);
    this.weights = new Uint8Array(capacity);
    this.lastWeights = new Uint8Array(capacity);
    this.bandwidths = new Float64Array(capacity);
    this.lastCount = 0;
  }

  /** The next hop of a path, on its link, as a number. */
  private keyOf(table: PathTable, row: number): number {
    const hop = this.sets.nextHop[table.accepted[row]];
    return hop * PEER_SPAN + (this.sets.nextHops.linkLocal[hop] === '' ? 0 : table.peer[row]);
  }

  /** Of several paths with the same next hop the greatest bandwidth counts. Returns how many keys there are then. */
  private insertSorted(count: number, key: number, bandwidth: number): number {
    const { keys, bandwidths } = this;
    let at = count;
    while (at > 0 && keys[at - 1] > key) at--;
    if (at > 0 && keys[at - 1] === key) {
      bandwidths[at - 1] = Math.max(bandwidths[at - 1], bandwidth);
      return count;
    }
    // A few items: moving them one by one costs less than to ask for it.
    for (let i = count; i > at; i--) {
      keys[i] = keys[i - 1];
      bandwidths[i] = bandwidths[i - 1];
    }
    keys[at] = key;
    bandwidths[at] = bandwidth;
    return count + 1;
  }

  private isLast(count: number): boolean {
    if (count === 0 || count !== this.lastCount) return false;
    if (this.lastGeneration !== this.generation) return false;
    for (let i = 0; i < count; i++) {
      if (this.keys[i] !== this.lastKeys[i] || this.weights[i] !== this.lastWeights[i]) return false;
    }
    return true;
  }

  /** While it stands still, keys mean the same. */
  private get generation(): number {
    return this.sets.nextHops.generation + this.peers.generation;
  }

  private members(selector: BestPathSelector, table: PathTable): GroupMember[] {
    const members: GroupMember[] = [];
    for (let i = 0; i < selector.multipath; i++) {
      const row = selector.candidates[i];
      const hop = this.sets.nextHop[table.accepted[row]];
      const weight = this.weights[this.keys.indexOf(this.keyOf(table, row))];
      members.push({ ...this.member(hop, table.peer[row]), weight });
    }
    return members;
  }

  /**
   * A link-local next hop is used where the link is known, which is that of the peer's own link-local address; elsewhere
   * the global one that comes with it has to do.
   */
  private member(hop: number, peer: number): Omit<GroupMember, 'weight'> {
    const { address, linkLocal } = this.sets.nextHops;
    const zone = linkLocal[hop] === '' ? undefined : zoneOf(this.peers.info[peer]?.address);
    return { address: zone === undefined ? address[hop] : linkLocal[hop], interface: zone };
  }
}

/** The zone of a peer's link-local address: the link its next hops are on. */
function zoneOf(address: string | undefined): string | undefined {
  const parsed = address === undefined ? undefined : tryParseAddress(address);
  return parsed !== undefined && isLinkLocal(parsed.bytes) ? parsed.zone : undefined;
}
