/** Attributes and prefixes as they stand in an UPDATE, encoded once each. */
import { encodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { writeU32 } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import { prefixBytes } from '../../src/net/prefix.ts';
import type { Prefix } from '../../src/net/prefix.ts';

/** By family. */
const blocks: readonly WeakMap<Attributes, Uint8Array>[] = [new WeakMap(), new WeakMap()];
const keys: readonly WeakMap<Attributes, string>[] = [new WeakMap(), new WeakMap()];
const nlris = new WeakMap<Prefix, Uint8Array>();

export function blockOf(attributes: Attributes, family: Family): Uint8Array {
  let block = blocks[family].get(attributes);
  if (block === undefined) blocks[family].set(attributes, (block = encodeAttributes(attributes, family)));
  return block;
}

/** Text that is equal for attributes that look the same in an UPDATE of a family. */
export function blockKey(attributes: Attributes, family: Family): string {
  let key = keys[family].get(attributes);
  if (key === undefined) {
    keys[family].set(attributes, (key = Buffer.from(blockOf(attributes, family)).toString('hex')));
  }
  return key;
}

/** Whether a family's routes with these attributes, or none, look the same in an UPDATE. */
export function sameBlock(family: Family, a: Attributes | undefined, b: Attributes | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(blockOf(a, family), blockOf(b, family)) === 0;
}

/** The same with a path identifier in front. */
export function pathNlriOf(prefix: Prefix, pathId: number): [buffer: Uint8Array, start: number, end: number] {
  const [plain] = nlriOf(prefix);
  const buffer = new Uint8Array(4 + plain.length);
  writeU32(buffer, 0, pathId);
  buffer.set(plain, 4);
  return [buffer, 0, buffer.length];
}

/** The NLRI of one prefix, as a buffer and where it stands there. */
export function nlriOf(prefix: Prefix): [buffer: Uint8Array, start: number, end: number] {
  let buffer = nlris.get(prefix);
  if (buffer === undefined) {
    const bytes = prefixBytes(prefix.family, ...prefix.words).subarray(0, (prefix.length + 7) >> 3);
    nlris.set(prefix, (buffer = Uint8Array.of(prefix.length, ...bytes)));
  }
  return [buffer, 0, buffer.length];
}
