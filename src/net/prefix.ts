/**
 * IP prefixes at the edges of the daemon. The hot path holds a prefix as four 32-bit words and a length, or as an id of
 * a prefix table; this is the form for configuration, the API and tests.
 */
import { AddressError, formatAddress, readU32, tryParseAddress, writeU32 } from './address.ts';
import { IPV4_UNICAST, addressBits, addressBytes } from './family.ts';
import type { Family } from './family.ts';

/** A prefix as numbers: `words[0]` is the whole address for IPv4, all four are used for IPv6. Host bits are zero. */
export interface Prefix {
  readonly family: Family;
  readonly words: readonly [number, number, number, number];
  readonly length: number;
}

/**
 * Parses `address/length`; a bare address is a host prefix. Host bits are cleared.
 * Throws {@link AddressError} for anything else.
 */
export function parsePrefix(text: string): Prefix {
  const prefix = tryParsePrefix(text);
  if (prefix === undefined) throw new AddressError(text, 'an IP prefix');
  return prefix;
}

/** As {@link parsePrefix}, but returns undefined where the text is no prefix. */
export function tryParsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = tryParseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined || address.zone !== undefined) return undefined;
  const bits = addressBits(address.family);
  const lengthText = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bits) return undefined;
  return prefixFromBytes(address.family, address.bytes, Number(lengthText));
}

/** The prefix of `length` bits that starts the address in `bytes` (4 or 16 bytes). */
export function prefixFromBytes(family: Family, bytes: Uint8Array, length: number): Prefix {
  const words: [number, number, number, number] = [0, 0, 0, 0];
  for (let i = 0; i < bytes.length >> 2; i++) words[i] = (readU32(bytes, i * 4) & wordMask(length - i * 32)) >>> 0;
  return { family, words, length };
}

/** Mask that keeps the first `bits` bits of a 32-bit word; any number may be given. */
export function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** Canonical text, `address/length`. */
export function formatPrefix(prefix: Prefix): string {
  const [a0, a1, a2, a3] = prefix.words;
  return formatPrefixWords(prefix.family, a0, a1, a2, a3, prefix.length);
}

/** Canonical text of a prefix given as words. */
export function formatPrefixWords(
  family: Family,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  length: number,
): string {
  return `${formatAddress(prefixBytes(family, a0, a1, a2, a3))}/${length}`;
}

/** The address of a prefix as 4 or 16 bytes in network order. */
export function prefixBytes(family: Family, a0: number, a1: number, a2: number, a3: number): Uint8Array {
  const bytes = new Uint8Array(addressBytes(family));
  writeU32(bytes, 0, a0);
  if (family === IPV4_UNICAST) return bytes;
  writeU32(bytes, 4, a1);
  writeU32(bytes, 8, a2);
  writeU32(bytes, 12, a3);
  return bytes;
}

/** Whether `inner` is equal to `outer` or lies within it. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  for (let i = 0; i < 4; i++) {
    if (((outer.words[i] ^ inner.words[i]) & wordMask(outer.length - i * 32)) !== 0) return false;
  }
  return true;
}
