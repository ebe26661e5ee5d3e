/**
 * AGGREGATOR and AS4_AGGREGATOR (RFC 4271 §5.1.7, RFC 6793 §3).
 */
import { readU32 } from '../../../net/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readU16 } from '../bytes.ts';
import { checkLength } from './attribute-row.ts';
import { AS_TRANS } from './attribute-codes.ts';

/** What is wrong with a value whose AS number has `asLength` octets, in words, or undefined (RFC 7606 §7.7, RFC 7607 §2). */
export function checkAggregator(bytes: Uint8Array, start: number, end: number, asLength: 2 | 4): string | undefined {
  const wrongLength = checkLength(end - start, asLength + 4);
  if (wrongLength !== undefined) return wrongLength;
  const asn = asLength === 4 ? readU32(bytes, start) : readU16(bytes, start);
  return asn === 0 ? 'its AS is 0' : undefined;
}

/** Appends an 8-byte value in its 6-byte form; AS_TRANS stands for a larger AS number (RFC 6793 §4.2.2). */
export function narrowAggregator(bytes: Uint8Array, start: number, out: ByteWriter): void {
  const asn = readU32(bytes, start);
  out.u16(asn > 0xffff ? AS_TRANS : asn);
  out.append(bytes, start + 4, start + 8);
}
