/**
 * The peers as the RIB sees them: dense numbers with what best-path selection compares in columns.
 */
import type { Family } from '../net/family.ts';
import { tryParseAddress } from '../net/address.ts';
import type { RoutePolicy, RouteSource } from './policy.ts';
import { SOURCE_LOCAL } from './policy.ts';

/** Index of the pseudo-peer that this router's own routes come from. */
export const LOCAL_PEER = 0;

/** Highest number of peers; peer indexes are kept in 16 bits. */
export const MAX_PEERS = 65_534;

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

/** Registered peers by index. */
export class Peers {
  /** By index; undefined for indexes not in use. */
  readonly info: (PeerInfo | undefined)[] = [];
  /** BGP identifier, by index. */
  readonly routerId = new Uint32Array(MAX_PEERS + 1);
  /** {@link RouteSource}, by index. */
  readonly source = new Uint8Array(MAX_PEERS + 1);
  /** Position of the peer's address among all peers' addresses, IPv4 first, by index. */
  readonly rank = new Uint16Array(MAX_PEERS + 1);
  /** Routes in Adj-RIB-In, per family, by index. */
  readonly received: readonly [Uint32Array, Uint32Array] = [
    new Uint32Array(MAX_PEERS + 1),
    new Uint32Array(MAX_PEERS + 1),
  ];
  /** Of those, the ones that import let through, per family, by index. */
  readonly accepted: readonly [Uint32Array, Uint32Array] = [
    new Uint32Array(MAX_PEERS + 1),
    new Uint32Array(MAX_PEERS + 1),
  ];

  constructor(local: PeerInfo) {
    this.info.push(local);
    this.source[LOCAL_PEER] = SOURCE_LOCAL;
    this.routerId[LOCAL_PEER] = local.routerId;
  }

  /** Registers a peer and gives it the lowest free index. Throws RangeError beyond {@link MAX_PEERS}. */
  add(info: PeerInfo): number {
    let index = this.info.indexOf(undefined);
    if (index < 0) index = this.info.length;
    if (index > MAX_PEERS) throw new RangeError(`more than ${MAX_PEERS} peers`);
    this.set(index, info);
    return index;
  }

  /** Replaces what is known of a peer: another policy, say. */
  set(index: number, info: PeerInfo): void {
    this.info[index] = info;
    this.routerId[index] = info.routerId;
    this.source[index] = info.source;
    this.rankAll();
  }

  /** Frees an index that no path refers to any more. */
  remove(index: number): void {
    this.info[index] = undefined;
    while (this.info.length > 1 && this.info.at(-1) === undefined) this.info.pop();
  }

  /** Number of routes received from a peer in a family. */
  receivedFrom(index: number, family: Family): number {
    return this.received[family][index];
  }

  /** Ranks compare as the addresses do, so adding a peer never changes the order among the others. */
  private rankAll(): void {
    const keyed = this.info.flatMap((info, index) =>
      info === undefined || index === LOCAL_PEER ? [] : [{ index, key: addressKey(info.address) }],
    );
    keyed.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
    for (const [rank, { index }] of keyed.entries()) this.rank[index] = rank;
  }
}

/** Text that sorts as the address does: by family, then by bytes, then by zone. */
function addressKey(address: string): string {
  const parsed = tryParseAddress(address);
  if (parsed === undefined) return address;
  return `${parsed.family}${Buffer.from(parsed.bytes).toString('hex')}%${parsed.zone ?? ''}`;
}
