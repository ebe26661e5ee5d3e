/**
 * Capabilities on the wire and in words, by way of the capability table (RFC 5492 §4).
 */
import type { ByteWriter } from '../byte-writer.ts';
import { toHex } from '../bytes.ts';
import { BgpError } from '../error.ts';
import { ERROR_OPEN, OPEN_MALFORMED } from '../notification-codes.ts';
import type { Capability, KnownCapability } from './capability.ts';
import { CAPABILITY_TABLE } from './capability-table.ts';

/** A row without the tie to its capability: `encode` and `describe` must be given one of the row's own name. */
interface AnyRow {
  readonly code: number;
  readonly malformed: 'reject' | 'ignore';
  decode(bytes: Uint8Array, start: number, end: number): KnownCapability | undefined;
  encode(capability: KnownCapability, out: ByteWriter): void;
  describe(capability: KnownCapability): string;
}

const ROW_BY_CODE: ReadonlyMap<number, AnyRow> = new Map(
  Object.values<AnyRow>(CAPABILITY_TABLE).map((row) => [row.code, row]),
);

/**
 * Decodes the capability list `bytes[start, end)` (one optional parameter of an OPEN).
 * Throws {@link BgpError} 2/0 where the list is cut, or a capability that must not be misunderstood is malformed.
 */
export function decodeCapabilities(bytes: Uint8Array, start: number, end: number): Capability[] {
  const capabilities: Capability[] = [];
  for (let at = start; at < end;) {
    const valueStart = at + 2;
    if (valueStart > end || valueStart + bytes[at + 1] > end) {
      throw new BgpError(ERROR_OPEN, OPEN_MALFORMED, 'a capability is longer than the optional parameter it stands in');
    }
    const valueEnd = valueStart + bytes[at + 1];
    capabilities.push(decodeCapability(bytes[at], bytes, valueStart, valueEnd));
    at = valueEnd;
  }
  return capabilities;
}

function decodeCapability(code: number, bytes: Uint8Array, start: number, end: number): Capability {
  const row = ROW_BY_CODE.get(code);
  const known = row?.decode(bytes, start, end);
  if (known !== undefined) return known;
  const value = bytes.slice(start, end);
  if (row?.malformed === 'reject') {
    throw new BgpError(ERROR_OPEN, OPEN_MALFORMED, `capability ${code} is malformed (value ${toHex(value)})`);
  }
  return { name: 'unknown', code, value };
}

/** Appends one capability: code, length, value. */
export function encodeCapability(capability: Capability, out: ByteWriter): void {
  if (capability.name === 'unknown') {
    out.u8(capability.code);
    out.u8(capability.value.length);
    out.append(capability.value);
    return;
  }
  const row: AnyRow = CAPABILITY_TABLE[capability.name];
  out.u8(row.code);
  const lengthAt = out.length;
  out.u8(0);
  row.encode(capability, out);
  out.bytes[lengthAt] = out.length - lengthAt - 1;
}

/** A capability in words, e.g. `ADD-PATH (ipv4-unicast send and receive)`. */
export function describeCapability(capability: Capability): string {
  if (capability.name === 'unknown') {
    const value = capability.value.length === 0 ? '' : ` (${toHex(capability.value)})`;
    return `capability ${capability.code}${value}`;
  }
  const row: AnyRow = CAPABILITY_TABLE[capability.name];
  return row.describe(capability);
}
