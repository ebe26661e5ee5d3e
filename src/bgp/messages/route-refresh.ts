/**
 * ROUTE-REFRESH (RFC 2918, RFC 7313).
 */
import { BgpError } from './error.ts';
import { ERROR_ROUTE_REFRESH, ROUTE_REFRESH_INVALID_LENGTH } from './notification-codes.ts';
import { HEADER_LENGTH, MESSAGE_ROUTE_REFRESH, badLength, encodeMessage } from './framing.ts';

/** Subtypes, RFC 7313 §3.2. */
export const REFRESH_REQUEST = 0;
export const REFRESH_BEGIN = 1;
export const REFRESH_END = 2;

const BODY_LENGTH = 4;

/** A ROUTE-REFRESH as received. A subtype other than those of RFC 7313 is to be ignored (§5). */
export interface RouteRefresh {
  readonly afi: number;
  readonly safi: number;
  readonly subtype: number;
}

/**
 * Decodes the body `buffer[start, end)`.
 * Throws {@link BgpError} 7/1 with the message for a bad length of the subtypes of RFC 7313 §5, 1/2 where it is too short.
 */
export function decodeRouteRefresh(buffer: Uint8Array, start: number, end: number): RouteRefresh {
  const length = end - start;
  const subtype = length > 2 ? buffer[start + 2] : REFRESH_REQUEST;
  if (length !== BODY_LENGTH && (subtype === REFRESH_BEGIN || subtype === REFRESH_END)) {
    const message = encodeMessage(MESSAGE_ROUTE_REFRESH, buffer.subarray(start, end));
    throw new BgpError(
      ERROR_ROUTE_REFRESH,
      ROUTE_REFRESH_INVALID_LENGTH,
      `ROUTE-REFRESH of subtype ${subtype} has ${length} bytes instead of 4`,
      message,
    );
  }
  if (length < BODY_LENGTH) throw badLength(HEADER_LENGTH + length, MESSAGE_ROUTE_REFRESH);
  // Bytes after a plain request are outbound filters (RFC 5291), which mean nothing as they were not negotiated.
  return { afi: (buffer[start] << 8) | buffer[start + 1], safi: buffer[start + 3], subtype };
}

/** A whole ROUTE-REFRESH message. */
export function encodeRouteRefresh(afi: number, safi: number, subtype = REFRESH_REQUEST): Uint8Array {
  return encodeMessage(MESSAGE_ROUTE_REFRESH, Uint8Array.of(afi >>> 8, afi, subtype, safi));
}
