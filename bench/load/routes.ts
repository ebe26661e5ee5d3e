/** Made-up routing tables that look like real ones, and the UPDATE messages that carry them. */
import { encodeAttributes } from '../../test/support/bgp/attributes.ts';
import type { PathAttributes } from '../../test/support/bgp/attributes.ts';
import { HEADER_LENGTH, MAX_MESSAGE_LENGTH, encodeIpv4Announcement } from '../../test/support/bgp/messages.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';

/** IPv4 prefixes, grouped: prefixes `groupStart[g]` up to `groupStart[g + 1]` share one attribute set. */
export interface PrefixTable {
  readonly addresses: Uint32Array;
  readonly lengths: Uint8Array;
  readonly groupStart: Uint32Array;
}

/** Prefix lengths of a full table in per mille, roughly as seen on the Internet. */
const LENGTHS: readonly (readonly [length: number, perMille: number])[] = [
  [24, 600],
  [23, 105],
  [22, 110],
  [21, 55],
  [20, 50],
  [19, 30],
  [18, 15],
  [17, 10],
  [16, 25],
];

function pickLength(random: Random): number {
  let rest = random.below(1000);
  for (const [length, perMille] of LENGTHS) {
    rest -= perMille;
    if (rest < 0) return length;
  }
  return 24;
}

/** Number of /24 in the address space. */
export const SLOTS = 1 << 24;

/** Networks left out: 0/8 (never announced), 10/8 (the link of the benchmark), 127/8 (loopback). */
const RESERVED = new Set([0, 10, 127]);

/** Makes `count` prefixes in `groups` groups. No two begin at the same address, so that an address names one prefix. */
export function makePrefixTable(count: number, groups: number, seed: number): PrefixTable {
  const random = createRandom(seed);
  const used = new Uint8Array(SLOTS);
  const addresses = new Uint32Array(count);
  const lengths = new Uint8Array(count);
  for (let i = 0; i < count;) {
    const length = pickLength(random);
    // The first address of a block of this length below 224.0.0.0, in units of /24.
    const slot = (random.below(224 << 16) >>> (24 - length)) << (24 - length);
    if (used[slot] === 1 || RESERVED.has(slot >>> 16)) continue;
    used[slot] = 1;
    addresses[i] = slot << 8;
    lengths[i++] = length;
  }
  return { addresses, lengths, groupStart: splitIntoGroups(count, groups, random) };
}

/** Groups of at least one prefix; every eighth is large, as origin networks are of different sizes. */
function splitIntoGroups(count: number, groups: number, random: Random): Uint32Array {
  const sizes = new Uint32Array(groups).fill(1);
  for (let left = count - groups; left > 0;) {
    const group = random.chance(0.5) ? random.below(groups) : 8 * random.below(groups >> 3);
    const more = Math.min(left, 1 + random.below(6));
    sizes[group] += more;
    left -= more;
  }
  const start = new Uint32Array(groups + 1);
  for (let group = 0; group < groups; group++) start[group + 1] = start[group] + sizes[group];
  return start;
}

/** What the attribute sets of one feeder have in common. */
export interface FeederStyle {
  readonly seed: number;
  readonly nextHop: string;
  /** What every AS path begins with: the feeder's AS for eBGP, nothing for iBGP. */
  readonly pathStart: readonly number[];
  /** Given for iBGP. */
  readonly localPref?: number;
  /** AS numbers at the end of paths begin here, so that one generation of a table can be told from the next. */
  readonly originBase?: number;
}

/** Number of different origin AS numbers in a table. */
const ORIGIN_ASNS = 70_000;
/** Origin AS numbers of the first generation; the next ones begin {@link GENERATION_STEP} higher. */
export const FIRST_GENERATION = 131_072;
export const GENERATION_STEP = 100_000;

