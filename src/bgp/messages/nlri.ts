/**
 * Prefixes on the wire (RFC 4271 §4.3, RFC 4760 §5), with path identifiers where ADD-PATH was negotiated (RFC 7911 §3).
 */
import { IPV4_UNICAST, addressBits } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { BgpError } from './error.ts';
import { ERROR_UPDATE, UPDATE_INVALID_NETWORK_FIELD } from './notification-codes.ts';

/** Octets of a path identifier. */
export const PATH_ID_LENGTH = 4;

/**
 * Number of prefixes in `buffer[start, end)`; the whole range is checked, so that a reader after it need not.
 * Throws {@link BgpError} 3/10 where a prefix is longer than its family allows or is cut (RFC 7606 §5.3).
 */
export function countNlri(buffer: Uint8Array, start: number, end: number, family: Family, addPath: boolean): number {
  const maxBits = addressBits(family);
  const before = addPath ? PATH_ID_LENGTH : 0;
  let count = 0;
  let at = start;
  while (at < end) {
    at += before;
    if (at >= end) throw invalidNetwork('a path identifier without a prefix');
    const bits = buffer[at];
    if (bits > maxBits) throw invalidNetwork(`a prefix of ${bits} bits`);
    at += 1 + ((bits + 7) >> 3);
    count++;
  }
  if (at > end) throw invalidNetwork('a prefix that is cut');
  return count;
}

/** RFC 4271 §6.3: Invalid Network Field. */
function invalidNetwork(what: string): BgpError {
  return new BgpError(ERROR_UPDATE, UPDATE_INVALID_NETWORK_FIELD, `the NLRI of an UPDATE hold ${what}`);
}

/**
 * Writes a prefix, given as the words of `Prefix` with host bits zero, to `out[offset…]`; returns the offset after it.
 * Takes at most 17 bytes.
 */
export function writeNlri(
  out: Uint8Array,
  offset: number,
  family: Family,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  length: number,
): number {
  out[offset] = length;
  const bytes = (length + 7) >> 3;
  let at = offset + 1;
  if (family === IPV4_UNICAST) {
    for (let i = 0; i < bytes; i++) out[at++] = a0 >>> (24 - i * 8);
    return at;
  }
  for (let i = 0; i < bytes; i++) {
    const word = i < 4 ? a0 : i < 8 ? a1 : i < 12 ? a2 : a3;
    out[at++] = word >>> (24 - (i & 3) * 8);
  }
  return at;
}
