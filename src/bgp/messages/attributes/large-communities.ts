/**
 * LARGE_COMMUNITY (RFC 8092).
 */

/** Three 32-bit numbers. */
export interface LargeCommunity {
  readonly globalAdministrator: number;
  readonly localData1: number;
  readonly localData2: number;
}
