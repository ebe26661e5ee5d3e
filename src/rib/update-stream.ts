/**
 * One stream of UPDATEs and the peers that read it: their common Adj-RIB-Out, and the set of prefixes still to be told.
 *
 * A change marks its prefix as pending; what is told is worked out when the stream is flushed, from the best path of
 * that moment. So an announcement and a withdrawal of the same prefix cancel, and a slow peer costs a bit per prefix.
 * Members that were told the same share the stream; the peer that a route came from is left out of it.
 */
import { toTwoOctetAs } from '../bgp/messages/attributes/two-octet-as.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import { U32Stack, growColumn } from './columns.ts';
import type { Rib } from './rib.ts';
import { SLICE } from './slice-buckets.ts';
import type { SliceBuckets } from './slice-buckets.ts';
import type { UpdateGroup } from './update-group.ts';
import type { UpdateWriter } from './update-writer.ts';

/** A run of whole messages in the writer's buffer and who must hear it. */
export interface Segment {
  start: number;
  end: number;
  /** The peer meant by `only`, or -1 if the segment is for every member. */
  peer: number;
  /** Whether only `peer` hears it; otherwise all but `peer` do. */
  only: boolean;
}

/** Adj-RIB-Out and pending set of one family. */
class StreamTable {
  /** Attribute set last told, by prefix; 0 if the prefix isn't told. */
  told = new Uint32Array(0);
  /** The peer whose path that was: the one member that wasn't told. By prefix. */
  toldSource = new Uint16Array(0);
  pending = new Uint8Array(0);
  /** The same as a list, in the order of marking; `from` is its first entry left. */
  readonly queue = new U32Stack();
  from = 0;
  /** Whether what is pending must be told even if it was told already: the peer asked for a refresh. */
  again = false;
  /** Number of prefixes told. */
  count = 0;
  /** Of those, how many came from each peer. */
  readonly perSource = new Map<number, number>();

  fit(capacity: number): void {
    if (this.told.length >= capacity) return;
    this.told = growColumn(this.told, capacity);
    this.toldSource = growColumn(this.toldSource, capacity);
    this.pending = growColumn(this.pending, capacity);
  }

  get waiting(): number {
    return this.queue.length - this.from;
  }
}

export class UpdateStream {
  readonly group: UpdateGroup;
  /** Peer indexes. */
  readonly members = new Set<number>();
  /** By family. */
  private readonly tables: readonly [StreamTable, StreamTable] = [new StreamTable(), new StreamTable()];
  /** Families whose End-of-RIB is due once nothing is pending. */
  private readonly endOfRibDue = new Set<Family>();
  private readonly rib: Rib;
  private flushed = false;
  /** End-of-RIB is not to be sent yet. */
  private holds: boolean;

  constructor(rib: Rib, group: UpdateGroup, holdEndOfRib = false) {
    this.rib = rib;
    this.group = group;
    this.holds = holdEndOfRib;
  }

  /** Whether nothing was told yet: a peer that comes up now can share it from the start. */
  get isFresh(): boolean {
    return !this.flushed;
  }

  /** Whether End-of-RIB waits for {@link releaseEndOfRib}. */
  get holdsEndOfRib(): boolean {
    return this.holds;
  }

  /** Lets End-of-RIB follow when everything has been told. */
  releaseEndOfRib(): void {
    this.holds = false;
  }

  /** Prefixes pending in all families. */
  get waiting(): number {
    return this.tables[0].waiting + this.tables[1].waiting;
  }

  /** Whether {@link flush} has anything to write. */
  get hasWork(): boolean {
    return this.waiting > 0 || (this.endOfRibDue.size > 0 && !this.holds);
  }

  /** Marks one prefix pending. */
  mark(family: Family, prefix: number): void {
    const table = this.tables[family];
    table.fit(this.rib.tables[family].prefixes.capacity);
    if (table.pending[prefix] !== 0) return;
    table.pending[prefix] = 1;
    this.rib.tables[family].prefixes.hold(prefix);
    table.queue.push(prefix);
  }

