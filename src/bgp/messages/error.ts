/**
 * The one error that decoding and session handling raise: it says which NOTIFICATION follows (RFC 4271 §4.5, §6).
 */

/** A NOTIFICATION as it goes over the wire. */
export interface Notification {
  /** Error code, RFC 4271 §4.5. */
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

const NO_DATA = new Uint8Array(0);

/** A protocol error that ends the session with the NOTIFICATION it carries. */
export class BgpError extends Error {
  readonly code = 'BGP_NOTIFICATION';
  readonly notification: Notification;

  /** `message` says in words what was wrong with what the peer sent. */
  constructor(code: number, subcode: number, message: string, data: Uint8Array = NO_DATA) {
    super(message);
    this.name = 'BgpError';
    this.notification = { code, subcode, data };
  }
}
