/**
 * Path attributes, interned by their bytes.
 *
 * A set is one canonical block: the attributes of a route without its NLRI, as `src/bgp/messages/attributes` defines it.
 * The blocks lie one behind the other in an arena; what best-path selection compares is decoded once into columns.
 * Everything else is decoded from the block when somebody asks.
 *
 * Sets are counted: whoever stores an id holds a reference, and the last {@link AttributeSets.release} frees the id. What a
 * cache remembers is counted apart: it keeps the id, but not what the set itself became, so that sets that become each other
 * don't stay for ever.
 */
import { AttributeSummary, summarise } from '../bgp/messages/attributes/attribute-summary.ts';
import { U32Stack, growColumn, grownCapacity } from './columns.ts';
import { DEFAULT_LOCAL_PREF, DEFAULT_NORMAL_METRIC } from './local-preference.ts';
import { NextHops } from './next-hops.ts';
import type { NextHopListener } from './next-hops.ts';
import { Rewrites } from './rewrites.ts';

const INITIAL_CAPACITY = 256;
const INITIAL_ARENA = 16 * 1024;

/** Bits of {@link AttributeSets.present}. */
export const HAS_MED = 1;
export const HAS_LOCAL_PREF = 2;

export class AttributeSets {
  // What best-path selection compares, by set id.
  /** As it came, see `local-preference.ts`; 100 where absent. */
  localPref = new Uint32Array(INITIAL_CAPACITY);
  pathLength = new Uint16Array(INITIAL_CAPACITY);
  origin = new Uint8Array(INITIAL_CAPACITY);
  med = new Uint32Array(INITIAL_CAPACITY);
  /** First AS of the AS_PATH, 0 where it is empty or begins with a set. */
  neighbourAs = new Uint32Array(INITIAL_CAPACITY);
  /** Id in {@link nextHops}; 0 for routes of this router itself. */
  nextHop = new Uint32Array(INITIAL_CAPACITY);
  /** ORIGINATOR_ID (RFC 4456 §8), 0 where absent. */
  originatorId = new Uint32Array(INITIAL_CAPACITY);
  clusterListLength = new Uint16Array(INITIAL_CAPACITY);
  /** Well-known communities, a bit each, see `AttributeSummary.wellKnown`. */
  wellKnown = new Uint8Array(INITIAL_CAPACITY);
  /** Which optional values are present: {@link HAS_MED}, {@link HAS_LOCAL_PREF}. */
  present = new Uint8Array(INITIAL_CAPACITY);
  /** Link bandwidth (RFC 10005) in bytes per second, -1 where there is none. */
  bandwidth = new Float32Array(INITIAL_CAPACITY);
  /** What this router labelled a route of its own with, 0 where it did not; see `Attributes.label`. */
  label = new Uint32Array(INITIAL_CAPACITY);
  /** Contexts in which these bytes, as received, decode to themselves; see {@link find}. */
  private contexts = new Uint8Array(INITIAL_CAPACITY);

  readonly nextHops: NextHops;
  /** What policies make of sets. */
  readonly rewrites: Rewrites;
  /** The metric for which a plain LOCAL_PREF of 100 stands, by family. */
  normalMetric: readonly [number, number] = [DEFAULT_NORMAL_METRIC, DEFAULT_NORMAL_METRIC];
  /** The bytes of all blocks. May be replaced when sets are made: fetch it anew after each {@link acquire}. */
  arena = new Uint8Array(INITIAL_ARENA);
  /** Where each block lies in {@link arena}. */
  offset = new Uint32Array(INITIAL_CAPACITY);
  length = new Uint16Array(INITIAL_CAPACITY);
  /** Number of sets alive. */
  count = 0;

  private hash = new Uint32Array(INITIAL_CAPACITY);
  private refs = new Uint32Array(INITIAL_CAPACITY);
  /** References of caches. */
  private cached = new Uint32Array(INITIAL_CAPACITY);
  private slots = new Uint32Array(2 * INITIAL_CAPACITY);
  private end = 1;
  /** What the last {@link acquire} made, 0 if it was there before. */
  private latest = 0;
  private readonly free = new U32Stack();
  private arenaEnd = 0;
  private arenaGarbage = 0;
  private readonly summary = new AttributeSummary();
  private readonly unused: ((set: number) => void)[] = [];