  /**
   * Marks everything that is or was told pending: a new member (End-of-RIB follows), a refresh, another policy.
   * With `again`, prefixes are told even if nothing changed about them.
   */
  markAll(family: Family, how: { again: boolean; endOfRib: boolean }): void {
    const { bestSet, prefixes } = this.rib.tables[family];
    const table = this.tables[family];
    table.fit(prefixes.capacity);
    for (let prefix = 1; prefix < prefixes.end; prefix++) {
      if (bestSet[prefix] !== 0 || table.told[prefix] !== 0) this.mark(family, prefix);
    }
    if (how.again) table.again = true;
    if (how.endOfRib) this.endOfRibDue.add(family);
  }

  /** The set with which a prefix was told to a member, 0 if it wasn't. */
  toldTo(member: number, family: Family, prefix: number): number {
    const table = this.tables[family];
    if (prefix >= table.told.length || table.toldSource[prefix] === member) return 0;
    return table.told[prefix];
  }

  /** Number of prefixes told to a member. */
  toldCount(member: number, family: Family): number {
    const table = this.tables[family];
    return table.count - (table.perSource.get(member) ?? 0);
  }

  /** Whether a change of this prefix is still to be told. */
  isPending(family: Family, prefix: number): boolean {
    return this.tables[family].pending[prefix] === 1;
  }

  /**
   * Writes messages for at most one slice of pending prefixes of each family to `writer`, and what is meant for whom to
   * `segments`. An End-of-RIB marker follows when nothing of its family is pending any more.
   */
  flush(writer: UpdateWriter, buckets: SliceBuckets, segments: Segment[]): void {
    this.flushed = true;
    writer.maxMessage = this.group.profile.maxMessage;
    for (const family of this.group.profile.families) {
      if (this.tables[family].waiting === 0) continue;
      buckets.clear();
      this.collect(family, buckets);
      this.write(family, writer, buckets, segments);
    }
    for (const family of this.holds ? [] : this.endOfRibDue) {
      if (this.tables[family].waiting > 0) continue;
      this.endOfRibDue.delete(family);
      const start = writer.length;
      writer.endOfRib(family);
      addSegment(segments, start, writer.length, -1, false);
    }
  }

  /** Takes over another stream's Adj-RIB-Out and pending set: a member leaves it for this one, which has told nothing yet. */
  copyFrom(other: UpdateStream): void {
    const { sets } = this.rib;
    for (const family of FAMILIES) {
      const from = other.tables[family];
      const to = this.tables[family];
      const { prefixes } = this.rib.tables[family];
      to.fit(prefixes.capacity);
      to.told.set(from.told);
      to.toldSource.set(from.toldSource);
      for (const [source, count] of from.perSource) to.perSource.set(source, count);
      to.count = from.count;
      for (let prefix = 1; prefix < from.told.length; prefix++) {
        const set = from.told[prefix];
        if (set !== 0) {
          prefixes.hold(prefix);
          sets.retain(set);
        }
        if (from.pending[prefix] !== 0) this.mark(family, prefix);
      }
      to.again = from.again;
    }
    this.flushed = true;
    this.holds = other.holds;
    for (const family of other.endOfRibDue) this.endOfRibDue.add(family);
  }

  /** Gives back what the stream holds; it is of no use any more. */
  dispose(): void {
    const { sets } = this.rib;
    for (const family of FAMILIES) {
      const table = this.tables[family];
      const { prefixes } = this.rib.tables[family];
      for (let prefix = 1; prefix < table.told.length; prefix++) {
        if (table.told[prefix] !== 0) {
          sets.release(table.told[prefix]);
          prefixes.drop(prefix);
        }
        if (table.pending[prefix] !== 0) prefixes.drop(prefix);
        table.pending[prefix] = 0;
      }
      table.queue.clear();
      table.from = 0;
    }
  }

  /** Works out what a slice of pending prefixes means and sorts it; Adj-RIB-Out is brought up to date. */
  private collect(family: Family, buckets: SliceBuckets): void {
    const table = this.tables[family];
    const ribTable = this.rib.tables[family];
    table.fit(ribTable.prefixes.capacity);
    const until = Math.min(table.queue.length, table.from + SLICE);
    for (; table.from < until; table.from++) {
      const prefix = table.queue.items[table.from];
      table.pending[prefix] = 0;
      this.collectPrefix(family, prefix, ribTable.bestPeer[prefix], buckets);
      ribTable.prefixes.drop(prefix);
    }
    // What is done with goes even if the queue never empties: a peer that is always behind costs no more for it.
    if (table.from * 2 >= table.queue.length) {
      table.queue.dropFirst(table.from);
      table.from = 0;
    }
    if (table.queue.length === 0) table.again = false;
  }

