/**
 * Adj-RIB-In and Loc-RIB of one address family as tables of numbers.
 *
 * A path is a row: a prefix, the peer it came from, the attribute set as received and as accepted by the import policy.
 * The rows of a prefix are linked by index. Loc-RIB is a few columns by prefix id.
 */
import type { Family } from '../net/family.ts';
import { U32Stack, growColumn, grownCapacity } from './columns.ts';
import { PrefixTable } from './prefix-table.ts';

const INITIAL_CAPACITY = 1024;
const NO_IDS = new Uint32Array(0);

/** Is told which paths came, went or changed, as far as what is told of them may depend on it. */
export interface PathListener {
  pathChanged(family: Family, row: number): void;
}

/** Rows and Loc-RIB columns of one family. Row 0 means "none". */
export class PathTable {
  readonly prefixes: PrefixTable;

  // By row.
  prefix = new Uint32Array(INITIAL_CAPACITY);
  peer = new Uint16Array(INITIAL_CAPACITY);
  /** Attribute set as received: Adj-RIB-In. 0 for free rows. */
  received = new Uint32Array(INITIAL_CAPACITY);
  /** Attribute set after import, 0 where the path was rejected. */
  accepted = new Uint32Array(INITIAL_CAPACITY);
  /** Which of its peer's generations the path is of, see `stale-paths.ts`. */
  generation = new Uint8Array(INITIAL_CAPACITY);
  /** Next row of the same prefix, 0 at the end. */
  next = new Uint32Array(INITIAL_CAPACITY);
  /** Identifier by which the peer knows the path (RFC 7911 §3). Empty for as long as no peer has given one but 0. */
  pathId: Uint32Array = NO_IDS;

  // By prefix id.
  /** First row of the prefix. */
  first = new Uint32Array(INITIAL_CAPACITY);
  /** Attribute set of the best path, 0 where there is none: Loc-RIB. */
  bestSet = new Uint32Array(INITIAL_CAPACITY);
  /** Peer of the best path. */
  bestPeer = new Uint16Array(INITIAL_CAPACITY);
  /** Group of next hops in the FIB, 0 for none. */
  nextHopGroup = new Uint32Array(INITIAL_CAPACITY);
  private dirtyFlag = new Uint8Array(INITIAL_CAPACITY);

  /** Prefixes whose best path must be decided anew. */
  readonly dirty = new U32Stack();
  /** Number of rows in use. */
  count = 0;
  /** Number of prefixes that have a best path. */
  bestCount = 0;
  /** One more than the highest row ever used. */
  end = 1;
  /** Undefined for as long as nobody is told of more than the best paths. */
  pathListener: PathListener | undefined;
  private readonly free = new U32Stack();

  constructor(family: Family) {
    this.prefixes = new PrefixTable(family);
  }

  /** The row of a peer's path for a prefix, or 0. `pathId` is 0 where ADD-PATH is not negotiated. */
  find(prefix: number, peer: number, pathId: number): number {
    const ids = this.pathId;
    let row = this.first[prefix];
    if (ids.length === 0) {
      if (pathId !== 0) return 0;
      while (row !== 0 && this.peer[row] !== peer) row = this.next[row];
      return row;
    }
    while (row !== 0 && (this.peer[row] !== peer || ids[row] !== pathId)) row = this.next[row];
    return row;
  }

  /** Adds a row; the caller sets `received` and `accepted`. */
  insert(prefix: number, peer: number, pathId: number): number {
    const row = this.free.length > 0 ? this.free.pop() : this.end++;
    if (row >= this.received.length) this.growRows(row + 1);
    if (pathId !== 0 && this.pathId.length === 0) this.pathId = new Uint32Array(this.received.length);
    if (this.pathId.length > 0) this.pathId[row] = pathId;
    this.prefix[row] = prefix;
    this.peer[row] = peer;
    this.next[row] = this.first[prefix];
    this.first[prefix] = row;
    this.prefixes.hold(prefix);
    this.count++;
    return row;
  }

  /** Takes a row out; the caller has released its sets. */
  remove(row: number): void {
    const prefix = this.prefix[row];
    let link = this.first[prefix];
    if (link === row) this.first[prefix] = this.next[row];
    else {
      while (this.next[link] !== row) link = this.next[link];
      this.next[link] = this.next[row];
    }
    this.received[row] = 0;
    this.accepted[row] = 0;
    this.free.push(row);
    this.count--;
    this.prefixes.drop(prefix);
  }

  /** Makes the columns by prefix as long as the prefix table; call after interning prefixes. */
  fitPrefixes(): void {
    const capacity = this.prefixes.capacity;
    if (this.first.length >= capacity) return;
    this.first = growColumn(this.first, capacity);
    this.bestSet = growColumn(this.bestSet, capacity);
    this.bestPeer = growColumn(this.bestPeer, capacity);
    this.nextHopGroup = growColumn(this.nextHopGroup, capacity);
    this.dirtyFlag = growColumn(this.dirtyFlag, capacity);
  }

  /** Notes that a prefix must be decided anew; it is held until then. */
  markDirty(prefix: number): void {
    if (this.dirtyFlag[prefix] !== 0) return;
    this.dirtyFlag[prefix] = 1;
    this.prefixes.hold(prefix);
    this.dirty.push(prefix);
  }

  /** Notes that a path came, goes or changed: its prefix must be decided anew, and what is told of it. */
  markChanged(row: number): void {
    this.markDirty(this.prefix[row]);
    this.pathListener?.pathChanged(this.prefixes.family, row);
  }

  /** Takes the mark of {@link markDirty} away; the caller drops the hold when it is done with the prefix. */
  clearDirty(prefix: number): void {
    this.dirtyFlag[prefix] = 0;
  }

  private growRows(needed: number): void {
    const capacity = grownCapacity(this.received.length, needed);
    this.prefix = growColumn(this.prefix, capacity);
    this.peer = growColumn(this.peer, capacity);
    this.received = growColumn(this.received, capacity);
    this.accepted = growColumn(this.accepted, capacity);
    this.generation = growColumn(this.generation, capacity);
    this.next = growColumn(this.next, capacity);
    if (this.pathId.length > 0) this.pathId = growColumn(this.pathId, capacity);
  }
}
