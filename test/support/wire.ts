/** Bytes of messages as tests write them, and decoders run so that a read outside of their input shows. */
import { deepStrictEqual } from 'node:assert';
import { BgpError } from '../../src/bgp/messages/error.ts';
import type { Notification } from '../../src/bgp/messages/error.ts';
import { addressBytes } from '../../src/net/family.ts';
import type { Family } from '../../src/net/family.ts';
import { formatPrefix, prefixFromBytes } from '../../src/net/prefix.ts';

/** The bytes of hexadecimal text; white space and `# comments` to the end of a line are left out. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/#[^\n]*/g, '').replaceAll(/\s/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) throw new Error(`not hexadecimal: ${digits}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}

/** The pieces one after another. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** The body of an UPDATE (RFC 4271 §4.3). */
export function updateBody(withdrawn: Uint8Array, attributes: Uint8Array, nlri: Uint8Array): Uint8Array {
  return concat(u16(withdrawn.length), withdrawn, u16(attributes.length), attributes, nlri);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

/** What a decoder made of its input: a value, or the NOTIFICATION it asks for. */
export type Outcome<T> = { readonly value: T } | { readonly error: Notification; readonly message: string };

/** Runs a decoder; anything it throws other than {@link BgpError} goes on. */
export function outcome<T>(decode: () => T): Outcome<T> {
  try {
    return { value: decode() };
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    return { error: error.notification, message: error.message };
  }
}

/** The code and subcode of the NOTIFICATION that a decoder asks for, as `3/1`; `none` where it throws nothing. */
export function errorOf(decode: () => unknown): string {
  const result = outcome(decode);
  return 'error' in result ? `${result.error.code}/${result.error.subcode}` : 'none';
}

/**
 * What a decoder makes of `bytes` wherever they stand: it is run with several kinds of bytes around them, which must not make a
 * difference and must not change.
 */
export function inSurroundings<T>(
  bytes: Uint8Array,
  decode: (buffer: Uint8Array, start: number, end: number) => T,
): Outcome<T> {
  const margin = 40;
  const [first, ...others] = [0x00, 0xff, 0x01, 0x0e, 0x40].map((fill) => {
    const buffer = new Uint8Array(bytes.length + 2 * margin).fill(fill);
    buffer.set(bytes, margin);
    const before = buffer.slice();
    const result = outcome(() => decode(buffer, margin, margin + bytes.length));
    deepStrictEqual(buffer, before, 'the decoder changed its input');
    return result;
  });
  for (const other of others) deepStrictEqual(other, first, 'the decoder read outside of its input');
  return first;
}

/** The prefixes in sound NLRI `bytes[start, end)` without path identifiers, as text. */
export function readPrefixes(bytes: Uint8Array, start: number, end: number, family: Family): string[] {
  const prefixes: string[] = [];
  for (let at = start; at < end;) {
    const next = at + 1 + Math.ceil(bytes[at] / 8);
    const address = new Uint8Array(addressBytes(family));
    address.set(bytes.subarray(at + 1, next));
    prefixes.push(formatPrefix(prefixFromBytes(family, address, bytes[at])));
    at = next;
  }
  return prefixes;
}