  private collectPrefix(family: Family, prefix: number, source: number, buckets: SliceBuckets): void {
    const table = this.tables[family];
    const set = this.group.exported(family, prefix);
    const told = table.told[prefix];
    const toldSource = table.toldSource[prefix];
    if (set === 0) {
      if (told === 0) return;
      buckets.add(prefix, 0, toldSource, 0);
    } else {
      if (set === told && source === toldSource && !table.again) return;
      buckets.add(prefix, set, source, 0);
      // The peer whose path is best now is not told it, and what it was told of another's path no longer holds.
      if (told !== 0 && toldSource !== source && this.members.has(source)) buckets.add(prefix, 0, source, 1);
    }
    this.tell(family, prefix, set, source);
  }

  /** Records what was told. The prefix and the set are held for as long as they are told. */
  private tell(family: Family, prefix: number, set: number, source: number): void {
    const table = this.tables[family];
    const { sets, tables } = this.rib;
    const before = table.told[prefix];
    if (set !== 0) {
      sets.retain(set);
      if (before === 0) tables[family].prefixes.hold(prefix);
      this.countSource(table, source, 1);
    }
    if (before !== 0) {
      this.countSource(table, table.toldSource[prefix], -1);
      sets.release(before);
    }
    table.told[prefix] = set;
    table.toldSource[prefix] = source;
    if (before !== 0 && set === 0) tables[family].prefixes.drop(prefix);
  }

  private countSource(table: StreamTable, source: number, change: 1 | -1): void {
    table.count += change;
    table.perSource.set(source, (table.perSource.get(source) ?? 0) + change);
  }

  /** Withdrawals go first, so that a peer never holds more than it must. */
  private write(family: Family, writer: UpdateWriter, buckets: SliceBuckets, segments: Segment[]): void {
    for (let bucket = 0; bucket < buckets.count; bucket++) {
      if (buckets.set[bucket] === 0) this.writeBucket(family, writer, buckets, bucket, segments);
    }
    for (let bucket = 0; bucket < buckets.count; bucket++) {
      if (buckets.set[bucket] !== 0) this.writeBucket(family, writer, buckets, bucket, segments);
    }
  }

  private writeBucket(
    family: Family,
    writer: UpdateWriter,
    buckets: SliceBuckets,
    bucket: number,
    segments: Segment[],
  ): void {
    const { sets } = this.rib;
    const { prefixes } = this.rib.tables[family];
    const set = buckets.set[bucket];
    const start = writer.length;
    if (set === 0) writer.withdraw(family);
    else if (this.group.profile.fourOctetAs) {
      writer.announce(family, sets.arena, sets.offset[set], sets.offset[set] + sets.length[set]);
    } else {
      const block = toTwoOctetAs(sets.arena, sets.offset[set], sets.offset[set] + sets.length[set]);
      writer.announce(family, block, 0, block.length);
    }
    for (let entry = buckets.firstEntry(bucket); entry >= 0; entry = buckets.following(entry)) {
      writer.add(prefixes, buckets.prefixAt(entry));
    }
    writer.finish();
    addSegment(segments, start, writer.length, this.audience(buckets, bucket), buckets.only[bucket] === 1);
  }

  /** The peer that makes a difference, or -1 where the bucket is for all members. */
  private audience(buckets: SliceBuckets, bucket: number): number {
    const peer = buckets.peer[bucket];
    return this.members.has(peer) ? peer : -1;
  }
}

/** Adds a run of messages, joining it to the run before where both are for the same peers. */
function addSegment(segments: Segment[], start: number, end: number, peer: number, only: boolean): void {
  const last = segments.at(-1);
  if (last !== undefined && last.end === start && last.peer === peer && last.only === only) last.end = end;
  else segments.push({ start, end, peer, only });
}
