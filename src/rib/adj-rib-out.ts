/**
 * Adj-RIB-Out of one stream in one family (RFC 4271 §3.2), and what of it is still to be told.
 *
 * Where the best path of a prefix is told, everything is a column by prefix. Where all paths are told (RFC 7911), it is a
 * column by row of the {@link PathTable}, and the row is the identifier of the path: it stays for as long as the path does.
 */
import type { Family } from '../net/family.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { U32Stack, growColumn } from './columns.ts';
import type { PathTable } from './path-table.ts';
import { isInScope } from './policy-change.ts';
import type { ChangeScope } from './policy-change.ts';

/** A path as a peer was told it. */
export interface ToldPath {
  readonly set: number;
  /** Peer that it came from. */
  readonly from: number;
  /** Where all paths are told. */
  readonly pathId?: number;
}

export class AdjRibOut {
  readonly family: Family;
  /** Whether all paths are told, so that columns are by row and not by prefix. */
  readonly allPaths: boolean;
  /** Attribute set last told; 0 if it isn't told. */
  told = new Uint32Array(0);
  /** The peer whose path that was: the one member that wasn't told. */
  toldSource = new Uint16Array(0);
  /** The prefix that it was; only where all paths are told, since a row may have become that of another prefix meanwhile. */
  toldPrefix = new Uint32Array(0);
  pending = new Uint8Array(0);
  /** The same as a list, in the order of marking; `from` is its first entry left. */
  readonly queue = new U32Stack();
  from = 0;
  /** Whether what is pending must be told even if it was told already: the peer asked for a refresh. */
  again = false;
  /** Number of prefixes or paths told. */
  count = 0;
  /** Of those, how many came from each peer. */
  readonly perSource = new Map<number, number>();

  private readonly sets: AttributeSets;
  private readonly table: PathTable;

  constructor(sets: AttributeSets, table: PathTable, allPaths: boolean) {
    this.sets = sets;
    this.table = table;
    this.family = table.prefixes.family;
    this.allPaths = allPaths;
  }

  /** Makes the columns as long as those of the table. */
  fit(): void {
    const capacity = this.allPaths ? this.table.received.length : this.table.prefixes.capacity;
    if (this.told.length >= capacity) return;
    this.told = growColumn(this.told, capacity);
    this.toldSource = growColumn(this.toldSource, capacity);
    this.pending = growColumn(this.pending, capacity);
    if (this.allPaths) this.toldPrefix = growColumn(this.toldPrefix, capacity);
  }

  /** How many are pending. */
  get waiting(): number {
    return this.queue.length - this.from;
  }

  /** Marks a prefix or row pending. A prefix is held meanwhile; of a row what was told of it tells the prefix. */
  mark(key: number): void {
    if (key >= this.pending.length) this.fit();
    if (this.pending[key] !== 0) return;
    this.pending[key] = 1;
    if (!this.allPaths) this.table.prefixes.hold(key);
    this.queue.push(key);
  }

  /** Marks everything that is or was told, of the prefixes in `scope`. */
  markAll(scope: ChangeScope = 'all'): void {
    if (scope.length === 0) return;
    this.fit();
    const { bestSet, received, prefixes, prefix } = this.table;
    const now = this.allPaths ? received : bestSet;
    const end = this.allPaths ? this.table.end : prefixes.end;
    for (let key = 1; key < end; key++) {
      const isTold = this.told[key] !== 0;
      if (now[key] === 0 && !isTold) continue;
      const isIn = isInScope(scope, prefixes, this.allPaths ? prefix[key] : key);
      // What was told of a row may have been another prefix.
      if (isIn || (isTold && isInScope(scope, prefixes, this.prefixOf(key)))) this.mark(key);
    }
  }

  /** The prefix that was told. */
  prefixOf(key: number): number {
    return this.allPaths ? this.toldPrefix[key] : key;
  }

  /** Records what was told, 0 for nothing any more. The prefix and the set are held for as long as they are told. */
  tell(key: number, prefix: number, set: number, source: number): void {
    const { sets, told, toldSource } = this;
    const { prefixes } = this.table;
    const before = told[key];
    if (set !== 0) {
      sets.retain(set);
      prefixes.hold(prefix);
      this.countSource(source, 1);
    }
    if (before !== 0) {
      this.countSource(toldSource[key], -1);
      sets.release(before);
      prefixes.drop(this.prefixOf(key));
    }
    told[key] = set;
    toldSource[key] = source;
    if (this.allPaths) this.toldPrefix[key] = prefix;
  }

  /** What a member was told of a prefix. */
  toldTo(member: number, prefix: number): ToldPath[] {
    if (!this.allPaths) {
      const set = this.told[prefix] ?? 0;
      return set === 0 || this.toldSource[prefix] === member ? [] : [{ set, from: this.toldSource[prefix] }];
    }
    const paths: ToldPath[] = [];
    for (let row = this.table.first[prefix]; row !== 0; row = this.table.next[row]) {
      const set = this.told[row] ?? 0;
      if (set === 0 || this.toldPrefix[row] !== prefix || this.toldSource[row] === member) continue;
      paths.push({ set, from: this.toldSource[row], pathId: row });
    }
    return paths;
  }

  /** Number of prefixes or paths told to a member. */
  toldCount(member: number): number {
    return this.count - (this.perSource.get(member) ?? 0);
  }

  /** Whether a change of this prefix is still to be told. */
  isPending(prefix: number): boolean {
    if (!this.allPaths) return this.pending[prefix] === 1;
    for (let row = this.table.first[prefix]; row !== 0; row = this.table.next[row]) {
      if (this.pending[row] === 1) return true;
    }
    return false;
  }

  /** Takes over what another one has told, of the same kind, and what it has pending; nothing was told here yet. */
  copyFrom(from: AdjRibOut): void {
    const { prefixes } = this.table;
    this.fit();
    this.told.set(from.told);
    this.toldSource.set(from.toldSource);
    if (this.allPaths) this.toldPrefix.set(from.toldPrefix);
    for (const [source, count] of from.perSource) this.perSource.set(source, count);
    this.count = from.count;
    for (let key = 1; key < from.told.length; key++) {
      const set = from.told[key];
      if (set !== 0) {
        prefixes.hold(from.prefixOf(key));
        this.sets.retain(set);
      }
      if (from.pending[key] !== 0) this.mark(key);
    }
    this.again = from.again;
  }

  /** Gives back what is held; it is of no use any more. */
  dispose(): void {
    const { prefixes } = this.table;
    for (let key = 1; key < this.told.length; key++) {
      if (this.told[key] !== 0) {
        this.sets.release(this.told[key]);
        prefixes.drop(this.prefixOf(key));
      }
      if (this.pending[key] !== 0 && !this.allPaths) prefixes.drop(key);
      this.pending[key] = 0;
    }
    this.queue.clear();
    this.from = 0;
  }

  private countSource(source: number, change: 1 | -1): void {
    this.count += change;
    this.perSource.set(source, (this.perSource.get(source) ?? 0) + change);
  }
}
