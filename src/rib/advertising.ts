/**
 * Who is told what: update groups, their streams, and the peers in them.
 *
 * The peers of a stream are written the same bytes. One that doesn't take them holds its stream up for a moment only; then
 * it gets a stream of its own, and joins the others again when it has caught up.
 */
import type { Family } from '../net/family.ts';
import type { ToldPath } from './adj-rib-out.ts';
import { FAMILIES } from '../net/family.ts';
import type { Rib } from './rib.ts';
import { SLICE, SliceBuckets } from './slice-buckets.ts';
import { UpdateGroup, profileKey, profileScope } from './update-group.ts';
import type { GroupProfile } from './update-group.ts';
import { UpdateStream } from './update-stream.ts';
import type { Segment } from './update-stream.ts';
import { UpdateWriter } from './update-writer.ts';

/** Prefixes worked on in one {@link Advertising.flush}, about: a few milliseconds of work, however many streams there are. */
const PREFIXES_PER_FLUSH = 4 * SLICE;

/** How long a peer that takes no more may hold up the others of its stream, in milliseconds. */
export const PATIENCE = 100;

/** Hands bytes to a peer's session; false means that it takes no more until {@link Advertising.writable}. */
export type PeerWriter = (peer: number, bytes: Uint8Array) => boolean;

/** Result of {@link Advertising.flush}. */
export interface FlushResult {
  /** Whether there is more to write at once. */
  readonly more: boolean;
  /** Milliseconds after which to flush again although nothing happened, undefined if there is no need. */
  readonly retryAfter: number | undefined;
}

/** A group with its streams; the first stream is the one that others merge into. */
interface Entry {
  readonly key: string;
  readonly group: UpdateGroup;
  readonly streams: UpdateStream[];
}

export class Advertising {
  private readonly rib: Rib;
  private readonly entries = new Map<string, Entry>();
  private readonly streamOf = new Map<number, UpdateStream>();
  /** Peers that take no more, with the time since when. */
  private readonly blocked = new Map<number, number>();
  /** Copies made since streams last went different ways, by the stream that each of them equals. */
  private readonly copies = new Map<UpdateStream, UpdateStream>();
  private readonly writer = new UpdateWriter();
  private readonly buckets = new SliceBuckets();
  private readonly segments: Segment[] = [];
  /** The stream that the last flush left for this one, undefined if it came to the end. */
  private resumeAt: UpdateStream | undefined;

  constructor(rib: Rib) {
    this.rib = rib;
    rib.onBestChanged(this);
    rib.sets.onUnused((set) => {
      for (const { group } of this.entries.values()) group.forget(set);
    });
  }

  /** Called by the RIB. */
  bestChanged(family: Family, prefix: number): void {
    for (const { group, streams } of this.entries.values()) {
      if (group.tellsBestPaths(family)) for (const stream of streams) stream.mark(family, prefix);
    }
  }

  /** Called by the RIB. */
  interfacesChanged(): void {
    for (const { group, streams } of this.entries.values()) {
      if (group.profile.exportPolicy.usesInterface !== true) continue;
      for (const family of group.profile.families) for (const stream of streams) stream.markChanged(family, 'all');
    }
  }

  /** Called by the tables of the RIB as long as somebody is told all paths. */
  pathChanged(family: Family, row: number): void {
    for (const { group, streams } of this.entries.values()) {
      if (group.tellsAllPaths(family)) for (const stream of streams) stream.mark(family, row);
    }
  }

  /**
   * A session came up: the peer is told everything, then End-of-RIB; with `holdEndOfRib` that waits for
   * {@link releaseEndOfRib}, as this router itself doesn't know everything yet (RFC 4724 §4.1).
   */
  join(peer: number, profile: GroupProfile, holdEndOfRib = false): void {
    const entry = this.entry(profile);
    // Peers that come up together share one stream from the start.
    let stream = entry.streams.find((one) => one.isFresh && one.holdsEndOfRib === holdEndOfRib);
    if (stream === undefined) {
      stream = new UpdateStream(this.rib, entry.group, holdEndOfRib);
      entry.streams.push(stream);
      for (const family of profile.families) stream.markAll(family, { again: false, endOfRib: true });
    }
    this.put(peer, stream);
  }

