/**
 * A minimal BGP speaker over a connected socket: it opens a session, keeps it alive, writes prepared bytes and hands on
 * what it hears. It has no tables and no decision process.
 */
import type { Socket } from 'node:net';

import {
  HEADER_LENGTH,
  KEEPALIVE,
  NOTIFICATION,
  OPEN,
  UPDATE,
  encodeKeepalive,
  encodeMessage,
  encodeOpen,
} from './messages.ts';
import type { OpenParameters } from './messages.ts';

/** A NOTIFICATION as received. */
export interface ReceivedNotification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Buffer;
}

/** Called for each UPDATE with the buffer that holds it and the bounds of its body; the bytes are valid only during the call. */
export type UpdateListener = (buffer: Buffer, start: number, end: number) => void;

/** The session ended before it was established. */
export class SpeakerError extends Error {
  override readonly name = 'SpeakerError';
}

/** One BGP session of the speaker. */
export class Speaker implements Disposable {
  /** Resolves when the session is established; rejects with {@link SpeakerError} where it ends before. */
  readonly established: Promise<void>;
  /** Resolves when the connection is closed, with the NOTIFICATION received last, if any. */
  readonly closed: Promise<ReceivedNotification | undefined>;
  /** Hears every UPDATE. */
  onUpdate: UpdateListener = () => undefined;
  /** Told of every message. */
  onMessage: () => void = () => undefined;
  /** UPDATE messages received. */
  updates = 0;

  private readonly socket: Socket;
  private rest: Buffer | undefined;
  private notification: ReceivedNotification | undefined;
  private keepaliveTimer: NodeJS.Timeout | undefined;
  private readonly keepaliveMs: number;
  private isEstablished = false;
  private becameEstablished: () => void = () => undefined;

  /** Starts a session on a connected socket by sending an OPEN. */
  constructor(socket: Socket, open: OpenParameters) {
    this.socket = socket;
    this.keepaliveMs = (open.holdTime * 1000) / 3;
    socket.setNoDelay(true);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        clearInterval(this.keepaliveTimer);
        resolve(this.notification);
      });
    });
    this.established = new Promise((resolve, reject) => {
      this.becameEstablished = resolve;
      void this.closed.then((notification) => reject(new SpeakerError(describeEnd(notification))));
    });
    // A caller that does not wait for the session must not die of its failure.
    this.established.catch(() => undefined);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.write(encodeOpen(open));
  }

  /** Writes prepared messages, waiting whenever the socket's buffer is full. */
  async send(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      if (this.socket.destroyed) throw new SpeakerError('the session has ended');
      if (!this.socket.write(chunk)) await this.drained();
    }
  }

  /** Writes one prepared message. */
  write(message: Uint8Array): void {
    this.socket.write(message);
  }

  /** Sends a NOTIFICATION and closes. */
  notify(code: number, subcode: number, data: Uint8Array = new Uint8Array(0)): void {
    this.socket.end(encodeMessage(NOTIFICATION, Uint8Array.of(code, subcode), data));
  }

  /** Closes the connection without a NOTIFICATION. */
  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private establish(): void {
    if (this.isEstablished) return;
    this.isEstablished = true;
    if (this.keepaliveMs > 0)
      this.keepaliveTimer = setInterval(() => this.socket.write(encodeKeepalive()), this.keepaliveMs);
    this.becameEstablished();
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off('drain', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('drain', done);
      this.socket.on('close', done);
    });
  }

  private receive(chunk: Buffer): void {
    const data = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (data.length - at >= HEADER_LENGTH) {
      const length = data.readUInt16BE(at + 16);
      if (data.length - at < length) break;
      this.onMessage();
      this.handle(data, data[at + 18], at + HEADER_LENGTH, at + length);
      at += length;
    }
    this.rest = at === data.length ? undefined : data.subarray(at);
  }

  private handle(data: Buffer, type: number, start: number, end: number): void {
    if (type === UPDATE) {
      this.updates++;
      this.onUpdate(data, start, end);
    } else if (type === OPEN) {
      this.socket.write(encodeKeepalive());
    } else if (type === KEEPALIVE) {
      this.establish();
    } else if (type === NOTIFICATION) {
      this.notification = {
        code: data[start],
        subcode: data[start + 1],
        data: Buffer.from(data.subarray(start + 2, end)),
      };
    }
  }
}

/** How a session ended, in words. */
export function describeEnd(notification: ReceivedNotification | undefined): string {
  if (notification === undefined) return 'the connection was closed';
  const { code, subcode, data } = notification;
  return `NOTIFICATION ${code}/${subcode} ${data.toString('hex')}`;
}
