/**
 * The shape of a row of the attribute table, and columns that several rows share.
 */
import { readU32 } from '../../../net/address.ts';
import type { Family } from '../../../net/family.ts';
import type { ByteWriter } from '../byte-writer.ts';
import type { Attributes } from './attributes.ts';

/** What decoding depends on besides the bytes. */
export interface DecodeContext {
  /** Whether AS_PATH and AGGREGATOR hold 4-octet AS numbers (RFC 6793: both sides have the capability). */
  readonly fourOctetAs: boolean;
  /** Whether the peer is in another AS. */
  readonly external: boolean;
}

/** {@link Attributes} while they are decoded. */
export type AttributesDraft = { -readonly [Name in keyof Attributes]: Attributes[Name] };

/** What follows from a malformed attribute: RFC 7606 §2. */
export type FaultAction = 'withdraw' | 'discard';

/** How one attribute is checked, read, written and told. A value is `bytes[start, end)`. */
export interface AttributeRow extends Verdict, Columns {
  readonly code: number;
  /** As its RFC writes it. */
  readonly name: string;
  /** The Optional and Transitive bits it must have. */
  readonly flags: number;
}

/** What an attribute does to its route. */
interface Verdict {
  /** Where `check` finds something. */
  readonly onError: FaultAction;
  /** Where the flags are wrong; RFC 7606 §3 c unless the attribute's RFC says otherwise. */
  readonly onFlagsError: FaultAction;
  /** Discarded from an external peer before any check. */
  readonly internalOnly: boolean;
}

interface Columns {
  /** What is wrong with a received value, in words, or undefined. */
  check(bytes: Uint8Array, start: number, end: number, context: DecodeContext): string | undefined;
  /** Reads the value of a canonical block. */
  decode(bytes: Uint8Array, start: number, end: number, into: AttributesDraft): void;
  /** Appends the value for a canonical block of routes of `family`; false where the route doesn't have the attribute. */
  encode(attributes: Attributes, out: ByteWriter, family: Family): boolean;
  /** Its value in words, or undefined where the route doesn't have it. */
  format(attributes: Attributes): string | undefined;
}

export const WITHDRAW: Verdict = { onError: 'withdraw', onFlagsError: 'withdraw', internalOnly: false };
export const DISCARD: Verdict = { onError: 'discard', onFlagsError: 'withdraw', internalOnly: false };
export const WITHDRAW_INTERNAL: Verdict = { onError: 'withdraw', onFlagsError: 'withdraw', internalOnly: true };
export const DISCARD_INTERNAL: Verdict = { onError: 'discard', onFlagsError: 'discard', internalOnly: true };

/** For what never stands in a canonical block. */
export const NOT_KEPT: Omit<Columns, 'check'> = {
  decode: () => undefined,
  encode: () => false,
  format: () => undefined,
};

/** Words for a value that isn't `expected` bytes long. */
export function checkLength(length: number, expected: number): string | undefined {
  return length === expected ? undefined : `it has ${length} bytes instead of ${expected}`;
}

/** Columns of an attribute that is one 32-bit number. */
export function numberColumns<Name extends string>(name: Name) {
  return {
    check: (_bytes: Uint8Array, start: number, end: number) => checkLength(end - start, 4),
    decode: (bytes: Uint8Array, start: number, _end: number, into: { [N in Name]?: number }) => {
      Object.assign(into, { [name]: readU32(bytes, start) });
    },
    encode: (attributes: { readonly [N in Name]?: number }, out: ByteWriter) => {
      const value = attributes[name];
      if (value === undefined) return false;
      out.u32(value);
      return true;
    },
    format: (attributes: { readonly [N in Name]?: number }) => attributes[name]?.toString(),
  };
}

/** Columns of an attribute that is a list of at least one item of `size` bytes. */
export function listColumns<Name extends string, Item>(
  name: Name,
  size: number,
  read: (bytes: Uint8Array, at: number) => Item,
  write: (item: Item, out: ByteWriter) => void,
  format: (item: Item) => string,
) {
  return {
    check: (_bytes: Uint8Array, start: number, end: number) =>
      end > start && (end - start) % size === 0
        ? undefined
        : `its ${end - start} bytes are not a positive multiple of ${size}`,
    decode: (bytes: Uint8Array, start: number, end: number, into: { [N in Name]: readonly Item[] }) => {
      const items: Item[] = [];
      for (let at = start; at < end; at += size) items.push(read(bytes, at));
      Object.assign(into, { [name]: items });
    },
    encode: (attributes: { readonly [N in Name]: readonly Item[] }, out: ByteWriter) => {
      for (const item of attributes[name]) write(item, out);
      return attributes[name].length > 0;
    },
    format: (attributes: { readonly [N in Name]: readonly Item[] }) =>
      attributes[name].length === 0 ? undefined : attributes[name].map(format).join(' '),
  };
}
