import { FAMILY_NAMES, familyOf } from '../../net/family.ts';

/** An (AFI, SAFI) pair in words: `ipv4-unicast`, or `AFI 25 SAFI 70` where the daemon doesn't speak it. */
export function describeFamily(afi: number, safi: number): string {
  const family = familyOf(afi, safi);
  return family === undefined ? `AFI ${afi} SAFI ${safi}` : FAMILY_NAMES[family];
}
