/** From the NLRI of an UPDATE to the words of a prefix. */
import { wordMask } from '../net/prefix.ts';
import type { RouteView } from './policy.ts';

/** Reads one prefix of `length` bits at `at` into the view, host bits cleared (RFC 4271 §4.3). */
export function readNlri(buffer: Uint8Array, at: number, length: number, view: RouteView): void {
  view.length = length;
  view.a0 = readWord(buffer, at, length);
  view.a1 = length > 32 ? readWord(buffer, at + 4, length - 32) : 0;
  view.a2 = length > 64 ? readWord(buffer, at + 8, length - 64) : 0;
  view.a3 = length > 96 ? readWord(buffer, at + 12, length - 96) : 0;
}

/** The first `bits` bits at `at` as the high bits of a word. */
function readWord(buffer: Uint8Array, at: number, bits: number): number {
  if (bits > 24) {
    const word = (buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8) | buffer[at + 3];
    return bits >= 32 ? word >>> 0 : (word & wordMask(bits)) >>> 0;
  }
  if (bits > 16) return (((buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8)) & wordMask(bits)) >>> 0;
  if (bits > 8) return (((buffer[at] << 24) | (buffer[at + 1] << 16)) & wordMask(bits)) >>> 0;
  return bits > 0 ? ((buffer[at] << 24) & wordMask(bits)) >>> 0 : 0;
}
