/**
 * One stream of UPDATEs and the peers that read it: their common Adj-RIB-Out, and the set of prefixes still to be told.
 *
 * A change marks its prefix as pending, or its path where all paths are told (RFC 7911); what is told is worked out when the
 * stream is flushed, from the best path, or the path, of that moment. So an announcement and a withdrawal of the same prefix cancel, and a slow peer costs a bit per prefix.
 * Members that were told the same share the stream; the peer that a route came from is left out of it.
 */
import { toTwoOctetAs } from '../bgp/messages/attributes/two-octet-as.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import { AdjRibOut } from './adj-rib-out.ts';
import type { ToldPath } from './adj-rib-out.ts';
import { REJECTED } from './policy.ts';
import type { ChangeScope } from './policy-change.ts';
import type { Rib } from './rib.ts';
import { SLICE } from './slice-buckets.ts';
import type { SliceBuckets } from './slice-buckets.ts';
import { isGone } from './stale-paths.ts';
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

export class UpdateStream {
  readonly group: UpdateGroup;
  /** Peer indexes. */
  readonly members = new Set<number>();
  /** By family. */
  private readonly tables: readonly [AdjRibOut, AdjRibOut];
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
    const [ipv4, ipv6] = rib.tables;
    this.tables = [
      new AdjRibOut(rib.sets, ipv4, group.tellsAllPaths(IPV4_UNICAST)),
      new AdjRibOut(rib.sets, ipv6, group.tellsAllPaths(IPV6_UNICAST)),
    ];
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

  /** Marks one prefix pending, or one row where all paths of the family are told. */
  mark(family: Family, key: number): void {
    this.tables[family].mark(key);
  }

  /** Marks those prefixes pending, of all that are or were told, that a change of the policy may be about. */
  markChanged(family: Family, scope: ChangeScope): void {
    this.tables[family].markAll(scope);
  }

  /**
   * Marks everything that is or was told pending: a new member (End-of-RIB follows), a refresh.
   * With `again`, prefixes are told even if nothing changed about them.
   */
  markAll(family: Family, how: { again: boolean; endOfRib: boolean }): void {
    const table = this.tables[family];
    table.markAll();
    if (how.again) table.again = true;
    if (how.endOfRib) this.endOfRibDue.add(family);
  }

  /** What a member was told of a prefix. */
  toldTo(member: number, family: Family, prefix: number): ToldPath[] {
    return this.tables[family].toldTo(member, prefix);
  }

  /** Number of prefixes told to a member, or of paths where all are told. */
  toldCount(member: number, family: Family): number {
    return this.tables[family].toldCount(member);
  }

  /** Whether a change of this prefix is still to be told. */
  isPending(family: Family, prefix: number): boolean {
    return this.tables[family].isPending(prefix);
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
      writer.addPath = this.tables[family].allPaths;
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
    for (const family of FAMILIES) this.tables[family].copyFrom(other.tables[family]);
    this.flushed = true;
    this.holds = other.holds;
    for (const family of other.endOfRibDue) this.endOfRibDue.add(family);
  }

  /** Gives back what the stream holds; it is of no use any more. */
  dispose(): void {
    for (const table of this.tables) table.dispose();
  }

  /** Works out what a slice of what is pending means and sorts it; Adj-RIB-Out is brought up to date. */
  private collect(family: Family, buckets: SliceBuckets): void {
    const table = this.tables[family];
    const ribTable = this.rib.tables[family];
    table.fit();
    const until = Math.min(table.queue.length, table.from + SLICE);
    for (; table.from < until; table.from++) {
      const key = table.queue.items[table.from];
      table.pending[key] = 0;
      if (table.allPaths) {
        this.collectPath(table, key, buckets);
        continue;
      }
      this.collectPrefix(table, key, ribTable.bestPeer[key], buckets);
      ribTable.prefixes.drop(key);
    }
    // What is done with goes even if the queue never empties: a peer that is always behind costs no more for it.
    if (table.from * 2 >= table.queue.length) {
      table.queue.dropFirst(table.from);
      table.from = 0;
    }
    if (table.queue.length === 0) table.again = false;
  }

  private collectPrefix(table: AdjRibOut, prefix: number, source: number, buckets: SliceBuckets): void {
    const set = this.group.exported(table.family, prefix, this.rib.tables[table.family].bestSet[prefix], source);
    const told = table.told[prefix];
    const toldSource = table.toldSource[prefix];
    if (set === 0) {
      if (told === 0) return;
      buckets.add(prefix, 0, toldSource, 0, 0);
    } else {
      if (set === told && !table.again && !this.tellsApart(source, toldSource)) {
        if (source !== toldSource) table.tell(prefix, prefix, set, source);
        return;
      }
      buckets.add(prefix, set, source, 0, 0);
      // The peer whose path is best now is not told it, and what it was told of another's path no longer holds.
      if (told !== 0 && toldSource !== source && this.members.has(source)) buckets.add(prefix, 0, source, 1, 0);
    }
    table.tell(prefix, prefix, set, source);
  }

  /** The same for one path: the row may be that of another one, of another peer or prefix, than was told. */
  private collectPath(table: AdjRibOut, row: number, buckets: SliceBuckets): void {
    const ribTable = this.rib.tables[table.family];
    const prefix = ribTable.prefix[row];
    const source = ribTable.peer[row];
    const told = table.told[row];
    const toldSource = table.toldSource[row];
    const toldPrefix = table.toldPrefix[row];
    const set = this.exportedPath(table, row);
    if (set === told && set === 0) return;
    if (set === told && prefix === toldPrefix && !table.again && !this.tellsApart(source, toldSource)) {
      if (source !== toldSource) table.tell(row, prefix, set, source);
      return;
    }
    if (told !== 0) {
      if (set === 0 || prefix !== toldPrefix) buckets.add(toldPrefix, 0, toldSource, 0, row);
      else if (toldSource !== source && this.members.has(source)) buckets.add(prefix, 0, source, 1, row);
    }
    if (set !== 0) buckets.add(prefix, set, source, 0, row);
    table.tell(row, prefix, set, source);
  }

  /** Whether it makes a difference to a member from which of these a path came that is told alike: none is told its own. */
  private tellsApart(source: number, other: number): boolean {
    return source !== other && (this.members.has(source) || this.members.has(other));
  }

  /** The set with which the path of a row is to be told, 0 for none. */
  private exportedPath(table: AdjRibOut, row: number): number {
    const { tables, peers, selector } = this.rib;
    const ribTable = tables[table.family];
    const accepted = ribTable.accepted[row];
    if (accepted === REJECTED || isGone(peers, ribTable, row)) return 0;
    const [prefix, source] = [ribTable.prefix[row], ribTable.peer[row]];
    if (selector.isUsable(ribTable, row)) return this.group.exported(table.family, prefix, accepted, source);
    // As with best paths: withdrawing what is back with the answer would be heard by every peer.
    const same = table.toldPrefix[row] === prefix && table.toldSource[row] === source;
    return same && selector.waits(ribTable, row) ? table.told[row] : 0;
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
      writer.add(prefixes, buckets.prefixAt(entry), buckets.pathIdAt(entry));
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
