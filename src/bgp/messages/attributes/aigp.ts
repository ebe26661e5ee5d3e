/**
 * AIGP, the accumulated IGP metric (RFC 7311 §3): TLVs of type (1), length with header (2) and value.
 */
import { readU32 } from '../../../net/address.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readU16 } from '../bytes.ts';

const METRIC = 1;
const METRIC_LENGTH = 11;
const HEADER_LENGTH = 3;

/** What is wrong with the value `bytes[start, end)`, in words, or undefined. */
export function checkAigp(bytes: Uint8Array, start: number, end: number): string | undefined {
  let metrics = 0;
  for (let at = start; at < end;) {
    if (end - at < HEADER_LENGTH) return 'a TLV is cut';
    const length = readU16(bytes, at + 1);
    if (length < HEADER_LENGTH || at + length > end) return 'a TLV does not fit';
    if (bytes[at] === METRIC) {
      if (length !== METRIC_LENGTH) return `the metric TLV has ${length} bytes`;
      metrics++;
    }
    at += length;
  }
  return metrics === 0 ? 'it holds no metric' : undefined;
}

/** The first metric of a sound value (RFC 7311 §3: later ones are ignored). */
export function readAigp(bytes: Uint8Array, start: number, end: number): bigint | undefined {
  for (let at = start; at < end; at += readU16(bytes, at + 1)) {
    if (bytes[at] === METRIC) return (BigInt(readU32(bytes, at + 3)) << 32n) | BigInt(readU32(bytes, at + 7));
  }
  return undefined;
}

/** Appends a value with this metric. */
export function writeAigp(metric: bigint, out: ByteWriter): void {
  out.u8(METRIC);
  out.u16(METRIC_LENGTH);
  out.u32(Number(BigInt.asUintN(32, metric >> 32n)));
  out.u32(Number(BigInt.asUintN(32, metric)));
}
