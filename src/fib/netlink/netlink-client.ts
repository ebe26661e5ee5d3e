/**
 * Requests and dumps over a netlink socket, one at a time. The kernel works on a request inside send(), so its answer
 * is there when send() returns: nothing here waits.
 */
import { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP_INTR } from './constants.ts';
import { MessageReader } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import { NetlinkError, readFailure } from './netlink-error.ts';

/** Carries datagrams to the kernel and back: a socket, or a function that plays the kernel in tests. */
export interface NetlinkPort {
  /** Sends `bytes[0, length)` as one datagram. Throws {@link NetlinkError}. */
  send(bytes: Uint8Array, length: number): void;
  /** Reads one datagram into `buffer` and returns its length. Throws {@link NetlinkError}, also if there is none. */
  receive(buffer: Uint8Array): number;
}

/** Room for one datagram: the kernel fills up to 32 KiB with a dump if the reader has room (net/netlink/af_netlink.c). */
const RECEIVE_BUFFER = 65536;

/** Speaks request and answer over a {@link NetlinkPort}. */
export class NetlinkClient {
  private readonly port: NetlinkPort;
  private readonly buffer = new Uint8Array(RECEIVE_BUFFER);
  private readonly reader = new MessageReader();
  /** Whether an exchange is under way, or was given up, so that answers to it may still come. */
  private unfinished = false;

  constructor(port: NetlinkPort) {
    this.port = port;
  }

  /**
   * Sends a batch and calls `onFailure` for each message that the kernel refused, with its place in the batch.
   * Throws {@link NetlinkError} if the batch or the answer didn't get through; what of it was done is then unknown.
   */
  execute(batch: MessageWriter, onFailure: (index: number, errno: number, extAck: string | undefined) => void): void {
    if (batch.length === 0) return;
    batch.acknowledgeLast();
    const last = (batch.sequence - batch.firstSequence) >>> 0;
    this.send(batch);
    for (;;) {
      this.reader.reset(this.buffer, this.port.receive(this.buffer));
      while (this.reader.next()) {
        const index = (this.reader.sequence - batch.firstSequence) >>> 0;
        // Anything else is a late answer to a batch that was given up.
        if (this.reader.type !== NLMSG_ERROR || index > last) continue;
        const { errno, extAck } = readFailure(this.reader);
        if (index === last) this.unfinished = false;
        if (errno !== 0) onFailure(index, errno, extAck);
        if (index === last) return;
      }
    }
  }

  /** Sends a single message; throws {@link NetlinkError} with `request` as what was asked if the kernel refuses it. */
  request(message: MessageWriter, request: string): void {
    this.execute(message, (_index, errno, extAck) => {
      throw new NetlinkError(request, errno, extAck);
    });
  }

  /**
   * Sends a single request and calls `onAnswer` for the message that answers it.
   * Throws {@link NetlinkError} with `request` as what was asked.
   */
  get(message: MessageWriter, request: string, onAnswer: (answer: MessageReader) => void): void {
    this.send(message);
    for (;;) {
      this.reader.reset(this.buffer, this.port.receive(this.buffer));
      while (this.reader.next()) {
        if (this.reader.sequence !== message.sequence) continue;
        this.unfinished = false;
        if (this.reader.type !== NLMSG_ERROR) return onAnswer(this.reader);
        const { errno, extAck } = readFailure(this.reader);
        throw new NetlinkError(request, errno, extAck);
      }
    }
  }

  /**
   * Sends a dump request and calls `onMessage` for each message of the answer. Returns false if the tables changed
   * meanwhile, so that the answer may lack entries or hold some twice (`NLM_F_DUMP_INTR`).
   * Throws {@link NetlinkError} with `request` as what was asked.
   */
  dump(message: MessageWriter, request: string, onMessage: (message: MessageReader) => void): boolean {
    this.send(message);
    let consistent = true;
    for (;;) {
      this.reader.reset(this.buffer, this.port.receive(this.buffer));
      while (this.reader.next()) {
        if (this.reader.sequence !== message.sequence) continue;
        if ((this.reader.flags & NLM_F_DUMP_INTR) !== 0) consistent = false;
        if (this.reader.type === NLMSG_ERROR || this.reader.type === NLMSG_DONE) {
          this.unfinished = false;
          const { errno, extAck } = readFailure(this.reader);
          if (errno !== 0) throw new NetlinkError(request, errno, extAck);
          return consistent;
        }
        onMessage(this.reader);
      }
    }
  }

  /** Sends, after what is left of an exchange that was given up has been read: others number their requests alike. */
  private send({ bytes, length }: MessageWriter): void {
    if (this.unfinished) this.drain();
    this.unfinished = true;
    this.port.send(bytes, length);
  }

  private drain(): void {
    for (;;) {
      try {
        this.port.receive(this.buffer);
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        // An overrun (ENOBUFS) is told once, and what fitted is there after it.
        if (error.errno !== 'ENOBUFS') return;
      }
    }
  }
}
