/**
 * Prefixes as dense numbers: an open-addressing hash table over typed arrays, one per address family.
 *
 * A prefix id stays valid while anything holds it (see {@link PrefixTable.hold}); everything else about prefixes is a
 * column indexed by that id. No object, string or Map entry per prefix.
 */
import { IPV4_UNICAST, addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { wordMask } from '../net/prefix.ts';
import { U32Stack, growColumn, grownCapacity } from './columns.ts';

const INITIAL_CAPACITY = 1024;
const NO_WORDS = new Uint32Array(0);

/** Interns the prefixes of one address family. Id 0 is never given out. */
export class PrefixTable {
  readonly family: Family;
  /** First word of each prefix's address, by id; see `Prefix.words`. */
  a0 = new Uint32Array(INITIAL_CAPACITY);
  /** Further words; empty for IPv4. */
  a1: Uint32Array = NO_WORDS;
  a2: Uint32Array = NO_WORDS;
  a3: Uint32Array = NO_WORDS;
  /** Length of each prefix in bits, by id. */
  length = new Uint8Array(INITIAL_CAPACITY);
  /** How many holders each prefix has, by id; 0 for free ids. */
  holders = new Uint32Array(INITIAL_CAPACITY);
  /** Number of prefixes held. */
  count = 0;
  /** One more than the highest id given out so far: the end for loops over all ids. */
  end = 1;

  /** Ids by hash, linear probing, 0 for an empty slot; the size is a power of two. */
  private slots = new Uint32Array(2 * INITIAL_CAPACITY);
  private readonly free = new U32Stack();
  private readonly wide: boolean;
  /** How many prefixes of each length there are: which lengths a longest match has to try. */
  private readonly perLength: Uint32Array;

  constructor(family: Family) {
    this.family = family;
    this.wide = family !== IPV4_UNICAST;
    this.perLength = new Uint32Array(addressBits(family) + 1);
    if (!this.wide) return;
    this.a1 = new Uint32Array(INITIAL_CAPACITY);
    this.a2 = new Uint32Array(INITIAL_CAPACITY);
    this.a3 = new Uint32Array(INITIAL_CAPACITY);
  }

  /** Number of rows that columns indexed by prefix id must have. */
  get capacity(): number {
    return this.length.length;
  }

  /** The id of a prefix, or 0 if nothing holds it. */
  find(a0: number, a1: number, a2: number, a3: number, length: number): number {
    const mask = this.slots.length - 1;
    let slot = hashPrefix(a0, a1, a2, a3, length) & mask;
    for (;;) {
      const id = this.slots[slot];
      if (id === 0 || this.equals(id, a0, a1, a2, a3, length)) return id;
      slot = (slot + 1) & mask;
    }
  }

  /** The id of a prefix, made if need be. A new id has no holder yet: the caller must hold or release it. */
  intern(a0: number, a1: number, a2: number, a3: number, length: number): number {
    const mask = this.slots.length - 1;
    let slot = hashPrefix(a0, a1, a2, a3, length) & mask;
    for (;;) {
      const id = this.slots[slot];
      if (id === 0) break;
      if (this.equals(id, a0, a1, a2, a3, length)) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.free.length > 0 ? this.free.pop() : this.end++;
    if (id >= this.capacity) this.growRows(id + 1);
    this.a0[id] = a0;
    this.length[id] = length;
    if (this.wide) {
      this.a1[id] = a1;
      this.a2[id] = a2;
      this.a3[id] = a3;
    }
    this.slots[slot] = id;
    this.perLength[length]++;
    // Three quarters full at most: probes stay short and the table small.
    if (++this.count * 4 > this.slots.length * 3) this.rehash(this.slots.length * 2);
    return id;
  }

  /** Counts one more holder of a prefix. */
  hold(id: number): void {
    this.holders[id]++;
  }

  /** Takes one holder away; the last one frees the id. */
  drop(id: number): void {
    if (--this.holders[id] === 0) this.remove(id);
  }

  /** Frees an id that {@link intern} made and nothing holds. */
  dropIfUnheld(id: number): void {
    if (this.holders[id] === 0) this.remove(id);
  }

  /** The prefix as an object, for the edges. */
  prefix(id: number): Prefix {
    const words: [number, number, number, number] = [this.a0[id], 0, 0, 0];
    if (this.wide) [words[1], words[2], words[3]] = [this.a1[id], this.a2[id], this.a3[id]];
    return { family: this.family, words, length: this.length[id] };
  }

  /**
   * The ids of all prefixes that contain `prefix`, the longest first (RFC 4632 §5.1); the first one is the longest match.
   */
  matches(prefix: Prefix): number[] {
    const found: number[] = [];
    const [a0, a1, a2, a3] = prefix.words;
    for (let length = prefix.length; length >= 0; length--) {
      if (this.perLength[length] === 0) continue;
      const id = this.find(
        (a0 & wordMask(length)) >>> 0,
        (a1 & wordMask(length - 32)) >>> 0,
        (a2 & wordMask(length - 64)) >>> 0,
        (a3 & wordMask(length - 96)) >>> 0,
        length,
      );
      if (id !== 0) found.push(id);
    }
    return found;
  }

  private equals(id: number, a0: number, a1: number, a2: number, a3: number, length: number): boolean {
    if (this.a0[id] !== a0 || this.length[id] !== length) return false;
    return !this.wide || (this.a1[id] === a1 && this.a2[id] === a2 && this.a3[id] === a3);
  }

  private hashOf(id: number): number {
    if (!this.wide) return hashPrefix(this.a0[id], 0, 0, 0, this.length[id]);
    return hashPrefix(this.a0[id], this.a1[id], this.a2[id], this.a3[id], this.length[id]);
  }

  /** Removes an id, moving later entries of its probe run back so that no tombstone is needed. */
  private remove(id: number): void {
    const mask = this.slots.length - 1;
    let hole = this.hashOf(id) & mask;
    while (this.slots[hole] !== id) hole = (hole + 1) & mask;
    let next = (hole + 1) & mask;
    while (this.slots[next] !== 0) {
      const home = this.hashOf(this.slots[next]) & mask;
      // The entry may move into the hole only if its home slot doesn't lie behind the hole.
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.slots[hole] = this.slots[next];
        hole = next;
      }
      next = (next + 1) & mask;
    }
    this.slots[hole] = 0;
    this.perLength[this.length[id]]--;
    this.count--;
    this.free.push(id);
  }

  private growRows(needed: number): void {
    const capacity = grownCapacity(this.capacity, needed);
    this.a0 = growColumn(this.a0, capacity);
    this.length = growColumn(this.length, capacity);
    this.holders = growColumn(this.holders, capacity);
    if (!this.wide) return;
    this.a1 = growColumn(this.a1, capacity);
    this.a2 = growColumn(this.a2, capacity);
    this.a3 = growColumn(this.a3, capacity);
  }

  private rehash(size: number): void {
    const old = this.slots;
    const slots = new Uint32Array(size);
    const mask = size - 1;
    for (let i = 0; i < old.length; i++) {
      const id = old[i];
      if (id === 0) continue;
      let slot = this.hashOf(id) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.slots = slots;
  }
}

/** Mixes a prefix into 32 bits; the multipliers are those of MurmurHash3's finaliser. */
function hashPrefix(a0: number, a1: number, a2: number, a3: number, length: number): number {
  let h = a0 ^ Math.imul(length + 1, 0x9e3779b1);
  if ((a1 | a2 | a3) !== 0) {
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ a1;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ a2;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ a3;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
