/** Recorded messages of other implementations, see README.md in the folder of shared vectors. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { HEADER_LENGTH } from '../../src/bgp/messages/framing.ts';
import { vectorPath } from './skip.ts';
import { hex } from './wire.ts';

/** Folder of ExaBGP's decoder tests below the shared vectors. */
export const EXABGP_VECTORS = 'bgp/exabgp-decoding';
/** File of the byte strings in GoBGP's tests below the shared vectors. */
export const GOBGP_VECTORS = 'bgp/gobgp-byte-literals.json';

/** A message body with what ExaBGP makes of it. */
export interface ExabgpVector {
  readonly name: string;
  readonly type: 'open' | 'update' | 'nlri';
  readonly body: Uint8Array;
  /** ExaBGP's JSON, as text because its 64-bit numbers don't fit into a number. */
  readonly json: string;
}

/** All of ExaBGP's. Throws where the folder is absent. */
export function exabgpVectors(): ExabgpVector[] {
  const folder = vectorPath(EXABGP_VECTORS);
  return readdirSync(folder).map((name) => {
    const [kind, digits, json] = readFileSync(join(folder, name), 'utf8').split('\n');
    const bytes = hex(digits.replaceAll(':', ''));
    const type = kind.split(' ')[0] as ExabgpVector['type'];
    // One of them stands without a message header.
    return { name, type, body: bytes[0] === 0xff ? bytes.subarray(HEADER_LENGTH) : bytes, json };
  });
}

/** A byte string of a test of GoBGP's; what it is stands in that test. */
export interface GobgpVector {
  readonly func: string;
  readonly ctx: string;
  readonly hex: string;
}

/** All of GoBGP's. Throws where the file is absent. */
export function gobgpVectors(): GobgpVector[] {
  const { literals } = JSON.parse(readFileSync(vectorPath(GOBGP_VECTORS), 'utf8')) as { literals: GobgpVector[] };
  return literals;
}
