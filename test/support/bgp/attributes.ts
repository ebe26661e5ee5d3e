/** Path attributes as a test writes and reads them. Written apart from `src/`, so that it can judge what `src/` does. */
import { Address4, Address6 } from 'ip-address';

/** An attribute kept as bytes. `value` is hexadecimal. */
export interface RawAttribute {
  readonly flags: number;
  readonly code: number;
  readonly value: string;
}

/** The path attributes of a route. What is left out is absent on the wire. */
export interface PathAttributes {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin?: number;
  /** AS_SEQUENCE as numbers; an AS_SET as a nested array. */
  readonly asPath?: readonly (number | readonly number[])[];
  /** NEXT_HOP, or the next hop of MP_REACH_NLRI for an IPv6 address. */
  readonly nextHop?: string;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: boolean;
  readonly aggregator?: { readonly asn: number; readonly address: string };
  /** `65001:1` */
  readonly communities?: readonly string[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  /** Eight bytes each, hexadecimal. */
  readonly extendedCommunities?: readonly string[];
  /** `65001:1:2` */
  readonly largeCommunities?: readonly string[];
  /** Everything else. */
  readonly others?: readonly RawAttribute[];
}

const ORIGIN = 1;
const AS_PATH = 2;
const NEXT_HOP = 3;
const MULTI_EXIT_DISC = 4;
const LOCAL_PREF = 5;
const ATOMIC_AGGREGATE = 6;
const AGGREGATOR = 7;
const COMMUNITIES = 8;
const ORIGINATOR_ID = 9;
const CLUSTER_LIST = 10;
export const MP_REACH_NLRI = 14;
export const MP_UNREACH_NLRI = 15;
const EXTENDED_COMMUNITIES = 16;
const LARGE_COMMUNITIES = 32;

const WELL_KNOWN = 0x40;
const OPTIONAL = 0x80;
const OPTIONAL_TRANSITIVE = 0xc0;
const EXTENDED_LENGTH = 0x10;

const AS_SET = 1;
const AS_SEQUENCE = 2;

/** The bytes of an address: 4 or 16. */
export function addressToBytes(address: string): number[] {
  return address.includes(':') ? new Address6(address).toByteArray() : new Address4(address).toArray();
}

/** An address from its 4 or 16 bytes; IPv6 in the form of RFC 5952. */
export function addressFromBytes(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : Address6.fromByteArray([...bytes]).correctForm();
}

function u32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** One attribute with its header; the extended length is used where needed. */
export function encodeAttribute(flags: number, code: number, value: readonly number[]): number[] {
  if (value.length > 255) return [flags | EXTENDED_LENGTH, code, value.length >> 8, value.length & 255, ...value];
  return [flags, code, value.length, ...value];
}

function encodeAsn(asn: number, octets: 2 | 4): number[] {
  return octets === 4 ? u32(asn) : [(asn >> 8) & 255, asn & 255];
}

function encodeAsPath(path: readonly (number | readonly number[])[], octets: 2 | 4): number[] {
  const bytes: number[] = [];
  let sequence: number[] = [];
  const segment = (type: number, asns: readonly number[]) => {
    if (asns.length > 0) bytes.push(type, asns.length, ...asns.flatMap((asn) => encodeAsn(asn, octets)));
  };
  for (const hop of path) {
    if (typeof hop === 'number') {
      sequence.push(hop);
      continue;
    }
    segment(AS_SEQUENCE, sequence);
    sequence = [];
    segment(AS_SET, hop);
  }
  segment(AS_SEQUENCE, sequence);
  return bytes;
}

/** The attributes of an UPDATE in ascending order of their codes, without MP_REACH_NLRI. */
export function encodeAttributes(attributes: PathAttributes, asOctets: 2 | 4 = 4): Uint8Array {
  const out: [number, number[]][] = [];
  const add = (flags: number, code: number, value: readonly number[]) =>
    out.push([code, encodeAttribute(flags, code, value)]);
  const { origin, asPath, nextHop, med, localPref, aggregator } = attributes;
  if (origin !== undefined) add(WELL_KNOWN, ORIGIN, [origin]);
  if (asPath !== undefined) add(WELL_KNOWN, AS_PATH, encodeAsPath(asPath, asOctets));
  if (nextHop !== undefined && !nextHop.includes(':')) add(WELL_KNOWN, NEXT_HOP, addressToBytes(nextHop));
  if (med !== undefined) add(OPTIONAL, MULTI_EXIT_DISC, u32(med));
  if (localPref !== undefined) add(WELL_KNOWN, LOCAL_PREF, u32(localPref));
  if (attributes.atomicAggregate === true) add(WELL_KNOWN, ATOMIC_AGGREGATE, []);
  if (aggregator !== undefined)
    add(OPTIONAL_TRANSITIVE, AGGREGATOR, [
      ...encodeAsn(aggregator.asn, asOctets),
      ...addressToBytes(aggregator.address),
    ]);
  addCommunities(attributes, add);
  for (const other of attributes.others ?? []) add(other.flags, other.code, [...Buffer.from(other.value, 'hex')]);
  out.sort(([a], [b]) => a - b);
  return Uint8Array.from(out.flatMap(([, bytes]) => bytes));
}

function addCommunities(
  attributes: PathAttributes,
  add: (flags: number, code: number, value: readonly number[]) => void,
): void {
  const { communities, originatorId, clusterList, extendedCommunities, largeCommunities } = attributes;
  const numbers = (text: string) => text.split(':').map(Number);
  if (communities !== undefined) {
    const value = communities.flatMap((text) => numbers(text).flatMap((part) => [part >> 8, part & 255]));
    add(OPTIONAL_TRANSITIVE, COMMUNITIES, value);
  }
  if (originatorId !== undefined) add(OPTIONAL, ORIGINATOR_ID, addressToBytes(originatorId));
  if (clusterList !== undefined) add(OPTIONAL, CLUSTER_LIST, clusterList.flatMap(addressToBytes));
  if (extendedCommunities !== undefined)
    add(OPTIONAL_TRANSITIVE, EXTENDED_COMMUNITIES, [...Buffer.from(extendedCommunities.join(''), 'hex')]);
  if (largeCommunities !== undefined)
    add(
      OPTIONAL_TRANSITIVE,
      LARGE_COMMUNITIES,
      largeCommunities.flatMap((text) => numbers(text).flatMap(u32)),
    );
}

/** Walks the attributes in `block`, calling `visit` with each one's flags, code and value. */
export function eachAttribute(block: Buffer, visit: (flags: number, code: number, value: Buffer) => void): void {
  let at = 0;
  while (at < block.length) {
    const flags = block[at];
    const long = (flags & EXTENDED_LENGTH) !== 0;
    const length = long ? block.readUInt16BE(at + 2) : block[at + 2];
    const start = at + (long ? 4 : 3);
    visit(flags, block[at + 1], block.subarray(start, start + length));
    at = start + length;
  }
}

function decodeAsPath(value: Buffer, octets: 2 | 4): (number | number[])[] {
  const path: (number | number[])[] = [];
  let at = 0;
  while (at < value.length) {
    const asns: number[] = [];
    for (let i = 0; i < value[at + 1]; i++) asns.push(value.readUIntBE(at + 2 + i * octets, octets));
    if (value[at] === AS_SET) path.push(asns);
    else path.push(...asns);
    at += 2 + asns.length * octets;
  }
  return path;
}

function chunks(value: Buffer, size: number): Buffer[] {
  return Array.from({ length: value.length / size }, (_, i) => value.subarray(i * size, (i + 1) * size));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** How each attribute is read; what is not here is kept as bytes. */
const DECODERS: Readonly<Record<number, (into: Mutable<PathAttributes>, value: Buffer, asOctets: 2 | 4) => void>> = {
  [ORIGIN]: (into, value) => void (into.origin = value[0]),
  [AS_PATH]: (into, value, octets) => void (into.asPath = decodeAsPath(value, octets)),
  [NEXT_HOP]: (into, value) => void (into.nextHop = addressFromBytes(value)),
  [MULTI_EXIT_DISC]: (into, value) => void (into.med = value.readUInt32BE(0)),
  [LOCAL_PREF]: (into, value) => void (into.localPref = value.readUInt32BE(0)),
  [ATOMIC_AGGREGATE]: (into) => void (into.atomicAggregate = true),
  [AGGREGATOR]: (into, value, octets) => {
    into.aggregator = { asn: value.readUIntBE(0, octets), address: addressFromBytes(value.subarray(octets)) };
  },
  [COMMUNITIES]: (into, value) => {
    into.communities = chunks(value, 4).map((part) => `${part.readUInt16BE(0)}:${part.readUInt16BE(2)}`);
  },
  [ORIGINATOR_ID]: (into, value) => void (into.originatorId = addressFromBytes(value)),
  [CLUSTER_LIST]: (into, value) => void (into.clusterList = chunks(value, 4).map(addressFromBytes)),
  [EXTENDED_COMMUNITIES]: (into, value) => {
    into.extendedCommunities = chunks(value, 8).map((part) => part.toString('hex'));
  },
  [LARGE_COMMUNITIES]: (into, value) => {
    into.largeCommunities = chunks(value, 12).map((part) => [0, 4, 8].map((at) => part.readUInt32BE(at)).join(':'));
  },
};

/** The attributes in `block`, without MP_REACH_NLRI and MP_UNREACH_NLRI. */
export function decodeAttributes(block: Buffer, asOctets: 2 | 4 = 4): PathAttributes {
  const into: Mutable<PathAttributes> = {};
  const others: RawAttribute[] = [];
  eachAttribute(block, (flags, code, value) => {
    if (code === MP_REACH_NLRI || code === MP_UNREACH_NLRI) return;
    const decode = DECODERS[code];
    if (decode !== undefined) decode(into, value, asOctets);
    else others.push({ flags: flags & ~EXTENDED_LENGTH, code, value: value.toString('hex') });
  });
  if (others.length > 0) into.others = others;
  return into;
}
