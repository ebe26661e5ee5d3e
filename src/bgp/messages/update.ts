/**
 * UPDATE (RFC 4271 §4.3, RFC 4760, RFC 7606): where its parts stand. Nothing here looks into attribute values other than
 * MP_REACH_NLRI and MP_UNREACH_NLRI.
 */
import { IPV4_UNICAST, familyOf } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import {
  FLAG_OPTIONAL,
  FLAG_TRANSITIVE,
  MP_REACH_NLRI,
  MP_UNREACH_NLRI,
  NEXT_HOP,
} from './attributes/attribute-codes.ts';
import { checkedAttributeEnd, valueStart } from './attributes/attribute-walk.ts';
import { copyBytes, readU16 } from './bytes.ts';
import { BgpError } from './error.ts';
import {
  ERROR_UPDATE,
  UPDATE_ATTRIBUTE_FLAGS,
  UPDATE_MALFORMED_ATTRIBUTE_LIST,
  UPDATE_OPTIONAL_ATTRIBUTE,
} from './notification-codes.ts';
import { isNextHopLength } from './attributes/next-hop.ts';

/** {@link UpdateView.reachFamily} where the attribute is absent. */
export const FAMILY_ABSENT = -1;
/** {@link UpdateView.reachFamily} where the attribute is for a family the daemon doesn't speak. */
export const FAMILY_UNSUPPORTED = -2;

/** Which family a part of an UPDATE is for. */
export type FamilyFound = Family | typeof FAMILY_ABSENT | typeof FAMILY_UNSUPPORTED;

/** Offsets of the parts of one UPDATE in the buffer it was parsed in. Reusable. */
export class UpdateView {
  withdrawnStart = 0;
  withdrawnEnd = 0;
  attributesStart = 0;
  attributesEnd = 0;
  nlriStart = 0;
  nlriEnd = 0;
  /** Of MP_REACH_NLRI. */
  reachFamily: FamilyFound = FAMILY_ABSENT;
  /** The whole MP_REACH_NLRI with its header. */
  reachTlvStart = 0;
  reachTlvEnd = 0;
  reachNextHopStart = 0;
  reachNextHopLength = 0;
  reachNlriStart = 0;
  reachNlriEnd = 0;
  /** Of MP_UNREACH_NLRI. */
  unreachFamily: FamilyFound = FAMILY_ABSENT;
  unreachTlvStart = 0;
  unreachTlvEnd = 0;
  unreachNlriStart = 0;
  unreachNlriEnd = 0;
  /** The first NEXT_HOP with its header; both 0 where there is none. */
  nextHopTlvStart = 0;
  nextHopTlvEnd = 0;
  /** Why the attributes can't be used although the NLRI were found: its routes are treated as withdrawn (RFC 7606 §4). */
  malformed: string | undefined = undefined;
}

/**
 * Finds the parts of the UPDATE body `buffer[start, end)`. The NLRI are not checked, see `countNlri`.
 *
 * Throws {@link BgpError} where the NLRI can't be told from the rest, so that the session has to be reset: 3/1 for lengths
 * that don't fit the message (RFC 4271 §6.3), MP_REACH_NLRI or MP_UNREACH_NLRI twice (RFC 7606 §3 g) and a malformed
 * attribute list without reachable NLRI (§5.2); 3/4 and 3/9 for a malformed MP_REACH_NLRI or MP_UNREACH_NLRI (§5.3, §7.11).
 */
export function parseUpdate(buffer: Uint8Array, start: number, end: number, view: UpdateView): void {
  if (end - start < 4) throw malformedList(`an UPDATE of ${end - start} bytes`);
  view.withdrawnStart = start + 2;
  view.withdrawnEnd = view.withdrawnStart + readU16(buffer, start);
  if (view.withdrawnEnd + 2 > end) throw malformedList('the withdrawn routes pass the end of the UPDATE');
  view.attributesStart = view.withdrawnEnd + 2;
  view.attributesEnd = view.attributesStart + readU16(buffer, view.withdrawnEnd);
  if (view.attributesEnd > end) throw malformedList('the attributes pass the end of the UPDATE');
  view.nlriStart = view.attributesEnd;
  view.nlriEnd = end;
  view.reachFamily = FAMILY_ABSENT;
  view.unreachFamily = FAMILY_ABSENT;
  view.reachNlriStart = view.reachNlriEnd = 0;
  view.unreachNlriStart = view.unreachNlriEnd = 0;
  view.nextHopTlvStart = view.nextHopTlvEnd = 0;
  view.malformed = undefined;
  findAttributes(buffer, view);
}

