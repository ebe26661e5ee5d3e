/**
 * Steps from attribute to attribute within a block. An attribute is named by the offset of its header: flags, code, one or
 * two octets of length, value (RFC 4271 §4.3).
 */
import type { ByteWriter } from '../byte-writer.ts';
import { readU16 } from '../bytes.ts';
import { FLAG_EXTENDED_LENGTH, FLAG_OPTIONAL, FLAG_TRANSITIVE, OWN_LABEL } from './attribute-codes.ts';

/** Where the value of the attribute at `at` begins. */
export function valueStart(bytes: Uint8Array, at: number): number {
  return at + ((bytes[at] & FLAG_EXTENDED_LENGTH) === 0 ? 3 : 4);
}

/** Where the attribute at `at` ends. Its header must lie within the block. */
export function attributeEnd(bytes: Uint8Array, at: number): number {
  return (bytes[at] & FLAG_EXTENDED_LENGTH) === 0 ? at + 3 + bytes[at + 2] : at + 4 + readU16(bytes, at + 2);
}

/** As {@link attributeEnd} for bytes that nobody has checked: -1 where header or value pass `end` (RFC 7606 §4). */
export function checkedAttributeEnd(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 3 || ((bytes[at] & FLAG_EXTENDED_LENGTH) !== 0 && end - at < 4)) return -1;
  const next = attributeEnd(bytes, at);
  return next > end ? -1 : next;
}

/** Offset of the first attribute of this code in `bytes[start, end)`, or -1. Stops at a cut attribute. */
export function findAttribute(bytes: Uint8Array, start: number, end: number, code: number): number {
  for (let at = start; at < end;) {
    const next = checkedAttributeEnd(bytes, at, end);
    if (next < 0) return -1;
    if (bytes[at + 1] === code) return at;
    at = next;
  }
  return -1;
}

/** Whether the attribute at `at` is the label of an own route, and not one with its code that a peer sent. */
export function isOwnLabel(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 1] === OWN_LABEL && (bytes[at] & (FLAG_OPTIONAL | FLAG_TRANSITIVE)) === FLAG_OPTIONAL;
}

/** Appends an attribute; the length field has two octets only where one doesn't do. */
export function writeAttribute(
  out: ByteWriter,
  flags: number,
  code: number,
  value: Uint8Array,
  start = 0,
  end = value.length,
): void {
  const length = end - start;
  if (length > 255) {
    out.u8(flags | FLAG_EXTENDED_LENGTH);
    out.u8(code);
    out.u16(length);
  } else {
    out.u8(flags & ~FLAG_EXTENDED_LENGTH);
    out.u8(code);
    out.u8(length);
  }
  out.append(value, start, end);
}
