/**
 * UPDATE (RFC 4271 §4.3, RFC 4760, RFC 7606): where its parts stand. Nothing here looks into attribute values other than
 * MP_REACH_NLRI and MP_UNREACH_NLRI.
 */

/** {@link UpdateView.reachFamily} where the attribute is absent. */
export const FAMILY_ABSENT = -1;
/** {@link UpdateView.reachFamily} where the attribute is for a family the daemon doesn't speak. */
export const FAMILY_UNSUPPORTED = -2;

/** Offsets of the parts of one UPDATE in the buffer it was parsed in. Reusable. */
export class UpdateView {
  withdrawnStart = 0;
  withdrawnEnd = 0;
  attributesStart = 0;
  attributesEnd = 0;
  nlriStart = 0;
  nlriEnd = 0;
  /** A `Family`, {@link FAMILY_ABSENT} or {@link FAMILY_UNSUPPORTED}. */
  reachFamily = FAMILY_ABSENT;
  /** The whole MP_REACH_NLRI with its header. */
  reachTlvStart = 0;
  reachTlvEnd = 0;
  reachNextHopStart = 0;
  reachNextHopLength = 0;
  reachNlriStart = 0;
  reachNlriEnd = 0;
  unreachFamily = FAMILY_ABSENT;
  unreachTlvStart = 0;
  unreachTlvEnd = 0;
  unreachNlriStart = 0;
  unreachNlriEnd = 0;
  /** Why the attributes can't be used although the NLRI were found: its routes are treated as withdrawn (RFC 7606 §4). */
  malformed: string | undefined = undefined;
}
