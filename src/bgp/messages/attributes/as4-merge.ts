/**
 * Paths and aggregators of peers that have 2-octet AS numbers only, with 4-octet ones (RFC 6793 §4.2.3).
 */
import type { ByteWriter } from '../byte-writer.ts';
import { readU16 } from '../bytes.ts';
import { checkAggregator } from './aggregator.ts';
import { AS_SEQUENCE, AS_SET, MAX_SEGMENT_LENGTH, checkAsPath } from './as-path.ts';
import { AGGREGATOR, AS4_AGGREGATOR, AS4_PATH, AS_TRANS, FLAG_OPTIONAL, FLAG_TRANSITIVE } from './attribute-codes.ts';
import { attributeEnd, findAttribute, valueStart } from './attribute-walk.ts';

/**
 * Appends the AS_PATH value `raw[pathStart, pathEnd)` of the raw block `raw[start, end)` with 4-octet AS numbers, AS4_PATH merged
 * into it where the block has a sound one that counts.
 */
export function writeFourOctetPath(
  raw: Uint8Array,
  pathStart: number,
  pathEnd: number,
  start: number,
  end: number,
  out: ByteWriter,
): void {
  const as4 = ignoresAs4(raw, start, end) ? -1 : findSound(raw, start, end, AS4_PATH);
  if (as4 < 0) mergeAs4Path(raw, pathStart, pathEnd, 0, 0, out);
  else mergeAs4Path(raw, pathStart, pathEnd, valueStart(raw, as4), attributeEnd(raw, as4), out);
}

/** Appends the AGGREGATOR value at `value` of the raw block `raw[start, end)` with a 4-octet AS number. */
export function writeFourOctetAggregator(
  raw: Uint8Array,
  value: number,
  start: number,
  end: number,
  out: ByteWriter,
): void {
  const as4 = readU16(raw, value) === AS_TRANS ? findSound(raw, start, end, AS4_AGGREGATOR) : -1;
  if (as4 >= 0) {
    out.append(raw, valueStart(raw, as4), attributeEnd(raw, as4));
    return;
  }
  out.u32(readU16(raw, value));
  out.append(raw, value + 2, value + 6);
}

/**
 * RFC 6793 §4.2.3: with both AGGREGATOR and AS4_AGGREGATOR, an AGGREGATOR whose AS is not AS_TRANS was made by a speaker that
 * didn't know of the AS4 attributes, which are then ignored.
 */
function ignoresAs4(raw: Uint8Array, start: number, end: number): boolean {
  const aggregator = findSound(raw, start, end, AGGREGATOR);
  if (aggregator < 0 || findSound(raw, start, end, AS4_AGGREGATOR) < 0) return false;
  return readU16(raw, valueStart(raw, aggregator)) !== AS_TRANS;
}

/** Offset of the first attribute of this code, or -1 where it is absent or is to be discarded. */
function findSound(raw: Uint8Array, start: number, end: number, attribute: number): number {
  const at = findAttribute(raw, start, end, attribute);
  if (at < 0 || (raw[at] & (FLAG_OPTIONAL | FLAG_TRANSITIVE)) !== (FLAG_OPTIONAL | FLAG_TRANSITIVE)) return -1;
  const value = valueStart(raw, at);
  const valueEnd = attributeEnd(raw, at);
  const wrong =
    attribute === AS4_PATH
      ? checkAsPath(raw, value, valueEnd, 4, true)
      : checkAggregator(raw, value, valueEnd, attribute === AGGREGATOR ? 2 : 4);
  return wrong === undefined ? at : -1;
}

/**
 * Length of a sound path for the comparison of RFC 6793 §4.2.3: as RFC 4271 §9.1.2.2 (a) counts, an AS_SET as 1, and
 * confederation segments not at all (RFC 5065 §5.3).
 */
function pathLength(bytes: Uint8Array, start: number, end: number, asLength: 2 | 4): number {
  let length = 0;
  for (let at = start; at < end;) {
    const count = bytes[at + 1];
    if (bytes[at] === AS_SEQUENCE) length += count;
    else if (bytes[at] === AS_SET) length++;
    at += 2 + count * asLength;
  }
  return length;
}

/**
 * Appends the path of a route from a peer with 2-octet AS numbers, with 4-octet ones: its AS_PATH
 * `bytes[pathStart, pathEnd)`, where it is at least as long as AS4_PATH `bytes[as4Start, as4End)` the surplus before
 * AS4_PATH (RFC 6793 §4.2.3). Both must be sound; an empty AS4_PATH is none.
 */
function mergeAs4Path(
  bytes: Uint8Array,
  pathStart: number,
  pathEnd: number,
  as4Start: number,
  as4End: number,
  out: ByteWriter,
): void {
  const as4Length = pathLength(bytes, as4Start, as4End, 4);
  let surplus = pathLength(bytes, pathStart, pathEnd, 2) - as4Length;
  const useAs4 = as4Length > 0 && surplus >= 0;
  if (!useAs4) surplus = Infinity;
  let lastSegment = -1;
  for (let at = pathStart; at < pathEnd;) {
    const type = bytes[at];
    const count = bytes[at + 1];
    // Confederation segments that lead, or adjoin what is taken, stay.
    if (surplus <= 0 && type <= AS_SEQUENCE) break;
    const taken = type === AS_SEQUENCE ? Math.min(count, surplus) : count;
    lastSegment = out.length;
    out.u8(type);
    out.u8(taken);
    for (let i = 0; i < taken; i++) out.u32(readU16(bytes, at + 2 + i * 2));
    if (type <= AS_SEQUENCE) surplus -= type === AS_SET ? 1 : taken;
    at += 2 + count * 2;
  }
  if (useAs4) appendAs4Path(bytes, as4Start, as4End, out, lastSegment);
}

/** Appends AS4_PATH without confederation segments (RFC 6793 §6), joined to the segment at `lastSegment` where both are sequences. */
function appendAs4Path(bytes: Uint8Array, start: number, end: number, out: ByteWriter, lastSegment: number): void {
  let joinAt = lastSegment;
  for (let at = start; at < end;) {
    const type = bytes[at];
    const count = bytes[at + 1];
    const next = at + 2 + count * 4;
    if (type <= AS_SEQUENCE) {
      const joins =
        joinAt >= 0 &&
        type === AS_SEQUENCE &&
        out.bytes[joinAt] === AS_SEQUENCE &&
        out.bytes[joinAt + 1] + count <= MAX_SEGMENT_LENGTH;
      if (joins) out.bytes[joinAt + 1] += count;
      out.append(bytes, joins ? at + 2 : at, next);
      joinAt = -1;
    }
    at = next;
  }
}
