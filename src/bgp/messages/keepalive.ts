import { MESSAGE_KEEPALIVE, encodeMessage } from './framing.ts';

/** A whole KEEPALIVE message (RFC 4271 §4.4). */
export function encodeKeepalive(): Uint8Array {
  return encodeMessage(MESSAGE_KEEPALIVE, new Uint8Array(0));
}
