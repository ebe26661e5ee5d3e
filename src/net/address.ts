/**
 * IP addresses at the edges of the daemon: text to bytes and back.
 *
 * Inside, an address is its canonical text (RFC 5952 for IPv6, with `%zone` for link-local scope) or raw bytes; the hot
 * path uses 32-bit words in typed arrays.
 */
import { Address4, Address6 } from 'ip-address';
import { IPV4_UNICAST, IPV6_UNICAST } from './family.ts';
import type { Family } from './family.ts';

/** Text that is no IP address, or no prefix. */
export class AddressError extends Error {
  readonly code = 'ADDRESS_INVALID';
  readonly input: string;

  constructor(input: string, expected: string) {
    super(`"${input}" is not ${expected}`);
    this.name = 'AddressError';
    this.input = input;
  }
}

/** An address in its parsed form. */
export interface ParsedAddress {
  readonly family: Family;
  /** 4 or 16 bytes in network order. */
  readonly bytes: Uint8Array;
  /** Interface name or index of a scoped IPv6 address (RFC 4007), without the `%`. */
  readonly zone: string | undefined;
}

/** Parses an IPv4 or IPv6 address, the latter with an optional `%zone`. Throws {@link AddressError}. */
export function parseAddress(text: string): ParsedAddress {
  const parsed = tryParseAddress(text);
  if (parsed === undefined) throw new AddressError(text, 'an IP address');
  return parsed;
}

/** As {@link parseAddress}, but returns undefined where the text is no address. */
export function tryParseAddress(text: string): ParsedAddress | undefined {
  if (!text.includes(':')) {
    if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text) || !Address4.isValid(text)) return undefined;
    return { family: IPV4_UNICAST, bytes: Uint8Array.from(text.split('.'), Number), zone: undefined };
  }
  const percent = text.indexOf('%');
  const bare = percent < 0 ? text : text.slice(0, percent);
  const zone = percent < 0 ? undefined : text.slice(percent + 1);
  if (zone === '' || bare.includes('/') || !Address6.isValid(bare)) return undefined;
  const raw = new Address6(bare).toByteArray();
  const bytes = new Uint8Array(16);
  bytes.set(raw.slice(-16), 16 - Math.min(16, raw.length));
  return { family: IPV6_UNICAST, bytes, zone };
}

/** Canonical text of an address: what the daemon uses as its identity. Throws {@link AddressError}. */
export function canonicalAddress(text: string): string {
  const { bytes, zone } = parseAddress(text);
  const canonical = formatAddress(bytes);
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

/** Canonical text of the address in `bytes[offset, offset + length)`; `length` is 4 or 16. */
export function formatAddress(bytes: Uint8Array, offset = 0, length = bytes.length): string {
  if (length === 4) {
    return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
  }
  return Address6.fromByteArray([...bytes.subarray(offset, offset + 16)]).correctForm();
}

/** Dotted text of a 32-bit number, as router ids, originator ids and IPv4 addresses are written. */
export function formatU32(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The 32-bit number of a dotted IPv4 address. Throws {@link AddressError}. */
export function parseU32(text: string): number {
  const { family, bytes } = parseAddress(text);
  if (family !== IPV4_UNICAST) throw new AddressError(text, 'an IPv4 address');
  return readU32(bytes, 0);
}

/** Reads four bytes in network order as an unsigned number. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]) >>> 0;
}

/** Writes an unsigned number as four bytes in network order. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Whether an address is IPv6 link-local (fe80::/10), which means nothing without an interface. */
export function isLinkLocal(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80;
}