function makeAttributes(style: FeederStyle, random: Random): PathAttributes {
  const transit = Array.from({ length: random.below(4) + (style.pathStart.length === 0 ? 1 : 0) }, () =>
    random.chance(0.8) ? 1000 + random.below(60_000) : 200_000 + random.below(10_000),
  );
  const origin = (style.originBase ?? FIRST_GENERATION) + random.below(ORIGIN_ASNS);
  const community = () => `${1000 + random.below(60_000)}:${random.below(5000)}`;
  return {
    origin: random.chance(0.9) ? 0 : 2,
    asPath: [...style.pathStart, ...transit, origin],
    nextHop: style.nextHop,
    ...(random.chance(0.3) ? { med: random.below(200) } : {}),
    ...(style.localPref === undefined ? {} : { localPref: style.localPref }),
    ...(random.chance(0.5) ? { communities: Array.from({ length: 1 + random.below(6) }, community) } : {}),
    ...(random.chance(0.1) ? { largeCommunities: [`${1000 + random.below(60_000)}:${random.below(100)}:1`] } : {}),
  };
}

/** `count` different attribute sets, encoded with four-octet AS numbers. Paths are 2 to 6 AS numbers long. */
export function makeAttributeSets(count: number, style: FeederStyle): Uint8Array[] {
  const random = createRandom(style.seed);
  const seen = new Set<string>();
  const sets: Uint8Array[] = [];
  while (sets.length < count) {
    const block = encodeAttributes(makeAttributes(style, random));
    const key = Buffer.from(block).toString('latin1');
    if (seen.has(key)) continue;
    seen.add(key);
    sets.push(block);
  }
  return sets;
}

/** Octets of a path identifier (RFC 7911). */
const PATH_ID_LENGTH = 4;

/** NLRI of the prefixes from `from` to before `to`, with `pathId` in front of each where that is given. */
function encodePrefixes(table: PrefixTable, from: number, to: number, pathId?: number): Buffer {
  const nlri = Buffer.alloc((to - from) * (5 + PATH_ID_LENGTH));
  let at = 0;
  for (let i = from; i < to; i++) {
    if (pathId !== undefined) at = nlri.writeUInt32BE(pathId, at);
    const length = table.lengths[i];
    nlri[at] = length;
    nlri.writeUInt32BE(table.addresses[i], at + 1);
    at += 1 + ((length + 7) >> 3);
  }
  return nlri.subarray(0, at);
}

/** One prefix of the table, announced with an attribute set. */
export function encodeOne(table: PrefixTable, prefix: number, attributes: Uint8Array): Buffer {
  return encodeIpv4Announcement(attributes, encodePrefixes(table, prefix, prefix + 1));
}

const CHUNK = 1 << 18;

/** Messages joined to chunks of about 256 KiB, ready to be written. */
export function joinChunks(messages: readonly Uint8Array[]): Buffer[] {
  const chunks: Buffer[] = [];
  let part: Uint8Array[] = [];
  let size = 0;
  for (const message of messages) {
    part.push(message);
    size += message.length;
    if (size < CHUNK) continue;
    chunks.push(Buffer.concat(part));
    part = [];
    size = 0;
  }
  if (part.length > 0) chunks.push(Buffer.concat(part));
  return chunks;
}

/** The groups from `firstGroup` to before `endGroup` as UPDATEs, group g with `sets[g - firstGroup]`; `pathId` as in RFC 7911. */
export function encodeGroups(
  table: PrefixTable,
  sets: readonly Uint8Array[],
  firstGroup = 0,
  endGroup = table.groupStart.length - 1,
  pathId?: number,
): Buffer[] {
  const messages: Buffer[] = [];
  for (let group = firstGroup; group < endGroup; group++) {
    const attributes = sets[group - firstGroup];
    const length = pathId === undefined ? 4 : 5 + PATH_ID_LENGTH;
    const perMessage = Math.floor((MAX_MESSAGE_LENGTH - HEADER_LENGTH - 4 - attributes.length) / length);
    const end = table.groupStart[group + 1];
    for (let from = table.groupStart[group]; from < end; from += perMessage)
      messages.push(
        encodeIpv4Announcement(attributes, encodePrefixes(table, from, Math.min(end, from + perMessage), pathId)),
      );
  }
  return joinChunks(messages);
}
