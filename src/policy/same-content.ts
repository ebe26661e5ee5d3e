/** Whether two plain values, as policies and settings are, say the same. Keys must be in the same order. */
export function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && contentOf(a) === contentOf(b);
}

/** JSON, in which also the infinities are what they are. */
function contentOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (part === Infinity || part === -Infinity ? String(part) : part));
}