  /** `nextHopListener` finds out how next hops are reached; without one all count as directly reachable. */
  constructor(nextHopListener?: NextHopListener) {
    this.nextHops = new NextHops(nextHopListener);
    this.rewrites = new Rewrites(this);
  }

  /** Number of rows that columns indexed by set id must have. */
  get capacity(): number {
    return this.length.length;
  }

  /** Bytes of attribute blocks in use. */
  get bytesInUse(): number {
    return this.arenaEnd - this.arenaGarbage;
  }

  /** Registers a listener that is told when nothing but caches has an id any more: they forget what it became. */
  onUnused(listener: (set: number) => void): void {
    this.unused.push(listener);
  }

  /**
   * The set whose block is exactly `bytes[start, end)`, provided that such bytes were found to be canonical in `context`
   * (one bit, see {@link markCanonical}); with one reference more. 0 if there is none: decode, then {@link acquire}.
   */
  find(bytes: Uint8Array, start: number, end: number, context: number): number {
    const id = this.slots[this.slotOf(bytes, start, end, hashBytes(bytes, start, end))];
    if (id === 0 || (this.contexts[id] & context) === 0) return 0;
    this.refs[id]++;
    return id;
  }

  /** The set of a canonical block, made if need be, with one reference more. */
  acquire(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const slot = this.slotOf(bytes, start, end, hash);
    const known = this.slots[slot];
    if (known !== 0) {
      this.latest = 0;
      this.refs[known]++;
      return known;
    }
    const id = this.free.length > 0 ? this.free.pop() : this.end++;
    if (id >= this.capacity) this.growRows(id + 1);
    this.store(id, bytes, start, end);
    this.hash[id] = hash;
    this.refs[id] = 1;
    this.cached[id] = 0;
    this.contexts[id] = 0;
    this.decode(id);
    this.slots[slot] = id;
    this.latest = id;
    if (++this.count * 4 > this.slots.length * 3) this.rehash(this.slots.length * 2);
    return id;
  }

  /** Notes that the block of `set`, received in `context`, needs no rewriting, so that {@link find} may answer. */
  markCanonical(set: number, context: number): void {
    this.contexts[set] |= context;
  }

  /** Counts one more reference. */
  retain(set: number): void {
    this.refs[set]++;
  }

  /** Gives one reference back; 0 is allowed and means nothing. */
  release(set: number): void {
    if (set === 0 || --this.refs[set] > 0) return;
    this.forget(set);
  }

  /** The caller's reference, which {@link acquire} has just given, becomes one of a cache. */
  handToCache(set: number): void {
    this.cached[set]++;
    // One that was made just now has become nothing yet that listeners could know of.
    if (set === this.latest && this.refs[set] === 1) this.refs[set] = 0;
    else this.release(set);
  }

  /** Gives one reference of a cache back. */
  releaseCached(set: number): void {
    if (--this.cached[set] > 0 || this.refs[set] > 0) return;
    this.forget(set);
  }

  /** Nothing but caches has the set any more, or not even these. */
  private forget(set: number): void {
    // What the set became may lead back to itself.
    this.cached[set]++;
    for (const listener of this.unused) listener(set);
    if (--this.cached[set] > 0) return;
    this.removeSlot(set);
    this.nextHops.release(this.nextHop[set]);
    this.arenaGarbage += this.length[set];
    this.free.push(set);
    this.count--;
  }

  /** A copy of a set's block. */
  block(set: number): Uint8Array {
    return this.arena.slice(this.offset[set], this.offset[set] + this.length[set]);
  }

  /** Index of the slot that holds these bytes, or of the empty slot where they belong. */
  private slotOf(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.slots[slot];
      if (id === 0 || (this.hash[id] === hash && this.sameBytes(id, bytes, start, end))) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private sameBytes(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.length[id] !== length) return false;
    const arena = this.arena;
    const offset = this.offset[id];
    for (let i = 0; i < length; i++) if (arena[offset + i] !== bytes[start + i]) return false;
    return true;
  }

