/**
 * Addresses of the node's interfaces, by which HostEndpoints without the name of an interface find theirs. Followed only where
 * there is such a HostEndpoint.
 */
import koffi from 'koffi';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK } from '../fib/netlink/constants.ts';
import { readInterfaces } from '../fib/netlink/interfaces.ts';
import { loadLibc } from '../fib/netlink/libc.ts';
import { NetlinkError } from '../fib/netlink/netlink-error.ts';
import { NetlinkSocket } from '../fib/netlink/netlink-socket.ts';
import type { HostInterface } from '../policy/host-interfaces.ts';

/** From the first sign of a change to reading, in milliseconds: pods come with several interfaces and addresses at once. */
const SETTLE_TIME = 50;

/** How soon it is tried again where something failed, in milliseconds. */
const RETRY_TIME = 1000;

/** Most that are discarded at once. */
const MOST_MESSAGES = 10_000;

const GROUPS = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];

export interface InterfaceWatchOptions {
  /** Called whenever they may be others. */
  readonly changed: (interfaces: readonly HostInterface[]) => void;
  /** Called with what went wrong, in words; undefined when nothing is any more. */
  readonly troubled: (words: string | undefined) => void;
}

export class InterfaceWatch {
  private readonly options: InterfaceWatchOptions;
  private socket: NetlinkSocket | undefined;
  private poll: ReturnType<typeof koffi.node.poll> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly buffer = new Uint8Array(65_536);

  constructor(options: InterfaceWatchOptions) {
    this.options = options;
  }

  /** Reads them now, and whenever the kernel says that something changed. Asked again: nothing. */
  follow(): void {
    if (this.socket !== undefined) return;
    try {
      // Before anything is read, so that no change falls between the two.
      this.socket = new NetlinkSocket(loadLibc(), GROUPS);
      this.poll = koffi.node.poll(this.socket.fd, () => this.readSoon());
      this.read();
    } catch (error) {
      this.poll?.close();
      this.socket?.close();
      this.poll = this.socket = undefined;
      this.options.troubled(error instanceof Error ? error.message : String(error));
      this.timer ??= setTimeout(() => this.followAgain(), RETRY_TIME).unref();
    }
  }

  private followAgain(): void {
    this.timer = undefined;
    this.follow();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.poll?.close();
    this.socket?.close();
  }

  /** What the messages say is read anew in any case; until then nobody listens. */
  private readSoon(): void {
    this.timer ??= setTimeout(() => this.read(), SETTLE_TIME).unref();
  }

  private read(): void {
    this.timer = undefined;
    this.discardMessages();
    this.poll?.start({ readable: true }, () => this.readSoon());
    try {
      const interfaces = readInterfaces();
      this.options.troubled(undefined);
      this.options.changed(
        interfaces.map(({ name, addresses }) => ({ name, addresses: addresses.map(({ address }) => address) })),
      );
    } catch (error) {
      this.options.troubled(error instanceof Error ? error.message : String(error));
      this.timer = setTimeout(() => this.read(), RETRY_TIME).unref();
    }
  }

  private discardMessages(): void {
    for (let i = 0; i < MOST_MESSAGES; i++) {
      try {
        this.socket?.receive(this.buffer);
      } catch (error) {
        // There are no more, unless some got lost, which matters as little as what they said.
        if (!(error instanceof NetlinkError) || error.errno !== 'ENOBUFS') return;
      }
    }
  }
}