  /** This router knows what there is to know: every peer may hear End-of-RIB. */
  releaseEndOfRib(): void {
    for (const { streams } of this.entries.values()) for (const stream of streams) stream.releaseEndOfRib();
  }

  /** A session ended. */
  leave(peer: number): void {
    const stream = this.streamOf.get(peer);
    if (stream === undefined) return;
    this.streamOf.delete(peer);
    this.blocked.delete(peer);
    stream.members.delete(peer);
    this.dropIfEmpty(stream);
  }

  /** What a peer is to be told changed (another export policy, say): it hears the difference. */
  change(peer: number, profile: GroupProfile): void {
    const old = this.streamOf.get(peer);
    if (old === undefined || profileKey(old.group.profile) === profileKey(profile)) return;
    const entry = this.entry(profile);
    // Most changes are about many peers: those that were told the same go on together.
    const copy = this.copies.get(old);
    if (copy !== undefined && entry.streams.includes(copy)) {
      this.move(peer, old, copy);
      return;
    }
    const stream = new UpdateStream(this.rib, entry.group);
    stream.copyFrom(old);
    this.copies.set(old, stream);
    entry.streams.push(stream);
    for (const family of profile.families) stream.markChanged(family, profileScope(old.group.profile, profile, family));
    this.move(peer, old, stream);
  }

  /** A peer asked for everything once more (RFC 2918). */
  refresh(peer: number, family: Family): void {
    const old = this.streamOf.get(peer);
    if (old === undefined || !old.group.profile.families.includes(family)) return;
    let stream = old;
    if (old.members.size > 1) {
      stream = this.split(old);
      this.move(peer, old, stream);
    }
    this.copies.clear();
    stream.markAll(family, { again: true, endOfRib: true });
  }

  /** A peer takes bytes again. */
  writable(peer: number): void {
    this.blocked.delete(peer);
  }

  /** Whether {@link flush} would write anything. */
  get hasWork(): boolean {
    for (const { streams } of this.entries.values()) if (streams.some((stream) => stream.hasWork)) return true;
    return false;
  }

  /** Writes slices of the streams that have something to tell and whose members take it. `now` in milliseconds. */
  flush(now: number, write: PeerWriter): FlushResult {
    let more = false;
    let retryAfter: number | undefined;
    let budget = PREFIXES_PER_FLUSH;
    this.copies.clear();
    for (const stream of this.inTurn()) {
      if (!stream.hasWork) continue;
      if (budget <= 0) {
        this.resumeAt = stream;
        more = true;
        break;
      }
      const wait = this.waitFor(stream, now);
      if (wait > 0) {
        if (wait !== Infinity) retryAfter = Math.min(retryAfter ?? wait, wait);
        continue;
      }
      const { waiting } = stream;
      this.flushStream(stream, now, write);
      budget -= waiting - stream.waiting;
      more ||= stream.hasWork;
    }
    if (!this.rib.hasOtherSources) {
      for (const entry of this.entries.values()) if (entry.streams.length > 1) this.merge(entry);
    }
    return { more, retryAfter };
  }

  /** What a peer was told of a prefix: more than one path only where all are told; and whether a change is on its way. */
  told(peer: number, family: Family, prefix: number): { paths: readonly ToldPath[]; pending: boolean } {
    const stream = this.streamOf.get(peer);
    if (stream === undefined) return { paths: [], pending: false };
    return { paths: stream.toldTo(peer, family, prefix), pending: stream.isPending(family, prefix) };
  }

  /** Number of prefixes a peer was told, or of paths where it is told all. */
  toldCount(peer: number, family: Family): number {
    return this.streamOf.get(peer)?.toldCount(peer, family) ?? 0;
  }

  /** Number of prefixes whose change a peer has still to be told. */
  waiting(peer: number): number {
    return this.streamOf.get(peer)?.waiting ?? 0;
  }

  /** The group of a peer, undefined if it isn't established. */
  groupOf(peer: number): UpdateGroup | undefined {
    return this.streamOf.get(peer)?.group;
  }

  /** Numbers of groups and streams, for metrics. */
  get sizes(): { groups: number; streams: number } {
    let streams = 0;
    for (const entry of this.entries.values()) streams += entry.streams.length;
    return { groups: this.entries.size, streams };
  }

