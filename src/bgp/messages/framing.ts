/**
 * Messages out of a byte stream (RFC 4271 §4.1, §6.1; RFC 8654).
 */
import { BgpError } from './error.ts';
import { ERROR_HEADER, HEADER_BAD_LENGTH, HEADER_BAD_TYPE, HEADER_NOT_SYNCHRONIZED } from './notification-codes.ts';

export const MESSAGE_OPEN = 1;
export const MESSAGE_UPDATE = 2;
export const MESSAGE_NOTIFICATION = 3;
export const MESSAGE_KEEPALIVE = 4;
export const MESSAGE_ROUTE_REFRESH = 5;

/** Marker (16), length (2) and type (1), RFC 4271 §4.1. */
export const HEADER_LENGTH = 19;

/** Largest message without the extended-message capability, and the largest OPEN and KEEPALIVE ever (RFC 8654 §4). */
export const MAX_MESSAGE_LENGTH = 4096;

/** Largest message once both sides have the extended-message capability (RFC 8654 §3). */
export const MAX_EXTENDED_MESSAGE_LENGTH = 65535;

const LENGTH_OFFSET = 16;
/** Where the type stands in a message. */
export const MESSAGE_TYPE_OFFSET = 18;

/** Smallest message of each type, header included (RFC 4271 §6.1). ROUTE-REFRESH checks its own (RFC 7313 §5). */
const MIN_LENGTH = [0, 29, 23, 21, 19, 19];

/**
 * Called once for each whole message. The body is `buffer[bodyStart, bodyEnd)` and the header stands right before it.
 * The bytes are only valid during the call.
 */
export type OnMessage = (type: number, buffer: Uint8Array, bodyStart: number, bodyEnd: number) => void;

/** A whole message: header and `body`. */
export function encodeMessage(type: number, body: Uint8Array): Uint8Array {
  const length = HEADER_LENGTH + body.length;
  const message = new Uint8Array(length);
  message.fill(0xff, 0, LENGTH_OFFSET);
  message[LENGTH_OFFSET] = length >>> 8;
  message[LENGTH_OFFSET + 1] = length;
  message[MESSAGE_TYPE_OFFSET] = type;
  message.set(body, HEADER_LENGTH);
  return message;
}

/**
 * Cuts a byte stream into messages. A message that lies whole in a chunk is handed out in place; only one that is split
 * over chunks is copied.
 */
export class Framer {
  /** {@link MAX_MESSAGE_LENGTH}, or {@link MAX_EXTENDED_MESSAGE_LENGTH} once negotiated; read for every message. */
  maxLength = MAX_MESSAGE_LENGTH;
  /** Start of a message whose end has not arrived; after an exception also whole messages. */
  #tail = new Uint8Array(0);
  #tailLength = 0;

  /**
   * Takes the next bytes of the stream and calls `onMessage` for each message they complete.
   *
   * Throws {@link BgpError} 1/1, 1/2 or 1/3 for a header that RFC 4271 §6.1 refuses, as soon as the header is there, and
   * whatever `onMessage` throws. A message during which `onMessage` throws counts as consumed: the next call goes on
   * with the one after it.
   */
  feed(chunk: Uint8Array, onMessage: OnMessage): void {
    let position = 0;
    if (this.#tailLength > 0) {
      position = this.#completeTail(chunk, onMessage);
    }
    try {
      while (chunk.length - position >= HEADER_LENGTH) {
        const start = position;
        const end = start + this.#checkHeader(chunk, start);
        if (end > chunk.length) break;
        position = end;
        onMessage(chunk[start + MESSAGE_TYPE_OFFSET], chunk, start + HEADER_LENGTH, end);
      }
    } finally {
      this.#keep(chunk, position);
    }
  }

  /** Hands out the messages that begin in the tail; returns how much of `chunk` they took. */
  #completeTail(chunk: Uint8Array, onMessage: OnMessage): number {
    let taken = 0;
    while (this.#tailLength > 0) {
      taken += this.#fill(chunk, taken, HEADER_LENGTH);
      if (this.#tailLength < HEADER_LENGTH) return taken;
      const length = this.#checkHeader(this.#tail, 0);
      taken += this.#fill(chunk, taken, length);
      if (this.#tailLength < length) return taken;
      const message = this.#tail;
      const rest = this.#tailLength - length;
      // Consumed before the call, so that an exception leaves the stream at the next message.
      let done = false;
      try {
        onMessage(message[MESSAGE_TYPE_OFFSET], message, HEADER_LENGTH, length);
        done = true;
      } finally {
        message.copyWithin(0, length, length + rest);
        this.#tailLength = rest;
        if (!done) this.#keep(chunk, taken);
      }
    }
    return taken;
  }

  /** Moves bytes from `chunk[position…]` to the tail until it holds `wanted` bytes; returns how many. */
  #fill(chunk: Uint8Array, position: number, wanted: number): number {
    const count = Math.min(wanted - this.#tailLength, chunk.length - position);
    if (count <= 0) return 0;
    this.#keep(chunk.subarray(position, position + count), 0);
    return count;
  }

  /** Appends `chunk[position…]` to the tail. */
  #keep(chunk: Uint8Array, position: number): void {
    const length = this.#tailLength + chunk.length - position;
    if (length > this.#tail.length) {
      const grown = new Uint8Array(Math.max(length, this.maxLength));
      grown.set(this.#tail.subarray(0, this.#tailLength));
      this.#tail = grown;
    }
    this.#tail.set(position === 0 ? chunk : chunk.subarray(position), this.#tailLength);
    this.#tailLength = length;
  }

  /** Length of the message whose header stands at `start` (RFC 4271 §6.1). */
  #checkHeader(buffer: Uint8Array, start: number): number {
    for (let i = start; i < start + LENGTH_OFFSET; i++) {
      if (buffer[i] !== 0xff)
        throw new BgpError(ERROR_HEADER, HEADER_NOT_SYNCHRONIZED, 'the marker of the message header is not all ones');
    }
    const length = (buffer[start + LENGTH_OFFSET] << 8) | buffer[start + LENGTH_OFFSET + 1];
    const type = buffer[start + MESSAGE_TYPE_OFFSET];
    if (length < HEADER_LENGTH || length > this.maxLength) throw badLength(length, type);
    if (type < MESSAGE_OPEN || type > MESSAGE_ROUTE_REFRESH) {
      throw new BgpError(ERROR_HEADER, HEADER_BAD_TYPE, `message type ${type} is unknown`, Uint8Array.of(type));
    }
    if (length < MIN_LENGTH[type]) throw badLength(length, type);
    // RFC 8654 §4: these two never become longer; RFC 4271 §6.1: a KEEPALIVE has no body.
    if (type === MESSAGE_OPEN && length > MAX_MESSAGE_LENGTH) throw badLength(length, type);
    if (type === MESSAGE_KEEPALIVE && length !== HEADER_LENGTH) throw badLength(length, type);
    return length;
  }
}

/** RFC 4271 §6.1: Bad Message Length, with the length field as data. */
export function badLength(length: number, type: number): BgpError {
  const message = `message of type ${type} says it is ${length} bytes long`;
  return new BgpError(ERROR_HEADER, HEADER_BAD_LENGTH, message, Uint8Array.of(length >>> 8, length));
}
