/**
 * Address families as dense numbers, so that tables can be indexed by them (RFC 4760 §3; IANA "Address Family Numbers").
 */

export const AFI_IPV4 = 1;
export const AFI_IPV6 = 2;
export const SAFI_UNICAST = 1;

/** Index of an address family: 0 is IPv4 unicast, 1 is IPv6 unicast. */
export type Family = 0 | 1;

export const IPV4_UNICAST: Family = 0;
export const IPV6_UNICAST: Family = 1;

/** Every family the daemon speaks, in index order. */
export const FAMILIES: readonly Family[] = [IPV4_UNICAST, IPV6_UNICAST];

/** Name of a family as users see it, by index. */
export const FAMILY_NAMES = ['ipv4-unicast', 'ipv6-unicast'] as const;

/** AFI of a family. */
export function afiOf(family: Family): number {
  return family === IPV4_UNICAST ? AFI_IPV4 : AFI_IPV6;
}

/** Family of an (AFI, SAFI) pair from the wire, or undefined where the daemon doesn't speak it. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  if (afi === AFI_IPV4) return IPV4_UNICAST;
  return afi === AFI_IPV6 ? IPV6_UNICAST : undefined;
}

/** Length of an address of this family in bits: 32 or 128. */
export function addressBits(family: Family): number {
  return family === IPV4_UNICAST ? 32 : 128;
}

/** Length of an address of this family in bytes: 4 or 16. */
export function addressBytes(family: Family): number {
  return family === IPV4_UNICAST ? 4 : 16;
}