  private store(id: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.arenaEnd + length > this.arena.length) this.makeRoom(length);
    this.offset[id] = this.arenaEnd;
    this.length[id] = length;
    this.arena.set(bytes.subarray(start, end), this.arenaEnd);
    this.arenaEnd += length;
  }

  private decode(id: number): void {
    const { summary, arena } = this;
    const start = this.offset[id];
    summarise(arena, start, start + this.length[id], summary);
    this.localPref[id] = summary.hasLocalPref ? summary.localPref : DEFAULT_LOCAL_PREF;
    this.pathLength[id] = summary.pathLength;
    this.origin[id] = summary.origin;
    this.med[id] = summary.med;
    this.neighbourAs[id] = summary.neighbourAs;
    this.nextHop[id] = this.nextHops.acquire(arena, start + summary.nextHopOffset, summary.nextHopLength);
    this.originatorId[id] = summary.originatorId;
    this.clusterListLength[id] = summary.clusterListLength;
    this.wellKnown[id] = summary.wellKnown;
    this.bandwidth[id] = summary.bandwidth;
    this.label[id] = summary.label;
    this.present[id] = (summary.hasMed ? HAS_MED : 0) | (summary.hasLocalPref ? HAS_LOCAL_PREF : 0);
  }

  private removeSlot(set: number): void {
    const { slots, hash } = this;
    const mask = slots.length - 1;
    let hole = hash[set] & mask;
    while (slots[hole] !== set) hole = (hole + 1) & mask;
    let next = (hole + 1) & mask;
    while (slots[next] !== 0) {
      const home = hash[slots[next]] & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        slots[hole] = slots[next];
        hole = next;
      }
      next = (next + 1) & mask;
    }
    slots[hole] = 0;
  }

  /** Makes room for `length` bytes: squeezes the garbage out where that pays, else grows. */
  private makeRoom(length: number): void {
    const needed = this.arenaEnd - this.arenaGarbage + length;
    const grow = needed > this.arena.length || this.arenaGarbage * 3 < this.arena.length;
    const target = new Uint8Array(grow ? grownCapacity(this.arena.length, needed) : this.arena.length);
    let at = this.arenaEnd;
    if (this.arenaGarbage === 0) target.set(this.arena);
    else at = this.squeezeInto(target);
    this.arena = target;
    this.arenaEnd = at;
    this.arenaGarbage = 0;
  }

  /** Copies the blocks alive into `target` without gaps; returns where they end. */
  private squeezeInto(target: Uint8Array): number {
    let at = 0;
    for (let slot = 0; slot < this.slots.length; slot++) {
      const id = this.slots[slot];
      if (id === 0) continue;
      const from = this.offset[id];
      const size = this.length[id];
      for (let i = 0; i < size; i++) target[at + i] = this.arena[from + i];
      this.offset[id] = at;
      at += size;
    }
    return at;
  }

  private growRows(needed: number): void {
    const capacity = grownCapacity(this.capacity, needed);
    this.localPref = growColumn(this.localPref, capacity);
    this.pathLength = growColumn(this.pathLength, capacity);
    this.origin = growColumn(this.origin, capacity);
    this.med = growColumn(this.med, capacity);
    this.neighbourAs = growColumn(this.neighbourAs, capacity);
    this.nextHop = growColumn(this.nextHop, capacity);
    this.originatorId = growColumn(this.originatorId, capacity);
    this.clusterListLength = growColumn(this.clusterListLength, capacity);
    this.wellKnown = growColumn(this.wellKnown, capacity);
    this.present = growColumn(this.present, capacity);
    this.bandwidth = growColumn(this.bandwidth, capacity);
    this.label = growColumn(this.label, capacity);
    this.contexts = growColumn(this.contexts, capacity);
    this.offset = growColumn(this.offset, capacity);
    this.length = growColumn(this.length, capacity);
    this.hash = growColumn(this.hash, capacity);
    this.refs = growColumn(this.refs, capacity);
    this.cached = growColumn(this.cached, capacity);
  }

  private rehash(size: number): void {
    const slots = new Uint32Array(size);
    const mask = size - 1;
    for (const id of this.slots) {
      if (id === 0) continue;
      let slot = this.hash[id] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.slots = slots;
  }
}

/** 32-bit hash of some bytes, four at a time. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let h = Math.imul(end - start, 0x9e3779b1);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    h = Math.imul(h ^ word, 0xcc9e2d51);
    h = (h << 15) | (h >>> 17);
  }
  for (; i < end; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
