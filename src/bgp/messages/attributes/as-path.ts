/**
 * AS_PATH (RFC 4271 §4.3, §5.1.2; RFC 5065 §3; RFC 6793).
 */
import { readU32 } from '../../../net/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readU16 } from '../bytes.ts';
import { AS_PATH, AS_TRANS } from './attribute-codes.ts';
import { findAttribute, attributeEnd, valueStart } from './attribute-walk.ts';
import type { AsSegment } from './attributes.ts';

export const AS_SET = 1;
export const AS_SEQUENCE = 2;
const AS_CONFED_SET = 4;

/** Names of the segment types by number. */
const SEGMENT_TYPES = [undefined, 'set', 'sequence', 'confed-sequence', 'confed-set'] as const;

/** What stands around and between the AS numbers of a segment, by type. */
const SEGMENT_TEXT: { readonly [Type in AsSegment['type']]: readonly [string, string, string] } = {
  sequence: ['', ' ', ''],
  set: ['{', ',', '}'],
  'confed-sequence': ['(', ' ', ')'],
  'confed-set': ['[', ',', ']'],
};

export const MAX_SEGMENT_LENGTH = 255;

/**
 * What is wrong with an AS_PATH or AS4_PATH whose AS numbers have `asLength` octets, in words, or undefined:
 * unknown type, no AS number, or not the length it says (RFC 7606 §7.2); AS 0 (RFC 7607 §2);
 * confederation segments unless `confederation` (RFC 5065 §5.1).
 */
export function checkAsPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  asLength: 2 | 4,
  confederation: boolean,
): string | undefined {
  let at = start;
  while (at < end) {
    const type = bytes[at];
    if (type < AS_SET || type > AS_CONFED_SET) return `segment type ${type} is unknown`;
    if (type > AS_SEQUENCE && !confederation) return 'it holds a confederation segment';
    if (at + 2 > end || bytes[at + 1] === 0) return 'a segment is empty';
    const next = at + 2 + bytes[at + 1] * asLength;
    if (next > end) return 'a segment passes the end';
    for (at += 2; at < next; at += asLength) {
      const zero = asLength === 4 ? readU32(bytes, at) === 0 : readU16(bytes, at) === 0;
      if (zero) return 'it holds AS 0';
    }
  }
  return undefined;
}

/** Segments of a sound path with 4-octet AS numbers. */
export function decodeAsPath(bytes: Uint8Array, start: number, end: number): AsSegment[] {
  const segments: AsSegment[] = [];
  for (let at = start; at < end;) {
    const type = SEGMENT_TYPES[bytes[at]] ?? 'sequence';
    const count = bytes[at + 1];
    const asns = Array.from({ length: count }, (_, i) => readU32(bytes, at + 2 + i * 4));
    segments.push({ type, asns });
    at += 2 + count * 4;
  }
  return segments;
}

/** Appends a path with 4-octet AS numbers; a segment of more than 255 is split (RFC 4271 §5.1.2). */
export function encodeAsPath(segments: readonly AsSegment[], out: ByteWriter): void {
  for (const { type, asns } of segments) {
    for (let i = 0; i < asns.length; i += MAX_SEGMENT_LENGTH) {
      const part = asns.slice(i, i + MAX_SEGMENT_LENGTH);
      out.u8(SEGMENT_TYPES.indexOf(type));
      out.u8(part.length);
      for (const asn of part) out.u32(asn);
    }
  }
}

/** A path as operators write it: `65001 65002 {65003,65004}`; confederation segments in `( )` and `[ ]`. */
export function formatAsPath(segments: readonly AsSegment[]): string {
  return segments
    .map(({ type, asns }) => {
      const [open, separator, close] = SEGMENT_TEXT[type];
      return open + asns.join(separator) + close;
    })
    .join(' ');
}

/** How often `asn` stands in the AS_PATH of a canonical block. Allocates nothing. */
export function countAs(block: Uint8Array, start: number, end: number, asn: number): number {
  const path = findAttribute(block, start, end, AS_PATH);
  if (path < 0) return 0;
  const pathEnd = attributeEnd(block, path);
  let found = 0;
  for (let at = valueStart(block, path); at < pathEnd;) {
    const next = at + 2 + block[at + 1] * 4;
    for (at += 2; at < next; at += 4) {
      if (readU32(block, at) === asn) found++;
    }
  }
  return found;
}

/** Appends a sound path of 4-octet AS numbers with 2-octet ones; AS_TRANS stands for a larger one (RFC 6793 §4.2.2). */
export function narrowAsPath(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  for (let at = start; at < end;) {
    const next = at + 2 + bytes[at + 1] * 4;
    out.append(bytes, at, at + 2);
    for (at += 2; at < next; at += 4) {
      const asn = readU32(bytes, at);
      out.u16(asn > 0xffff ? AS_TRANS : asn);
    }
  }
}

/** Whether a sound path holds an AS number that has no 2-octet form. */
export function hasFourOctetAs(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end;) {
    const next = at + 2 + bytes[at + 1] * 4;
    for (at += 2; at < next; at += 4) {
      if (bytes[at] !== 0 || bytes[at + 1] !== 0) return true;
    }
  }
  return false;
}

/** Whether a sound path of 4-octet AS numbers holds a confederation segment. */
export function hasConfederations(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 2 + bytes[at + 1] * 4) if (bytes[at] > AS_SEQUENCE) return true;
  return false;
}

/**
 * Appends a sound path of 4-octet AS numbers without confederation segments, as AS4_PATH and external peers want it
 * (RFC 6793 §3, RFC 5065 §4.1).
 */
export function withoutConfederations(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  for (let at = start; at < end;) {
    const next = at + 2 + bytes[at + 1] * 4;
    if (bytes[at] <= AS_SEQUENCE) out.append(bytes, at, next);
    at = next;
  }
}
