/**
 * One TCP connection of a session: messages in, bytes out.
 */
import type { Socket } from 'node:net';
import { Framer } from '../messages/framing.ts';
import type { OnMessage } from '../messages/framing.ts';
import { closeSocket } from './close-socket.ts';
import type { ReadBudget } from './read-budget.ts';
import { describeSocketError } from './socket-words.ts';

/** Up to here more may be written, bytes not yet taken by the kernel. The rest stays with the producer as pending routes. */
const HIGH_WATER = 256 * 1024;
/** Below this the producer is asked for more. */
const LOW_WATER = 64 * 1024;

/** What a transport reports. */
export interface TransportEvents {
  connected(): void;
  /** A whole message, valid during the call; what this throws comes back by {@link TransportEvents.failed}. */
  readonly message: OnMessage;
  /** So many bytes came in. */
  received(bytes: number): void;
  /** What was received, or what `message` made of it, is an error. */
  failed(error: unknown): void;
  /** TCP could not be established or has ended. */
  closed(words: string): void;
  /** The kernel has taken bytes. */
  progress(): void;
  /** There is room again, after {@link Transport.write} said that there is none. */
  writable(): void;
}

/** Owner of a socket. Once it is closed it reports nothing more. */
export class Transport {
  readonly framer = new Framer();
  readonly socket: Socket;

  readonly #events: TransportEvents;
  readonly #budget: ReadBudget;
  readonly #message: OnMessage;
  #bytesReceived = 0;
  /** Bytes that the kernel has not taken. */
  #queued = 0;
  #full = false;
  /** Received, but not looked at in a turn that was used up. */
  #unread: Uint8Array | undefined;
  #open = true;
  #error: Error | undefined;

  constructor(socket: Socket, events: TransportEvents, budget: ReadBudget) {
    this.socket = socket;
    this.#events = events;
    this.#budget = budget;
    this.#message = (type, buffer, start, end) => {
      // What follows a message that ended the connection is not looked at.
      if (!this.#open) return;
      events.message(type, buffer, start, end);
    };
    socket.setNoDelay(true);
    socket.on('connect', () => {
      if (this.#open) events.connected();
    });
    socket.on('error', (error) => (this.#error = error));
    socket.on('end', () => this.#ended('the peer closed the connection'));
    socket.on('close', () => {
      const error = this.#error;
      this.#ended(error === undefined ? 'the peer closed the connection' : describeSocketError(error));
    });
  }

  /** Begins to read. What the peer sent before stays in the socket until then. */
  startReading(): void {
    // Plain arrays, as the framer's own: code that sees one kind only is faster, and a slice of a Buffer would be no copy.
    this.socket.on('data', (chunk) => this.#receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  }

  /**
   * Sends bytes, which must not change until the kernel has taken them.
   * Returns whether there is room for more; if not, {@link TransportEvents.writable} follows.
   */
  write(bytes: Uint8Array): boolean {
    if (!this.#open) return false;
    this.#queued += bytes.length;
    this.socket.write(bytes, (error) => {
      this.#queued -= bytes.length;
      if (error || !this.#open) return;
      this.#events.progress();
      if (!this.#full || this.#queued > LOW_WATER) return;
      this.#full = false;
      // In a turn of its own: a peer that reads as fast as it is written to would keep everything else waiting.
      setImmediate(() => {
        if (this.#open) this.#events.writable();
      });
    });
    if (this.#queued >= HIGH_WATER) this.#full = true;
    return !this.#full;
  }

  /** Looks at what the kernel has, then says whether anything has come in. */
  drain(done: (heard: boolean) => void): void {
    const before = this.#bytesReceived;
    // Timers run before sockets are read: a late timer may stand before the data that would have kept it from expiring.
    setImmediate(() =>
      setImmediate(() => {
        done(this.#unread !== undefined || this.#bytesReceived !== before);
      }),
    );
  }

  /**
   * Ends the connection. With `last` (a NOTIFICATION) what is queued and that is sent first, and the peer has a few
   * seconds to read it. The promise resolves when the socket is closed.
   */
  close(last: Uint8Array | undefined): Promise<void> {
    this.#open = false;
    this.#unread = undefined;
    return closeSocket(this.socket, last);
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#open) return;
    if (this.#budget.exhausted) {
      this.#unread = chunk;
    } else {
      this.#parse(chunk);
      if (!this.#open || !this.#budget.exhausted) {
        if (this.#open && this.socket.isPaused()) this.socket.resume();
        return;
      }
    }
    this.socket.pause();
    this.#budget.wait(() => this.#resume());
  }

  #resume(): void {
    if (!this.#open) return;
    const chunk = this.#unread;
    this.#unread = undefined;
    if (chunk === undefined) this.socket.resume();
    else this.#receive(chunk);
  }

  #parse(chunk: Uint8Array): void {
    const start = performance.now();
    this.#bytesReceived += chunk.length;
    this.#events.received(chunk.length);
    try {
      this.framer.feed(chunk, this.#message);
    } catch (error) {
      if (this.#open) this.#events.failed(error);
    }
    this.#budget.spend(performance.now() - start);
  }

  #ended(words: string): void {
    if (!this.#open) return;
    if (this.#unread !== undefined) this.#parse(this.#unread);
    this.#unread = undefined;
    if (!this.#open) return;
    this.#open = false;
    this.socket.destroy();
    this.#events.closed(words);
  }
}
