/** Reads two bytes in network order. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

/** Bytes as lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Below this many bytes a loop is faster than making a view of the source. */
const LOOP_LIMIT = 64;

/** Copies `source[start, end)` to `target[offset…]`; returns the offset after it. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, offset: number): number {
  if (end - start > LOOP_LIMIT) {
    target.set(source.subarray(start, end), offset);
    return offset + end - start;
  }
  let to = offset;
  for (let from = start; from < end; from++) target[to++] = source[from];
  return to;
}
