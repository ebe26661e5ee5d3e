/**
 * The peers as the RIB sees them: dense numbers with what best-path selection compares in columns.
 */
import type { Family } from '../net/family.ts';
import { tryParseAddress } from '../net/address.ts';
import { growColumn, grownCapacity } from './columns.ts';
import type { RoutePolicy, RouteSource } from './policy.ts';
import type { Rewrites } from './rewrites.ts';

/** Index of the pseudo-peer that routes come from which the resources or an operator want originated. */
export const LOCAL_PEER = 0;

/** Index of the pseudo-peer that routes to this node's workloads come from, as the kernel has them. */
export const WORKLOAD_PEER = 1;

/** Index of the pseudo-peer that routes to services come from. */
export const SERVICE_PEER = 2;

/** Indexes of the pseudo-peers. */
export const OWN_PEERS = [LOCAL_PEER, WORKLOAD_PEER, SERVICE_PEER] as const;

/** Index of a pseudo-peer. */
export type OwnPeer = (typeof OWN_PEERS)[number];

/** Whether an index is that of a pseudo-peer: its routes are this router's own. */
export function isOwnPeer(peer: number): boolean {
  return peer <= SERVICE_PEER;
}

/** Highest number of peers; peer indexes are kept in 16 bits. */
export const MAX_PEERS = 65_534;

const INITIAL_CAPACITY = 64;

/** Numbers of generations, see `stale-paths.ts`. */
const GENERATIONS = 256;

/** What the RIB needs to know of an established neighbour. */
export interface PeerInfo {
  /** Canonical address, with zone if link-local: the peer's identity in words and the last tie-break. */
  readonly address: string;
  /** External, internal, or internal and a route-reflector client of ours. */
  readonly source: RouteSource;
  /** The peer's BGP identifier as an unsigned number. */
  readonly routerId: number;
  /** AS number this router uses towards the peer: seen in a received AS_PATH it means a loop. */
  readonly localAs: number;
  /** How often our AS may occur in a received AS_PATH nevertheless. */
  readonly allowLocalAs: number;
  readonly importPolicy: RoutePolicy;
}

/** Whether import and best-path selection treat routes of two descriptions of a peer alike. */
export function isSamePeer(a: PeerInfo, b: PeerInfo): boolean {
  const same = (field: keyof PeerInfo): boolean => a[field] === b[field];
  const fields = ['address', 'source', 'routerId', 'localAs', 'allowLocalAs'] as const;
  return fields.every(same) && a.importPolicy.key === b.importPolicy.key;
}

/** Registered peers by index. */
export class Peers {
  /** By index; undefined for indexes not in use. */
  readonly info: (PeerInfo | undefined)[] = [];
  /** BGP identifier, by index. */
  routerId = new Uint32Array(INITIAL_CAPACITY);
  /** {@link RouteSource}, by index. */
  source = new Uint8Array(INITIAL_CAPACITY);
  /** Position of the peer's address among all peers' addresses, IPv4 first, by index. */
  rank = new Uint16Array(INITIAL_CAPACITY);
  /** Routes in Adj-RIB-In, per family, by index. */
  received: [Uint32Array, Uint32Array] = [new Uint32Array(INITIAL_CAPACITY), new Uint32Array(INITIAL_CAPACITY)];
  /** Of those, the ones that import let through, per family, by index. */
  accepted: [Uint32Array, Uint32Array] = [new Uint32Array(INITIAL_CAPACITY), new Uint32Array(INITIAL_CAPACITY)];
  /** Generation of the peer's paths that are not stale, per family, by index; see `stale-paths.ts`. */
  pathGeneration: [Uint8Array, Uint8Array] = [new Uint8Array(INITIAL_CAPACITY), new Uint8Array(INITIAL_CAPACITY)];
  /** Generation of those that are stale, or the same one where none are, per family, by index. */
  keptGeneration: [Uint8Array, Uint8Array] = [new Uint8Array(INITIAL_CAPACITY), new Uint8Array(INITIAL_CAPACITY)];
  /** Stale routes in Adj-RIB-In, per family, by index. */
  stale: [Uint32Array, Uint32Array] = [new Uint32Array(INITIAL_CAPACITY), new Uint32Array(INITIAL_CAPACITY)];

  /** Of those, the ones that import let through, per family, by index. */
  staleAccepted: [Uint32Array, Uint32Array] = [new Uint32Array(INITIAL_CAPACITY), new Uint32Array(INITIAL_CAPACITY)];
  /** Whether there may be rows of paths that are gone. */
  hasGonePaths = false;

  /** Counts when indexes were freed: while it stands still, what was derived from indexes stays true. */
  generation = 0;

  /** How often peers changed their generation in a family while there may be rows of older ones, by {@link generationKey}. */
  private readonly generationsUsed = new Map<number, number>();
  /** Indexes given back that Loc-RIB may still name, see {@link recycle}. */
  private readonly retired = new Set<number>();
  /** Indexes below the highest that may be given out again, the lowest last. */
  private free: number[] = [];
  /** Peers in the order of their addresses; of those with the same one, the last that was set comes last. */
  private readonly order: { readonly index: number; readonly key: string }[] = [];
  /** What {@link order} has of each peer, by index. */
  private readonly keys: (string | undefined)[] = [];

