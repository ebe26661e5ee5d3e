/** Text in messages: shutdown communications, host names, software versions. */

/** UTF-8 of `text`, cut after the last whole character that fits into `maxBytes`. */
export function truncateUtf8(text: string, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(maxBytes);
  return bytes.subarray(0, new TextEncoder().encodeInto(text, bytes).written);
}

/** The text in `bytes`, or undefined where it is not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** `text` fit for a log or a terminal: quotes, controls, line separators and bidirectional overrides are escaped. */
export function escapeText(text: string): string {
  return text.replaceAll(/["\\\u007f-\u009f\u2028-\u202e\u2066-\u2069]|\p{Cc}/gu, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
