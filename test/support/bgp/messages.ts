/** BGP messages as a test writes and reads them. Written apart from `src/`, so that it can judge what `src/` does. */
import {
  MP_REACH_NLRI,
  MP_UNREACH_NLRI,
  addressFromBytes,
  addressToBytes,
  decodeAttributes,
  eachAttribute,
  encodeAttribute,
} from './attributes.ts';
import type { PathAttributes } from './attributes.ts';

export const HEADER_LENGTH = 19;
export const MAX_MESSAGE_LENGTH = 4096;
export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const KEEPALIVE = 4;

export type FamilyName = 'ipv4' | 'ipv6';

const AFI: Readonly<Record<FamilyName, number>> = { ipv4: 1, ipv6: 2 };
const AS_TRANS = 23456;
const UNICAST = 1;

/** A message: header and body (RFC 4271 section 4.1). */
export function encodeMessage(type: number, ...body: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH, 255);
  header.writeUInt16BE(
    body.reduce((length, part) => length + part.length, HEADER_LENGTH),
    16,
  );
  header[18] = type;
  return Buffer.concat([header, ...body]);
}

/** What an OPEN says. */
export interface OpenParameters {
  readonly asn: number;
  /** Seconds. */
  readonly holdTime: number;
  readonly routerId: string;
  readonly families: readonly FamilyName[];
  /** Whether to announce the four-octet AS capability (RFC 6793); true when left out. */
  readonly fourOctetAs?: boolean;
  /** Whether to offer ADD-PATH in both directions for all families (RFC 7911); false when left out. */
  readonly addPaths?: boolean;
  /** Whether to announce graceful restart for all families (RFC 4724); false when left out. */
  readonly gracefulRestart?: boolean;
}

/** A restart time of two minutes (RFC 4724 section 3), and the bit that says that forwarding goes on. */
const RESTART_TIME = 120;
const FORWARDING = 0x80;

/** An OPEN with the capabilities multiprotocol, route refresh and what is asked for. */
export function encodeOpen(parameters: OpenParameters): Buffer {
  const {
    asn,
    holdTime,
    routerId,
    families,
    fourOctetAs = true,
    addPaths = false,
    gracefulRestart = false,
  } = parameters;
  const capabilities = families.flatMap((family) => [1, 4, 0, AFI[family], 0, UNICAST]).concat([2, 0]);
  if (fourOctetAs) capabilities.push(65, 4, asn >>> 24, (asn >>> 16) & 255, (asn >>> 8) & 255, asn & 255);
  if (addPaths) {
    const both = families.flatMap((family) => [0, AFI[family], UNICAST, 3]);
    capabilities.push(69, both.length, ...both);
  }
  if (gracefulRestart) {
    const kept = families.flatMap((family) => [0, AFI[family], UNICAST, FORWARDING]);
    capabilities.push(64, 2 + kept.length, 0, RESTART_TIME, ...kept);
  }
  const as2 = asn > 65535 ? AS_TRANS : asn;
  return encodeMessage(
    OPEN,
    Uint8Array.of(4, as2 >> 8, as2 & 255, holdTime >> 8, holdTime & 255, ...addressToBytes(routerId)),
    Uint8Array.of(capabilities.length + 2, 2, capabilities.length, ...capabilities),
  );
}

/** A KEEPALIVE. */
export function encodeKeepalive(): Buffer {
  return encodeMessage(KEEPALIVE);
}

/** Prefixes as NLRI bytes. */
export function encodeNlri(prefixes: readonly string[]): number[] {
  return prefixes.flatMap((prefix) => {
    const [address, length] = prefix.split('/');
    return [Number(length), ...addressToBytes(address).slice(0, (Number(length) + 7) >> 3)];
  });
}

/** An UPDATE that announces IPv4 `nlri` (already encoded) with `attributes` (already encoded). */
export function encodeIpv4Announcement(attributes: Uint8Array, nlri: Uint8Array): Buffer {
  return encodeMessage(UPDATE, Uint8Array.of(0, 0, attributes.length >> 8, attributes.length & 255), attributes, nlri);
}

/** An UPDATE that announces IPv6 prefixes; MP_REACH_NLRI comes first (RFC 7606 section 5.1). */
export function encodeIpv6Announcement(attributes: Uint8Array, nextHop: string, prefixes: readonly string[]): Buffer {
  const reach = [0, AFI.ipv6, UNICAST, 16, ...addressToBytes(nextHop), 0, ...encodeNlri(prefixes)];
  const block = [...encodeAttribute(0x80, MP_REACH_NLRI, reach), ...attributes];
  return encodeIpv4Announcement(Uint8Array.from(block), new Uint8Array(0));
}

/** An UPDATE that withdraws prefixes of one family. */
export function encodeWithdrawal(family: FamilyName, prefixes: readonly string[]): Buffer {
  const nlri = encodeNlri(prefixes);
  if (family === 'ipv4')
    return encodeMessage(UPDATE, Uint8Array.of(nlri.length >> 8, nlri.length & 255, ...nlri, 0, 0));
  const attribute = encodeAttribute(0x80, MP_UNREACH_NLRI, [0, AFI.ipv6, UNICAST, ...nlri]);
  return encodeIpv4Announcement(Uint8Array.from(attribute), new Uint8Array(0));
}

/** A decoded UPDATE. */
export interface DecodedUpdate {
  readonly withdrawn: readonly string[];
  readonly announced: readonly string[];
  /** The next hop of MP_REACH_NLRI stands in `nextHop` where there is one. */
  readonly attributes: PathAttributes;
}

function decodeNlri(bytes: Buffer, family: FamilyName): string[] {
  const prefixes: string[] = [];
  const address = Buffer.alloc(family === 'ipv4' ? 4 : 16);
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at];
    const octets = (length + 7) >> 3;
    address.fill(0);
    bytes.copy(address, 0, at + 1, at + 1 + octets);
    prefixes.push(`${addressFromBytes(address)}/${length}`);
    at += 1 + octets;
  }
  return prefixes;
}

function familyOf(afi: number): FamilyName {
  return afi === AFI.ipv6 ? 'ipv6' : 'ipv4';
}

/** Decodes the body of an UPDATE (without the header). */
export function decodeUpdate(body: Buffer, asOctets: 2 | 4 = 4): DecodedUpdate {
  const withdrawnEnd = 2 + body.readUInt16BE(0);
  const attributesEnd = withdrawnEnd + 2 + body.readUInt16BE(withdrawnEnd);
  const block = body.subarray(withdrawnEnd + 2, attributesEnd);
  const withdrawn = decodeNlri(body.subarray(2, withdrawnEnd), 'ipv4');
  const announced = decodeNlri(body.subarray(attributesEnd), 'ipv4');
  let nextHop: string | undefined;
  eachAttribute(block, (_flags, code, value) => {
    if (code === MP_UNREACH_NLRI) withdrawn.push(...decodeNlri(value.subarray(3), familyOf(value.readUInt16BE(0))));
    if (code !== MP_REACH_NLRI) return;
    const family = familyOf(value.readUInt16BE(0));
    // A link-local address may follow the global one (RFC 2545 section 3).
    nextHop = addressFromBytes(value.subarray(4, 4 + (family === 'ipv6' ? 16 : 4)));
    announced.push(...decodeNlri(value.subarray(5 + value[3]), family));
  });
  const attributes = decodeAttributes(block, asOctets);
  return { withdrawn, announced, attributes: nextHop === undefined ? attributes : { ...attributes, nextHop } };
}
