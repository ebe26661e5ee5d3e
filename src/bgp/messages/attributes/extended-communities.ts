/**
 * EXTENDED COMMUNITIES (RFC 4360, RFC 5668) and those of RFC 5701.
 */
import { formatAddress, formatU32, readU32 } from '../../../net/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readU16, toHex } from '../bytes.ts';
import { AS_TRANS } from './attribute-codes.ts';

/** Eight bytes as two 32-bit numbers. */
export interface ExtendedCommunity {
  readonly high: number;
  readonly low: number;
}

/** Reads the eight bytes at `at`. */
export function readExtendedCommunity(bytes: Uint8Array, at: number): ExtendedCommunity {
  return { high: readU32(bytes, at), low: readU32(bytes, at + 4) };
}

/** Appends the eight bytes of a community. */
export function writeExtendedCommunity({ high, low }: ExtendedCommunity, out: ByteWriter): void {
  out.u32(high);
  out.u32(low);
}

/** Types without the bit that makes them non-transitive (RFC 4360 §2). */
const TYPE_TWO_OCTET_AS = 0;
const TYPE_IPV4_ADDRESS = 1;
const TYPE_FOUR_OCTET_AS = 2;
const TYPE_MASK = 0xbf;
const NON_TRANSITIVE = 0x40;

const LINK_BANDWIDTH = 4;
/** Names of the subtypes that all types share. */
const SUBTYPE_NAMES: Readonly<Record<number, string>> = { 2: 'rt', 3: 'soo' };

/**
 * An extended community as text: `rt:65001:100`, `soo:192.0.2.1:7`, `link-bandwidth:65001:125000000` (bytes per second), or
 * its bytes in hexadecimal.
 */
export function formatExtendedCommunity({ high, low }: ExtendedCommunity): string {
  const type = (high >>> 24) & TYPE_MASK;
  const subtype = (high >>> 16) & 0xff;
  if (type === TYPE_TWO_OCTET_AS && subtype === LINK_BANDWIDTH) {
    return `link-bandwidth:${high & 0xffff}:${float32(low)}`;
  }
  const name = SUBTYPE_NAMES[subtype];
  if (name !== undefined && type === TYPE_TWO_OCTET_AS) return `${name}:${high & 0xffff}:${low}`;
  const address = ((high << 16) | (low >>> 16)) >>> 0;
  if (name !== undefined && type === TYPE_IPV4_ADDRESS) return `${name}:${formatU32(address)}:${low & 0xffff}`;
  if (name !== undefined && type === TYPE_FOUR_OCTET_AS) return `${name}:${address}:${low & 0xffff}`;
  return `0x${hex32(high)}${hex32(low)}`;
}

/** An IPv6-address-specific one (RFC 5701 §2, 20 bytes) as text: `rt:2001:db8::1:100`, or in hexadecimal. */
export function formatIpv6ExtendedCommunity(bytes: Uint8Array): string {
  const name = SUBTYPE_NAMES[bytes[1]];
  if (name === undefined || (bytes[0] & TYPE_MASK) !== 0) return `0x${toHex(bytes)}`;
  return `${name}:${formatAddress(bytes, 2, 16)}:${readU16(bytes, 18)}`;
}

/**
 * The link bandwidth community (RFC 10005): `bytesPerSecond` as a 32-bit float. It names an AS in two octets, AS_TRANS in
 * place of one that does not fit (RFC 6793 §9). One that is not transitive stays inside the AS.
 */
export function linkBandwidth(asn: number, bytesPerSecond: number, transitive: boolean): ExtendedCommunity {
  const type = TYPE_TWO_OCTET_AS | (transitive ? 0 : NON_TRANSITIVE);
  const [low] = new Uint32Array(Float32Array.of(bytesPerSecond).buffer);
  return { high: ((type << 24) | (LINK_BANDWIDTH << 16) | (asn > 0xffff ? AS_TRANS : asn)) >>> 0, low };
}

/**
 * The bandwidth that a list of communities `bytes[start, end)` gives, in bytes per second: the lowest of several, transitive or
 * not. -1 where none gives one; what is no number from 0 on says nothing (RFC 10005). Allocates nothing.
 */
export function readLinkBandwidth(bytes: Uint8Array, start: number, end: number): number {
  let lowest = -1;
  for (let at = start; at + 8 <= end; at += 8) {
    if (!isLinkBandwidth(bytes, at)) continue;
    const bandwidth = float32(readU32(bytes, at + 4));
    if (bandwidth >= 0 && bandwidth < Infinity && (lowest < 0 || bandwidth < lowest)) lowest = bandwidth;
  }
  return lowest;
}

/** Whether the community at `at` gives a link bandwidth, transitive or not. */
export function isLinkBandwidth(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] & TYPE_MASK) === TYPE_TWO_OCTET_AS && bytes[at + 1] === LINK_BANDWIDTH;
}

/** The IEEE 754 number with these 32 bits. */
function float32(bits: number): number {
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7f_ffff;
  const sign = bits >>> 31 === 0 ? 1 : -1;
  if (exponent === 0xff) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -149 : (mantissa + 0x80_0000) * 2 ** (exponent - 150));
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
