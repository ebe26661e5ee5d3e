/**
 * Attribute blocks for peers that have 2-octet AS numbers only (RFC 6793 §4.2.2).
 */
import { readU32 } from '../../../net/address.ts';
import { ByteWriter } from '../byte-writer.ts';
import { narrowAggregator } from './aggregator.ts';
import { hasFourOctetAs, narrowAsPath, withoutConfederations } from './as-path.ts';
import * as code from './attribute-codes.ts';
import { attributeEnd, valueStart, writeAttribute } from './attribute-walk.ts';

/**
 * The canonical block `block[start, end)` with 2-octet AS numbers. Where one doesn't fit, it is AS_TRANS and the
 * path stands in AS4_PATH (without confederation segments), the aggregator in AS4_AGGREGATOR, at the end of the block.
 */
export function toTwoOctetAs(block: Uint8Array, start: number, end: number): Uint8Array {
  const out = new ByteWriter();
  const trailer = new ByteWriter();
  const value = new ByteWriter();
  for (let at = start; at < end;) {
    const next = attributeEnd(block, at);
    const from = valueStart(block, at);
    const attribute = block[at + 1];
    value.length = 0;
    if (attribute === code.AS_PATH) {
      narrowAsPath(block, from, next, value);
      writeAttribute(out, block[at], attribute, value.bytes, 0, value.length);
      if (hasFourOctetAs(block, from, next)) writeAs4Path(block, from, next, value, trailer);
    } else if (attribute === code.AGGREGATOR) {
      narrowAggregator(block, from, value);
      writeAttribute(out, block[at], attribute, value.bytes, 0, value.length);
      if (readU32(block, from) > 0xffff) writeAs4(trailer, code.AS4_AGGREGATOR, block, from, next);
    } else {
      out.append(block, at, next);
    }
    at = next;
  }
  out.append(trailer.bytes, 0, trailer.length);
  return out.finish();
}

function writeAs4Path(block: Uint8Array, from: number, next: number, value: ByteWriter, out: ByteWriter): void {
  value.length = 0;
  withoutConfederations(block, from, next, value);
  // A path of confederation segments only has nothing to tell outside (RFC 6793 §3).
  if (value.length > 0) writeAs4(out, code.AS4_PATH, value.bytes, 0, value.length);
}

function writeAs4(out: ByteWriter, attribute: number, bytes: Uint8Array, start: number, end: number): void {
  writeAttribute(out, code.FLAG_OPTIONAL | code.FLAG_TRANSITIVE, attribute, bytes, start, end);
}
