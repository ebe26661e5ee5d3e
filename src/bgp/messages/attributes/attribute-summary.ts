/**
 * What the best-path decision and the default rules read of an attribute block, as plain numbers.
 */

/** Bits of {@link AttributeSummary.wellKnown}: communities that the daemon acts on. */
export const NO_EXPORT = 1;
export const NO_ADVERTISE = 2;
export const NO_EXPORT_SUBCONFED = 4;
export const GRACEFUL_SHUTDOWN = 8;
export const LLGR_STALE = 16;
export const NO_LLGR = 32;
export const BLACKHOLE = 64;

/** Reusable result of {@link summarise}. */
export class AttributeSummary {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin = 0;
  /** RFC 4271 §9.1.2.2 (a): an AS_SET counts 1; confederation segments count 0 (RFC 5065 §5.3). */
  pathLength = 0;
  /** First AS of the path where it begins with an AS_SEQUENCE, else 0. */
  neighbourAs = 0;
  hasMed = false;
  med = 0;
  hasLocalPref = false;
  localPref = 0;
  /** Where the next hop stands, relative to the start of the block. */
  nextHopOffset = 0;
  /** 4, 16 or 32 bytes; 0 where there is none. */
  nextHopLength = 0;
  /** 0 where there is none. */
  originatorId = 0;
  clusterListLength = 0;
  /** {@link NO_EXPORT} and the other bits. */
  wellKnown = 0;
  hasAsSet = false;
}