function findAttributes(buffer: Uint8Array, view: UpdateView): void {
  const end = view.attributesEnd;
  for (let at = view.attributesStart; at < end;) {
    const next = checkedAttributeEnd(buffer, at, end);
    if (next < 0) {
      rejectRest(buffer, at, view);
      return;
    }
    const code = buffer[at + 1];
    if (code === MP_REACH_NLRI) parseReach(buffer, at, next, view);
    else if (code === MP_UNREACH_NLRI) parseUnreach(buffer, at, next, view);
    else if (code === NEXT_HOP && view.nextHopTlvEnd === 0) {
      view.nextHopTlvStart = at;
      view.nextHopTlvEnd = next;
    }
    at = next;
  }
}

/** An attribute that is cut by the end of the list (RFC 7606 §4). */
function rejectRest(buffer: Uint8Array, at: number, view: UpdateView): void {
  const code = at + 1 < view.attributesEnd ? buffer[at + 1] : undefined;
  view.malformed = `the attribute list ends within ${code === undefined ? 'an attribute' : `attribute ${code}`}`;
  // RFC 7606 §3 j, §5.2: treat-as-withdraw needs all NLRI, and some.
  const lost = code === MP_REACH_NLRI || code === MP_UNREACH_NLRI;
  if (lost || !hasReachableNlri(view)) throw malformedList(view.malformed);
}

/** Whether an UPDATE announces anything, in whatever family. */
export function hasReachableNlri(view: UpdateView): boolean {
  return view.nlriStart < view.nlriEnd || view.reachNlriStart < view.reachNlriEnd;
}

/** RFC 4760 §3: AFI (2), SAFI (1), length of next hop (1), next hop, reserved (1), NLRI. */
function parseReach(buffer: Uint8Array, at: number, end: number, view: UpdateView): void {
  if (view.reachFamily !== FAMILY_ABSENT) throw malformedList('MP_REACH_NLRI stands in an UPDATE twice');
  const value = valueStart(buffer, at);
  checkMultiprotocolHeader(buffer, at, end, 'MP_REACH_NLRI', end - value >= 5);
  const nextHopLength = buffer[value + 3];
  const nlriStart = value + 5 + nextHopLength;
  if (nlriStart > end) throw optionalError(buffer, at, end, 'the next hop of MP_REACH_NLRI passes its end');
  const family = familyOf(readU16(buffer, value), buffer[value + 2]);
  if (family !== undefined && !isNextHopLength(family, nextHopLength)) {
    // RFC 7606 §7.11: where the NLRI begin is then uncertain.
    throw optionalError(buffer, at, end, `the next hop of MP_REACH_NLRI has ${nextHopLength} bytes`);
  }
  view.reachFamily = family ?? FAMILY_UNSUPPORTED;
  view.reachTlvStart = at;
  view.reachTlvEnd = end;
  view.reachNextHopStart = value + 4;
  view.reachNextHopLength = nextHopLength;
  view.reachNlriStart = nlriStart;
  view.reachNlriEnd = end;
}

/** RFC 4760 §4: AFI (2), SAFI (1), withdrawn routes. */
function parseUnreach(buffer: Uint8Array, at: number, end: number, view: UpdateView): void {
  if (view.unreachFamily !== FAMILY_ABSENT) throw malformedList('MP_UNREACH_NLRI stands in an UPDATE twice');
  const value = valueStart(buffer, at);
  checkMultiprotocolHeader(buffer, at, end, 'MP_UNREACH_NLRI', end - value >= 3);
  view.unreachFamily = familyOf(readU16(buffer, value), buffer[value + 2]) ?? FAMILY_UNSUPPORTED;
  view.unreachTlvStart = at;
  view.unreachTlvEnd = end;
  view.unreachNlriStart = value + 3;
  view.unreachNlriEnd = end;
}

