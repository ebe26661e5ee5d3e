/**
 * Sorts one slice of pending prefixes into buckets that share a message: the same attributes for the same audience.
 * Fixed-size scratch tables that are reused; nothing is allocated per prefix.
 */

/** Most prefixes, or paths where all of them are told, in one slice. */
export const SLICE = 4096;

const SLOTS = SLICE * 4;
const NONE = 0xffff;

export class SliceBuckets {
  /** Number of buckets. */
  count = 0;
  /** Attribute set told, by bucket; 0 for withdrawals. */
  readonly set = new Uint32Array(2 * SLICE);
  /** Peer that the bucket is about, by bucket. */
  readonly peer = new Uint16Array(2 * SLICE);
  /** 1 if only that peer is to hear it, 0 if all but it are, by bucket. */
  readonly only = new Uint8Array(2 * SLICE);
  /** Number of prefixes, by bucket. */
  readonly size = new Uint16Array(2 * SLICE);

  private readonly head = new Uint16Array(2 * SLICE);
  private readonly tail = new Uint16Array(2 * SLICE);
  private readonly slots = new Uint16Array(SLOTS).fill(NONE);
  private readonly slotOfBucket = new Uint16Array(2 * SLICE);
  private readonly prefix = new Uint32Array(2 * SLICE);
  private readonly pathId = new Uint32Array(2 * SLICE);
  private readonly next = new Uint16Array(2 * SLICE);
  private entries = 0;

  clear(): void {
    for (let bucket = 0; bucket < this.count; bucket++) this.slots[this.slotOfBucket[bucket]] = NONE;
    this.count = 0;
    this.entries = 0;
  }

  /** Adds a prefix; a slice has room for two entries for each of its {@link SLICE} prefixes or paths. */
  add(prefix: number, set: number, peer: number, only: 0 | 1, pathId: number): void {
    const bucket = this.bucketOf(set, peer, only);
    const entry = this.entries++;
    this.prefix[entry] = prefix;
    this.pathId[entry] = pathId;
    this.next[entry] = NONE;
    if (this.size[bucket]++ === 0) this.head[bucket] = entry;
    else this.next[this.tail[bucket]] = entry;
    this.tail[bucket] = entry;
  }

  /** First entry of a bucket; walk on with {@link following} until it returns -1. */
  firstEntry(bucket: number): number {
    return this.head[bucket];
  }

  following(entry: number): number {
    const next = this.next[entry];
    return next === NONE ? -1 : next;
  }

  prefixAt(entry: number): number {
    return this.prefix[entry];
  }

  /** Identifier of the path, where all paths are told. */
  pathIdAt(entry: number): number {
    return this.pathId[entry];
  }

  private bucketOf(set: number, peer: number, only: 0 | 1): number {
    let h = Math.imul(set ^ (peer << 16) ^ only, 0x9e3779b1);
    h = (h ^ (h >>> 15)) & (SLOTS - 1);
    for (;;) {
      const bucket = this.slots[h];
      if (bucket === NONE) break;
      if (this.set[bucket] === set && this.peer[bucket] === peer && this.only[bucket] === only) return bucket;
      h = (h + 1) & (SLOTS - 1);
    }
    const bucket = this.count++;
    this.slots[h] = bucket;
    this.slotOfBucket[bucket] = h;
    this.set[bucket] = set;
    this.peer[bucket] = peer;
    this.only[bucket] = only;
    this.size[bucket] = 0;
    return bucket;
  }
}
