/**
 * Hears of changes that others make to a table of nftables. The kernel tells every change to who listens; what a port of our own
 * does is left out there, and what is about other tables is skipped after a look at its name.
 */
import koffi from 'koffi';
import {
  NETLINK_NETFILTER,
  NFNLGRP_NFTABLES,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_INET,
  NFTA_GEN_PROC_NAME,
  NFTA_TABLE_NAME,
  NFT_MSG_NEWGEN,
  SIZEOF_NFGENMSG,
} from '../fib/netlink/constants.ts';
import { loadLibc } from '../fib/netlink/libc.ts';
import { AttributeReader, MessageReader } from '../fib/netlink/message-reader.ts';
import { NetlinkError } from '../fib/netlink/netlink-error.ts';
import { NetlinkSocket } from '../fib/netlink/netlink-socket.ts';

/** Room for what others change faster than it is read, as a firewall does that loads 100,000 addresses. */
const RECEIVE_BUFFER = 16 << 20;

/** How long notifications are read in one turn of the event loop, in milliseconds. */
const TURN = 5;

const READABLE = { readable: true };

export interface TableWatchOptions {
  /** Name of the table, in the family inet. */
  readonly table: string;
  /** Somebody else changed the table: the name of the program, if it is known. */
  readonly changed: (by: string | undefined) => void;
  /** Notifications were lost: anything may have been changed. */
  readonly lost: () => void;
}

/** A watch that lasts until it is closed. */
export class TableWatch {
  private readonly options: TableWatchOptions;
  private readonly name: Uint8Array;
  private readonly socket: NetlinkSocket;
  private readonly poll: ReturnType<typeof koffi.node.poll>;
  private readonly reader = new MessageReader();
  private readonly attributes = new AttributeReader();
  private readonly buffer = new Uint8Array(1 << 16);
  /** Whether the transaction whose notifications are being read is about the table. */
  private isAbout = false;
  /** Whether notifications were lost since there were none left to read. */
  private hasLost = false;

  /** Starts to watch in the network namespace of the calling thread. Throws {@link NetlinkError}; it takes CAP_NET_ADMIN. */
  constructor(options: TableWatchOptions) {
    this.options = options;
    this.name = new TextEncoder().encode(`${options.table}\0`);
    this.socket = new NetlinkSocket(loadLibc(), [NFNLGRP_NFTABLES], {
      protocol: NETLINK_NETFILTER,
      receiveBuffer: RECEIVE_BUFFER,
    });
    this.poll = koffi.node.poll(this.socket.fd, READABLE, () => this.drain());
    this.poll.unref();
  }

  /** Changes that come from this port of netlink are one's own from now on, and no others. */
  setOwnPort(portId: number): void {
    this.socket.dropFrom(portId);
  }

  close(): void {
    this.poll.close();
    this.socket.close();
  }

  private drain(): void {
    const until = performance.now() + TURN;
    for (;;) {
      try {
        this.reader.reset(this.buffer, this.socket.receive(this.buffer));
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        if (error.errno !== 'ENOBUFS') return this.told();
        this.hasLost = true;
        // It ended with the error.
        this.poll.start(READABLE, () => this.drain());
        continue;
      }
      // What is left of them says less than what is lost.
      while (!this.hasLost && this.reader.next()) this.read();
      if (performance.now() >= until) return;
    }
  }

  /** All is read. Not before does the kernel keep again what comes: it says once that it loses, and loses all until then. */
  private told(): void {
    if (!this.hasLost) return;
    this.hasLost = this.isAbout = false;
    this.options.lost();
  }

  private read(): void {
    const { reader, attributes } = this;
    if (reader.type >> 8 !== NFNL_SUBSYS_NFTABLES) return;
    if ((reader.type & 0xff) === NFT_MSG_NEWGEN) {
      // Comes last in a transaction, with the name of who made it.
      if (this.isAbout) this.options.changed(this.programName());
      this.isAbout = false;
      return;
    }
    if (this.isAbout || reader.u8(0) !== NFPROTO_INET) return;
    // The first attribute of every message about an object is the name of its table.
    attributes.reset(reader, SIZEOF_NFGENMSG);
    if (!attributes.next() || attributes.type !== NFTA_TABLE_NAME || attributes.length !== this.name.length) return;
    this.isAbout = this.name.every((byte, i) => attributes.u8(i) === byte);
  }

  private programName(): string | undefined {
    const { attributes } = this;
    attributes.reset(this.reader, SIZEOF_NFGENMSG);
    while (attributes.next()) if (attributes.type === NFTA_GEN_PROC_NAME) return attributes.text();
    return undefined;
  }
}