/** RFC 7606 §5.3: wrong flags or a length below the fixed part make the NLRI field incorrect. */
function checkMultiprotocolHeader(
  buffer: Uint8Array,
  at: number,
  end: number,
  name: string,
  longEnough: boolean,
): void {
  if ((buffer[at] & (FLAG_OPTIONAL | FLAG_TRANSITIVE)) !== FLAG_OPTIONAL) {
    throw new BgpError(
      ERROR_UPDATE,
      UPDATE_ATTRIBUTE_FLAGS,
      `${name} has flags 0x${buffer[at].toString(16)}`,
      buffer.slice(at, end),
    );
  }
  if (!longEnough) throw optionalError(buffer, at, end, `${name} is too short`);
}

/** RFC 4760 §7: Optional Attribute Error, with the attribute as data. */
function optionalError(buffer: Uint8Array, at: number, end: number, message: string): BgpError {
  return new BgpError(ERROR_UPDATE, UPDATE_OPTIONAL_ATTRIBUTE, message, buffer.slice(at, end));
}

/** RFC 4271 §6.3: Malformed Attribute List. */
function malformedList(message: string): BgpError {
  return new BgpError(ERROR_UPDATE, UPDATE_MALFORMED_ATTRIBUTE_LIST, message);
}

/** The family whose End-of-RIB an UPDATE is, or undefined (RFC 4724 §2). */
export function isEndOfRib(view: UpdateView): Family | undefined {
  if (view.withdrawnStart !== view.withdrawnEnd || view.nlriStart !== view.nlriEnd) return undefined;
  if (view.attributesStart === view.attributesEnd) return IPV4_UNICAST;
  const family = view.unreachFamily;
  if (family === FAMILY_ABSENT || family === FAMILY_UNSUPPORTED) return undefined;
  const alone = view.unreachTlvStart === view.attributesStart && view.unreachTlvEnd === view.attributesEnd;
  return alone && view.unreachNlriStart === view.unreachNlriEnd ? family : undefined;
}

/**
 * Writes the raw attribute block of one half of an UPDATE to `scratch`, which must have room for the whole attribute list,
 * and returns its length.
 *
 * With `multiprotocol`, it is that of the routes in MP_REACH_NLRI (of a family the daemon speaks): first a stub of
 * MP_REACH_NLRI without NLRI, `80 0e length AFI SAFI length next-hop 00`, then the other attributes without
 * MP_UNREACH_NLRI and NEXT_HOP (RFC 4760 §3). Otherwise it is that of the routes in the NLRI field: all attributes without
 * MP_REACH_NLRI and MP_UNREACH_NLRI.
 */
export function rawBlock(buffer: Uint8Array, view: UpdateView, scratch: Uint8Array, multiprotocol = true): number {
  let length = 0;
  if (multiprotocol) {
    const valueLength = view.reachNextHopLength + 5;
    scratch[0] = FLAG_OPTIONAL;
    scratch[1] = MP_REACH_NLRI;
    scratch[2] = valueLength;
    const value = view.reachNextHopStart - 4;
    length = copyBytes(buffer, value, value + valueLength - 1, scratch, 3);
    scratch[length++] = 0;
  }
  let from = view.attributesStart;
  while (from < view.attributesEnd) {
    // The nearest attribute to leave out.
    let cutStart = view.attributesEnd;
    let cutEnd = view.attributesEnd;
    if (view.reachFamily !== FAMILY_ABSENT && view.reachTlvStart >= from && view.reachTlvStart < cutStart) {
      cutStart = view.reachTlvStart;
      cutEnd = view.reachTlvEnd;
    }
    if (view.unreachFamily !== FAMILY_ABSENT && view.unreachTlvStart >= from && view.unreachTlvStart < cutStart) {
      cutStart = view.unreachTlvStart;
      cutEnd = view.unreachTlvEnd;
    }
    if (multiprotocol && view.nextHopTlvEnd > 0 && view.nextHopTlvStart >= from && view.nextHopTlvStart < cutStart) {
      cutStart = view.nextHopTlvStart;
      cutEnd = view.nextHopTlvEnd;
    }
    length = copyBytes(buffer, from, cutStart, scratch, length);
    from = cutEnd;
  }
  return length;
}
