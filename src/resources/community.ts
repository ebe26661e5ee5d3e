/** Communities as resources write them: `aa:nn` (RFC 1997) or `aa:nn:mm` (large, RFC 8092). */

/** A community by its parts: two of 16 bits, or three of 32 bits. */
export type CommunityParts =
  | { readonly large: false; readonly parts: readonly [number, number] }
  | { readonly large: true; readonly parts: readonly [number, number, number] };

/** Reads a community; undefined where the text is none. */
export function parseCommunity(text: string): CommunityParts | undefined {
  if (!/^\d{1,10}(:\d{1,10}){1,2}$/.test(text)) return undefined;
  const [a, b, c] = text.split(':').map(Number);
  const max = c === undefined ? 0xffff : 0xffffffff;
  if (a > max || b > max) return undefined;
  if (c === undefined) return { large: false, parts: [a, b] };
  return c > max ? undefined : { large: true, parts: [a, b, c] };
}
