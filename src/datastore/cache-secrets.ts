/** Secrets as they are kept on disk: encrypted with a key from a file. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** AES-256 in Galois/Counter Mode (NIST SP 800-38D), with the usual nonce of 96 bits and a tag of 128. */
const CIPHER = 'aes-256-gcm';
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;

/** Fewest bytes that a key file may hold. */
export const MIN_KEY_FILE = 32;

/** A sealed text; all in base64. */
export interface Sealed {
  readonly nonce: string;
  readonly tag: string;
  readonly data: string;
}

/** The key for the cipher, from the bytes of a key file (HKDF, RFC 5869). */
export function cacheKey(keyFile: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', keyFile, '', 'starling last known state', KEY_LENGTH));
}

/** Encrypts `text`, and binds it to `context`, which is not kept with it. A nonce of its own makes each result different. */
export function seal(text: string, key: Uint8Array, context: string): Sealed {
  const nonce = randomBytes(NONCE_LENGTH);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(context));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return {
    nonce: nonce.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
}

/** What was sealed; undefined where key or context is another, or the text was tampered with. */
export function unseal({ nonce, tag, data }: Sealed, key: Uint8Array, context: string): string | undefined {
  try {
    const decipher = createDecipheriv(CIPHER, key, Buffer.from(nonce, 'base64'), { authTagLength: 16 })
      .setAAD(Buffer.from(context))
      .setAuthTag(Buffer.from(tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
