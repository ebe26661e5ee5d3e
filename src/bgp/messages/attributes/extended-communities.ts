/**
 * EXTENDED COMMUNITIES (RFC 4360).
 */

/** Eight bytes as two 32-bit numbers. */
export interface ExtendedCommunity {
  readonly high: number;
  readonly low: number;
}
