/**
 * NEXT_HOP (RFC 4271 §5.1.3) and the next hop of MP_REACH_NLRI (RFC 4760 §3, RFC 2545 §3, RFC 8950 §3).
 */
import { formatAddress, isLinkLocal } from '../../../net/address.ts';
import { IPV4_UNICAST } from '../../../net/family.ts';
import type { Family } from '../../../net/family.ts';

/**
 * Whether a next hop of this many bytes may stand in MP_REACH_NLRI of a family: 4 for IPv4; 16, or 32 with a link-local
 * address, for IPv6, and for IPv4 over IPv6 next hops (RFC 8950 §3).
 */
export function isNextHopLength(family: Family, length: number): boolean {
  return length === 16 || length === 32 || (length === 4 && family === IPV4_UNICAST);
}

/**
 * What is wrong with the address `bytes[start, start + length)` as a next hop, in words, or undefined. Length is 4, 16 or 32.
 * RFC 4271 §6.3: it must be a valid host address. Of a pair the first one may be `::`: so BIRD writes it where it has a
 * link-local address only.
 */
export function checkNextHopAddress(bytes: Uint8Array, start: number, length: number): string | undefined {
  const valid =
    length === 4
      ? isHostAddress4(bytes[start])
      : isHostAddress6(bytes, start) || (length === 32 && isLinkLocalBehindNone(bytes, start));
  return valid ? undefined : `${formatAddress(bytes, start, length === 4 ? 4 : 16)} is no host address`;
}

/** Not 0/8, 127/8, multicast or reserved. */
function isHostAddress4(first: number): boolean {
  return first !== 0 && first !== 127 && first < 224;
}

/** Not `::`, `::1` or multicast. */
function isHostAddress6(bytes: Uint8Array, start: number): boolean {
  if (bytes[start] === 0xff) return false;
  for (let i = 0; i < 15; i++) {
    if (bytes[start + i] !== 0) return true;
  }
  return bytes[start + 15] > 1;
}

function isLinkLocalBehindNone(bytes: Uint8Array, start: number): boolean {
  const second = start + 16;
  return bytes.subarray(start, second).every((byte) => byte === 0) && isLinkLocal(bytes.subarray(second, second + 16));
}
