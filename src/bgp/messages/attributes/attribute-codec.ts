/**
 * Attributes as objects from and to canonical blocks, by way of the attribute table.
 */
import { readU32 } from '../../../net/address.ts';
import type { Family } from '../../../net/family.ts';
import { ByteWriter } from '../byte-writer.ts';
import { toHex } from '../bytes.ts';
import { FLAG_OPTIONAL, OWN_LABEL } from './attribute-codes.ts';
import type { AttributesDraft } from './attribute-row.ts';
import { ATTRIBUTE_BY_CODE, ATTRIBUTE_TABLE } from './attribute-table.ts';
import { attributeEnd, isOwnLabel, valueStart, writeAttribute } from './attribute-walk.ts';
import type { Attributes, UnknownAttribute } from './attributes.ts';

/** Decodes the canonical block `block[start, end)`. */
export function decodeAttributes(block: Uint8Array, start: number, end: number): Attributes {
  const unknown: UnknownAttribute[] = [];
  const attributes: AttributesDraft = {
    origin: 'incomplete',
    asPath: [],
    atomicAggregate: false,
    communities: [],
    clusterList: [],
    extendedCommunities: [],
    ipv6ExtendedCommunities: [],
    largeCommunities: [],
    unknown,
  };
  for (let at = start; at < end;) {
    const next = attributeEnd(block, at);
    const value = valueStart(block, at);
    const row = ATTRIBUTE_BY_CODE[block[at + 1]];
    if (row !== undefined) row.decode(block, value, next, attributes);
    else if (isOwnLabel(block, at)) attributes.label = readU32(block, value);
    else unknown.push({ code: block[at + 1], flags: block[at] & 0xe0, value: block.slice(value, next) });
    at = next;
  }
  return attributes;
}

/**
 * The canonical block of routes of `family` with these attributes. The next hop, of the route's family or IPv6 (RFC 8950), goes
 * into NEXT_HOP for IPv4 over IPv4, else into the stub of MP_REACH_NLRI. Throws `AddressError` for an address that is none.
 */
export function encodeAttributes(attributes: Attributes, family: Family): Uint8Array {
  const out = new ByteWriter();
  const value = new ByteWriter();
  for (const row of ATTRIBUTE_TABLE) {
    value.length = 0;
    if (row.encode(attributes, value, family)) writeAttribute(out, row.flags, row.code, value.bytes, 0, value.length);
  }
  for (const { code, flags, value: bytes } of attributes.unknown) writeAttribute(out, flags, code, bytes);
  if (attributes.label !== undefined && attributes.label !== 0) {
    value.length = 0;
    value.u32(attributes.label);
    writeAttribute(out, FLAG_OPTIONAL, OWN_LABEL, value.bytes, 0, value.length);
  }
  return out.finish();
}

/** One attribute in words. */
export interface AttributeText {
  /** As its RFC writes it, or `attribute 128`. */
  readonly name: string;
  readonly text: string;
}

/** Every attribute of a route in words, in the order of the attribute table. */
export function formatAttributes(attributes: Attributes): AttributeText[] {
  const texts: AttributeText[] = [];
  for (const row of ATTRIBUTE_TABLE) {
    const text = row.format(attributes);
    if (text !== undefined) texts.push({ name: row.name, text });
  }
  for (const { code, flags, value } of attributes.unknown) {
    texts.push({ name: `attribute ${code}`, text: `flags 0x${toHex(Uint8Array.of(flags))} ${toHex(value)}`.trimEnd() });
  }
  return texts;
}