  private readonly rewrites: Rewrites;

  /** Takes the pseudo-peers that this router's own routes come from. `rewrites` is told which policies are in use. */
  constructor(own: Readonly<Record<OwnPeer, PeerInfo>>, rewrites: Rewrites) {
    this.rewrites = rewrites;
    for (const index of OWN_PEERS) {
      const info = own[index];
      this.info.push(info);
      this.source[index] = info.source;
      this.routerId[index] = info.routerId;
    }
  }

  /** Registers a peer and gives it the lowest free index. Throws RangeError beyond {@link MAX_PEERS}. */
  add(info: PeerInfo): number {
    const index = this.free.pop() ?? this.info.length;
    if (index > MAX_PEERS) throw new RangeError(`more than ${MAX_PEERS} peers`);
    if (index >= this.rank.length) this.grow(grownCapacity(this.rank.length, index + 1));
    this.set(index, info);
    return index;
  }

  /** Replaces what is known of a peer: another policy, say. */
  set(index: number, info: PeerInfo): void {
    this.rewrites.use(info.importPolicy);
    this.forgetPolicy(index);
    this.info[index] = info;
    this.routerId[index] = info.routerId;
    this.source[index] = info.source;
    this.rankAnew(index);
  }

  /** Gives an index back whose paths are all gone, as those of `Rib.flush` are. It is not used again before {@link recycle}. */
  remove(index: number): void {
    this.forgetPolicy(index);
    this.info[index] = undefined;
    this.retired.add(index);
    this.rankAnew(index);
  }

  /** Frees all indexes given back: every prefix has been decided since, so that none of them is that of a path or best path. */
  recycle(): void {
    if (this.retired.size === 0) return;
    const free = [...this.free, ...this.retired];
    this.retired.clear();
    this.generation++;
    while (this.info.length > 1 && this.info.at(-1) === undefined) this.info.pop();
    this.free = free.filter((index) => index < this.info.length).sort((a, b) => b - a);
  }

  /** A peer is at another generation in a family. */
  noteGeneration(index: number, family: Family): void {
    if (!this.hasGonePaths) return;
    const key = generationKey(index, family);
    this.generationsUsed.set(key, (this.generationsUsed.get(key) ?? 0) + 1);
  }

  /** Whether the number of the next generation is not that of a path which is gone. */
  hasGenerationLeft(index: number, family: Family): boolean {
    return (this.generationsUsed.get(generationKey(index, family)) ?? 0) < GENERATIONS - 4;
  }

  /** All rows of paths that are gone have been removed. */
  forgetGonePaths(): void {
    this.hasGonePaths = false;
    this.generationsUsed.clear();
  }

  /** Number of routes received from a peer in a family. */
  receivedFrom(index: number, family: Family): number {
    return this.received[family][index];
  }

  private forgetPolicy(index: number): void {
    const info = this.info[index];
    if (info !== undefined) this.rewrites.unuse(info.importPolicy);
  }

  private grow(capacity: number): void {
    this.routerId = growColumn(this.routerId, capacity);
    this.source = growColumn(this.source, capacity);
    this.rank = growColumn(this.rank, capacity);
    this.received = [growColumn(this.received[0], capacity), growColumn(this.received[1], capacity)];
    this.accepted = [growColumn(this.accepted[0], capacity), growColumn(this.accepted[1], capacity)];
    this.pathGeneration = [growColumn(this.pathGeneration[0], capacity), growColumn(this.pathGeneration[1], capacity)];
    this.keptGeneration = [growColumn(this.keptGeneration[0], capacity), growColumn(this.keptGeneration[1], capacity)];
    this.stale = [growColumn(this.stale[0], capacity), growColumn(this.stale[1], capacity)];
    this.staleAccepted = [growColumn(this.staleAccepted[0], capacity), growColumn(this.staleAccepted[1], capacity)];
  }

  /** Ranks compare as the addresses do, so adding a peer never changes the order among the others. */
  private rankAnew(index: number): void {
    const before = this.keys[index];
    const info = this.info[index];
    const key = info === undefined ? undefined : addressKey(info.address);
    if (key !== undefined && key === before) return;
    this.keys[index] = key;
    let from = this.order.length;
    if (before !== undefined) {
      from = this.firstAfter(before) - 1;
      while (this.order[from].index !== index) from--;
      this.order.splice(from, 1);
    }
    if (key !== undefined) {
      const at = this.firstAfter(key);
      this.order.splice(at, 0, { index, key });
      from = Math.min(from, at);
    }
    for (let rank = from; rank < this.order.length; rank++) this.rank[this.order[rank].index] = rank;
  }

  /** Place in {@link order} of the first peer behind those with this key. */
  private firstAfter(key: string): number {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.order[middle].key > key) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Text that sorts as the address does: by family, then by bytes, then by zone. */
function addressKey(address: string): string {
  const parsed = tryParseAddress(address);
  if (parsed === undefined) return address;
  return `${parsed.family}${Buffer.from(parsed.bytes).toString('hex')}%${parsed.zone ?? ''}`;
}

function generationKey(index: number, family: Family): number {
  return index * 2 + family;
}