  /** All streams, beginning with the one that the last flush did not come to. */
  private inTurn(): UpdateStream[] {
    const streams = [...this.entries.values()].flatMap((entry) => entry.streams);
    const start = this.resumeAt === undefined ? 0 : Math.max(0, streams.indexOf(this.resumeAt));
    this.resumeAt = undefined;
    return [...streams.slice(start), ...streams.slice(0, start)];
  }

  private entry(profile: GroupProfile): Entry {
    const key = profileKey(profile);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { key, group: new UpdateGroup(this.rib, profile), streams: [] };
      this.entries.set(key, entry);
      this.listenToPaths();
    }
    return entry;
  }

  /** Paths are listened to only while that makes a difference to somebody. */
  private listenToPaths(): void {
    const groups = [...this.entries.values()].map(({ group }) => group);
    for (const family of FAMILIES) {
      const wanted = groups.some((group) => group.tellsAllPaths(family));
      this.rib.tables[family].pathListener = wanted ? this : undefined;
    }
  }

  private put(peer: number, stream: UpdateStream): void {
    this.streamOf.set(peer, stream);
    stream.members.add(peer);
  }

  private move(peer: number, from: UpdateStream, to: UpdateStream): void {
    from.members.delete(peer);
    this.put(peer, to);
    this.dropIfEmpty(from);
  }

  private split(stream: UpdateStream): UpdateStream {
    const own = new UpdateStream(this.rib, stream.group);
    own.copyFrom(stream);
    this.entry(stream.group.profile).streams.push(own);
    return own;
  }

  private dropIfEmpty(stream: UpdateStream): void {
    if (stream.members.size > 0) return;
    const entry = this.entry(stream.group.profile);
    entry.streams.splice(entry.streams.indexOf(stream), 1);
    stream.dispose();
    if (entry.streams.length > 0) return;
    this.entries.delete(entry.key);
    this.listenToPaths();
    entry.group.dispose();
  }

  /**
   * Milliseconds for which a stream has to wait for members that take no more: 0 to go on, Infinity if none takes any.
   * Members that held it up for too long get a stream of their own here.
   */
  private waitFor(stream: UpdateStream, now: number): number {
    if (this.blocked.size === 0) return 0;
    const slow = [...stream.members].filter((peer) => this.blocked.has(peer));
    if (slow.length === 0) return 0;
    if (slow.length === stream.members.size) return Infinity;
    const since = Math.min(...slow.map((peer) => this.blocked.get(peer)!));
    if (now - since < PATIENCE) return PATIENCE - (now - since);
    const own = this.split(stream);
    for (const peer of slow) this.move(peer, stream, own);
    return 0;
  }

  private flushStream(stream: UpdateStream, now: number, write: PeerWriter): void {
    const { writer, segments } = this;
    writer.clear();
    segments.length = 0;
    stream.flush(writer, this.buckets, segments);
    if (writer.length === 0) return;
    // Sessions keep the bytes until the kernel took them, so the writer's buffer can't be handed out itself.
    const bytes = writer.bytes.slice(0, writer.length);
    const shared = segments.every((segment) => segment.peer < 0);
    for (const peer of stream.members) {
      const part = shared ? bytes : partFor(peer, bytes, segments);
      if (part.length > 0 && !write(peer, part)) this.blocked.set(peer, now);
    }
  }

  /** Streams that have told everything have told the same: their members go on together, if all are owed End-of-RIB. */
  private merge(entry: Entry): void {
    const idle = entry.streams.filter((stream) => !stream.hasWork);
    for (const holds of [false, true]) {
      const [first, ...others] = idle.filter((stream) => stream.holdsEndOfRib === holds);
      for (const stream of others) {
        for (const peer of stream.members) this.put(peer, first);
        stream.members.clear();
        this.dropIfEmpty(stream);
      }
    }
  }
}

/** The bytes that one member is to hear: adjoining segments are not copied, others are put together. */
function partFor(peer: number, bytes: Uint8Array, segments: readonly Segment[]): Uint8Array {
  const runs: { start: number; end: number }[] = [];
  for (const { start, end, peer: about, only } of segments) {
    if (about >= 0 && (about === peer) !== only) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else runs.push({ start, end });
  }
  if (runs.length === 1) return bytes.subarray(runs[0].start, runs[0].end);
  const part = new Uint8Array(runs.reduce((sum, run) => sum + run.end - run.start, 0));
  let at = 0;
  for (const { start, end } of runs) {
    part.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return part;
}
