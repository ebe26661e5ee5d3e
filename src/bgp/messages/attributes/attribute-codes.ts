/**
 * Path attribute type codes (IANA "BGP Path Attributes") and flags (RFC 4271 §4.3).
 */

export const ORIGIN = 1;
export const AS_PATH = 2;
export const NEXT_HOP = 3;
export const MULTI_EXIT_DISC = 4;
export const LOCAL_PREF = 5;
export const ATOMIC_AGGREGATE = 6;
export const AGGREGATOR = 7;
export const COMMUNITIES = 8;
export const ORIGINATOR_ID = 9;
export const CLUSTER_LIST = 10;
export const MP_REACH_NLRI = 14;
export const MP_UNREACH_NLRI = 15;
export const EXTENDED_COMMUNITIES = 16;
export const AS4_PATH = 17;
export const AS4_AGGREGATOR = 18;
export const IPV6_EXTENDED_COMMUNITIES = 25;
export const AIGP = 26;
export const LARGE_COMMUNITY = 32;
export const ONLY_TO_CUSTOMER = 35;
/**
 * Of the daemon's own, in blocks of routes that it originates: a code that IANA has assigned to nobody, optional and not
 * transitive. So it is told to no peer, and what a peer sends with these flags is dropped (RFC 4271 §9).
 */
export const OWN_LABEL = 254;

export const FLAG_OPTIONAL = 0x80;
export const FLAG_TRANSITIVE = 0x40;
export const FLAG_PARTIAL = 0x20;
/** The length field has two octets. */
export const FLAG_EXTENDED_LENGTH = 0x10;

/** Stands for an AS number that doesn't fit into two octets (RFC 6793 §9). */
export const AS_TRANS = 23456;
