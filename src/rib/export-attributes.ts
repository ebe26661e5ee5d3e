/**
 * What becomes of path attributes when a route is told to a peer (RFC 4271 §5, RFC 4456 §8): block in, block out, without
 * decoding what passes unchanged.
 */
import {
  AGGREGATOR,
  AIGP,
  AS_PATH,
  ATOMIC_AGGREGATE,
  CLUSTER_LIST,
  COMMUNITIES,
  EXTENDED_COMMUNITIES,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_PARTIAL,
  FLAG_TRANSITIVE,
  IPV6_EXTENDED_COMMUNITIES,
  LARGE_COMMUNITY,
  LOCAL_PREF,
  MP_REACH_NLRI,
  MULTI_EXIT_DISC,
  NEXT_HOP,
  ONLY_TO_CUSTOMER,
  ORIGIN,
  ORIGINATOR_ID,
} from '../bgp/messages/attributes/attribute-codes.ts';
import { isLinkBandwidth } from '../bgp/messages/attributes/extended-communities.ts';
import { AS_SEQUENCE, hasConfederations, withoutConfederations } from '../bgp/messages/attributes/as-path.ts';
import { ByteWriter } from '../bgp/messages/byte-writer.ts';
import { isLinkLocal, writeU32 } from '../net/address.ts';
import { IPV4_UNICAST, afiOf, SAFI_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { toScale } from './local-preference.ts';
import type { LocalPrefScale } from './local-preference.ts';
import { isReflected } from '../route-reflector/reflection.ts';
import type { PeerKind } from '../route-reflector/reflection.ts';
import { isOwn } from './policy.ts';
import type { RouteSource } from './policy.ts';

/** Attributes that pass as they are, to any peer. */
const PASSED: ReadonlySet<number> = new Set([
  ORIGIN,
  ATOMIC_AGGREGATE,
  AGGREGATOR,
  COMMUNITIES,
  LARGE_COMMUNITY,
  ONLY_TO_CUSTOMER,
]);

/** How a group of peers is told routes. */
export interface ExportRules {
  readonly to: PeerKind;
  readonly localAs: number;
  /** `auto`: ours to external peers and for our own routes, else unchanged (RFC 4271 §5.1.3). */
  readonly nextHopMode: 'auto' | 'self' | 'keep';
  /** Our address as next hop, by family; undefined where we have none. */
  readonly selfNextHop: readonly [Uint8Array | undefined, Uint8Array | undefined];
  /** Cluster id put in front of CLUSTER_LIST when reflecting. */
  readonly clusterId: number;
  /** What LOCAL_PREF is to internal peers. */
  readonly localPrefScale: LocalPrefScale;
  /** Metric of normal routes, by family. */
  readonly normalMetric: readonly [number, number];
}

/** Growing buffer for one block. */
export class BlockBuffer {
  bytes = new Uint8Array(1024);
  length = 0;

  /** Makes room for `count` bytes more and returns where they go. */
  extend(count: number): number {
    const at = this.length;
    if (at + count > this.bytes.length) {
      const grown = new Uint8Array((at + count) * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.length = at + count;
    return at;
  }

  copy(from: Uint8Array, start: number, end: number): number {
    const at = this.extend(end - start);
    const { bytes } = this;
    for (let i = start; i < end; i++) bytes[at + i - start] = from[i];
    return at;
  }
}

/** Builds the block told to a group of peers; its buffer is reused. */
export class AttributeExporter {
  readonly out = new BlockBuffer();
  private readonly sets: AttributeSets;
  private readonly rules: ExportRules;
  /** Whether the route at hand is told with another next hop than it came with. */
  private isOtherHop = false;

  constructor(sets: AttributeSets, rules: ExportRules) {
    this.sets = sets;
    this.rules = rules;
  }

  /**
   * Writes the block for a route of `family` with attribute set `set` into {@link out}. `originator` is the BGP identifier
   * of the peer it came from. Returns false if the route can't be told: there is no next hop to give.
   */
  write(set: number, family: Family, source: RouteSource, originator: number): boolean {
    const { sets, rules, out } = this;
    const hop = this.nextHop(set, family);
    if (hop === undefined) return false;
    this.isOtherHop = sets.nextHop[set] !== 0 && hop === rules.selfNextHop[family];
    const block = sets.arena;
    const end = sets.offset[set] + sets.length[set];
    const reflects = isReflected(source, rules.to);
    out.length = 0;
    if (family !== IPV4_UNICAST) writeReachStub(out, family, hop);
    let wanted = NEXT_HOP;
    let at = sets.offset[set];
    while (at < end) {
      const extended = (block[at] & FLAG_EXTENDED_LENGTH) !== 0;
      const value = at + (extended ? 4 : 3);
      const next = value + (extended ? (block[at + 2] << 8) | block[at + 3] : block[at + 2]);
      // What stands for the next hop comes first, whatever its code (RFC 7606 §5.1).
      if (block[at + 1] !== MP_REACH_NLRI) {
        wanted = this.insertUpTo(wanted, block[at + 1], set, family, hop, reflects ? originator : undefined);
      }
      this.copyAttribute(block, at, value, next, source, reflects);
      at = next;
    }
    this.insertUpTo(wanted, 256, set, family, hop, reflects ? originator : undefined);
    return true;
  }

  private nextHop(set: number, family: Family): Uint8Array | undefined {
    const { rules, sets } = this;
    const received = sets.nextHop[set];
    const keeps = rules.nextHopMode === 'keep' || (rules.nextHopMode === 'auto' && rules.to !== 'external');
    const kept = keeps && received !== 0 ? tellable(sets.nextHops.bytes[received], family) : undefined;
    return kept ?? rules.selfNextHop[family];
  }

  /** The LOCAL_PREF told to internal peers: theirs, see `local-preference.ts`. */
  localPref(set: number, family: Family): number {
    const { sets, rules } = this;
    const { localPrefScale: scale, normalMetric } = rules;
    // A plain one of a route from another AS stands beside encoded ones as it is: so Calico's nodes pass it on.
    if (scale === 'metric' && sets.pathLength[set] > 0) return sets.localPref[set];
    return toScale(sets.localPref[set], scale, normalMetric[family]);
  }

  /** Inserts, in the order of their codes, the attributes that must be there with a code below `code`. */
  private insertUpTo(
    wanted: number,
    code: number,
    set: number,
    family: Family,
    hop: Uint8Array,
    originator: number | undefined,
  ): number {
    const { sets, rules, out } = this;
    if (wanted <= NEXT_HOP && code > NEXT_HOP && family === IPV4_UNICAST) {
      out.copy(hop, 0, 4);
      putHeader(out, out.length - 4, FLAG_TRANSITIVE, NEXT_HOP, 4);
    }
    if (wanted <= LOCAL_PREF && code > LOCAL_PREF && rules.to !== 'external') {
      // RFC 4271 §5.1.5: LOCAL_PREF shall be there towards internal peers, and shall not towards external ones.
      putU32Attribute(out, FLAG_TRANSITIVE, LOCAL_PREF, this.localPref(set, family));
    }
    if (originator !== undefined) {
      if (wanted <= ORIGINATOR_ID && code > ORIGINATOR_ID) {
        putU32Attribute(out, FLAG_OPTIONAL, ORIGINATOR_ID, sets.originatorId[set] || originator);
      }
      if (wanted <= CLUSTER_LIST && code > CLUSTER_LIST && sets.clusterListLength[set] === 0) {
        putU32Attribute(out, FLAG_OPTIONAL, CLUSTER_LIST, rules.clusterId);
      }
    }
    return Math.max(wanted, code);
  }

  private copyAttribute(
    block: Uint8Array,
    at: number,
    value: number,
    end: number,
    source: RouteSource,
    reflects: boolean,
  ): void {
    const { rules, out } = this;
    const code = block[at + 1];
    if (PASSED.has(code)) {
      out.copy(block, at, end);
      return;
    }
    switch (code) {
      case AS_PATH:
        if (rules.to !== 'external') out.copy(block, at, end);
        else if (hasConfederations(block, value, end)) this.prependOutside(block, value, end);
        else this.prependAs(block, value, end);
        return;
      case MULTI_EXIT_DISC: // RFC 4271 §5.1.4: not on to other neighbouring ASes
        if (rules.to !== 'external' || isOwn(source)) out.copy(block, at, end);
        return;
      case NEXT_HOP: // inserted
      case LOCAL_PREF:
      case ORIGINATOR_ID:
      case MP_REACH_NLRI:
        return;
      case CLUSTER_LIST:
        if (reflects) prependClusterId(out, block, value, end, rules.clusterId);
        return;
      case EXTENDED_COMMUNITIES:
      case IPV6_EXTENDED_COMMUNITIES:
        this.copyExtended(block, at, value, end);
        return;
      case AIGP: // RFC 7311 §3.1: inside an AIGP administrative domain only
        if (rules.to !== 'external') out.copy(block, at, end);
        return;
      default: // RFC 4271 §9: unknown ones pass if transitive, marked as partial
        if ((block[at] & FLAG_TRANSITIVE) === 0) return;
        out.bytes[out.copy(block, at, end)] |= FLAG_PARTIAL;
    }
  }

  /**
   * RFC 4360 §6, RFC 5701 §2: non-transitive extended communities stay inside the AS. A link bandwidth is that of the next hop
   * it came with (RFC 10005), and says nothing of another one.
   */
  private copyExtended(block: Uint8Array, start: number, value: number, end: number): void {
    const { out, rules } = this;
    const code = block[start + 1];
    const size = code === EXTENDED_COMMUNITIES ? 8 : 20;
    const kept: number[] = [];
    for (let at = value; at + size <= end; at += size) {
      if (rules.to === 'external' && (block[at] & 0x40) !== 0) continue;
      if (this.isOtherHop && code === EXTENDED_COMMUNITIES && isLinkBandwidth(block, at)) continue;
      kept.push(at);
    }
    if (kept.length === 0) return;
    const length = kept.length * size;
    if (length === end - value) {
      out.copy(block, start, end);
      return;
    }
    // RFC 4271 §5: what is marked as partial stays so.
    const flags = FLAG_OPTIONAL | FLAG_TRANSITIVE | (block[start] & FLAG_PARTIAL);
    let to = putHeader(out, out.extend(length), flags, code, length);
    for (const at of kept) {
      out.bytes.set(block.subarray(at, at + size), to);
      to += size;
    }
  }

  /** RFC 5065 §4.1 c: confederation segments, which an internal peer may have sent, are not told outside. */
  private prependOutside(block: Uint8Array, value: number, end: number): void {
    const path = new ByteWriter();
    withoutConfederations(block, value, end, path);
    this.prependAs(path.bytes, 0, path.length);
  }

  /** RFC 4271 §5.1.2 b: our AS goes in front, in the first sequence if that has room. */
  private prependAs(block: Uint8Array, value: number, end: number): void {
    const { out, rules } = this;
    const joins = end > value && block[value] === AS_SEQUENCE && block[value + 1] < 255;
    const length = end - value + (joins ? 4 : 6);
    const at = putHeader(out, out.extend(length), FLAG_TRANSITIVE, AS_PATH, length);
    out.bytes[at] = AS_SEQUENCE;
    out.bytes[at + 1] = joins ? block[value + 1] + 1 : 1;
    writeU32(out.bytes, at + 2, rules.localAs);
    for (let i = joins ? value + 2 : value, to = at + 6; i < end; i++) out.bytes[to++] = block[i];
  }
}

/**
 * What a peer anywhere can make use of in a received next hop, undefined if nothing: not an IPv6 one of an IPv4 route, since
 * RFC 8950 is not negotiated, and of IPv6 ones not the link-local address, which counts on its link only (RFC 2545 §3).
 */
function tellable(hop: Uint8Array, family: Family): Uint8Array | undefined {
  if (family === IPV4_UNICAST) return hop.length === 4 ? hop : undefined;
  const global = hop.subarray(0, 16);
  return isLinkLocal(global) || global.every((byte) => byte === 0) ? undefined : global;
}

/**
 * Puts an attribute header in front of the `length` value bytes at `at`, moving them; returns where they are now.
 */
function putHeader(out: BlockBuffer, at: number, flags: number, code: number, length: number): number {
  const size = length > 255 ? 4 : 3;
  out.extend(size);
  out.bytes.copyWithin(at + size, at, at + length);
  out.bytes[at] = flags | (size === 4 ? FLAG_EXTENDED_LENGTH : 0);
  out.bytes[at + 1] = code;
  if (size === 4) {
    out.bytes[at + 2] = length >> 8;
    out.bytes[at + 3] = length;
  } else out.bytes[at + 2] = length;
  return at + size;
}

function putU32Attribute(out: BlockBuffer, flags: number, code: number, value: number): void {
  const at = putHeader(out, out.extend(4), flags, code, 4);
  writeU32(out.bytes, at, value);
}

/** MP_REACH_NLRI without NLRI (RFC 4760 §3), as the first attribute of a canonical block. */
function writeReachStub(out: BlockBuffer, family: Family, hop: Uint8Array): void {
  const at = putHeader(out, out.extend(5 + hop.length), FLAG_OPTIONAL, MP_REACH_NLRI, 5 + hop.length);
  out.bytes[at] = 0;
  out.bytes[at + 1] = afiOf(family);
  out.bytes[at + 2] = SAFI_UNICAST;
  out.bytes[at + 3] = hop.length;
  out.bytes.set(hop, at + 4);
  out.bytes[at + 4 + hop.length] = 0;
}

/** RFC 4456 §8: the reflector puts its cluster id in front. */
function prependClusterId(out: BlockBuffer, block: Uint8Array, value: number, end: number, clusterId: number): void {
  const length = end - value + 4;
  const at = putHeader(out, out.extend(length), FLAG_OPTIONAL, CLUSTER_LIST, length);
  writeU32(out.bytes, at, clusterId);
  out.bytes.set(block.subarray(value, end), at + 4);
}
