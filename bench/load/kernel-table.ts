/** The kernel's routing table of the daemon under test, looked at from the load generator's namespace. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  AF_INET,
  RTA_DST,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTNLGRP_LINK,
  SOL_SOCKET,
  SO_RCVBUFFORCE,
} from '../../src/fib/netlink/constants.ts';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import { AttributeReader, MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { MessageWriter } from '../../src/fib/netlink/message-writer.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkError } from '../../src/fib/netlink/netlink-error.ts';
import { NetlinkSocket } from '../../src/fib/netlink/netlink-socket.ts';
import { newRouteView, readRoute } from '../../src/fib/netlink/routes.ts';
import type { RouteView } from '../../src/fib/netlink/routes.ts';
import type { PrefixTable } from './routes.ts';

/** Answer with the entry of the table instead of what it gives for the address (linux/rtnetlink.h). */
const RTM_F_FIB_MATCH = 0x2000;
const RTNLGRP_IPV4_ROUTE = 7;
const RTNLGRP_NEXTHOP = 32;
const CLONE_NEWNET = 0x40000000;
/** Room for a change of each route, in bytes. */
const WATCH_BUFFER = 256 << 20;
/** Prefixes that are looked up before all routes are counted. */
const SAMPLES = 1000;

/** What the kernel announced, see {@link KernelTable.watch}. */
export interface Announced {
  /** When a link was last seen to change, as performance.now() has it; undefined before. */
  linkAt: number | undefined;
  /** Routes added, changed or removed, and next-hop objects. */
  routes: number;
  nextHops: number;
  /** Whether there was more than the socket could hold. */
  overrun: boolean;
}

/** Asks the kernel in the network namespace of a process. */
export class KernelTable {
  private readonly pid: number;
  private readonly client: NetlinkClient;
  private readonly writer = new MessageWriter(64);
  private readonly attributes = new AttributeReader();
  private readonly view: RouteView = newRouteView();
  private readonly before: number;

  /** Enters the namespace for as long as it takes to open a socket. Counts the routes that are there already. */
  constructor(pid: number) {
    this.pid = pid;
    this.client = new NetlinkClient(this.open([]));
    this.before = this.prefixes();
  }

  /** Waits until the routes of the whole table are in the kernel, and no others beside those from the beginning. */
  async holds(table: PrefixTable): Promise<void> {
    const { length } = table.lengths;
    const step = Math.max(1, Math.floor(length / SAMPLES));
    for (let i = length - 1; i >= 0; i -= step) while (!this.has(table, i)) await sleep(1);
    // The whole table is walked for this: so only now.
    while (this.prefixes() - this.before !== length) await sleep(20);
  }

  /** Number of the interface that packets to an address leave by, 0 without route. */
  interfaceFor(address: number): number {
    return this.get(address, 0) ? this.view.interfaceIndex : 0;
  }

  /** Whether just this prefix is in the table. */
  private has(table: PrefixTable, i: number): boolean {
    return this.get(table.addresses[i], RTM_F_FIB_MATCH) && this.view.length === table.lengths[i];
  }

  private get(address: number, flags: number): boolean {
    const { writer, view } = this;
    writer.clear();
    writer.begin(RTM_GETROUTE, 0);
    writer.rtmsg(AF_INET, 32, 0, 0, 0, flags);
    writer.attributeAddress4(RTA_DST, address);
    writer.end();
    try {
      this.client.get(writer, 'look a route up', (message) => void readRoute(message, this.attributes, view));
      return true;
    } catch (error) {
      if (error instanceof NetlinkError) return false;
      throw error;
    }
  }

  /** Prefixes of all tables, as the kernel counts them (main and local are one until there are rules). */
  private prefixes(): number {
    const text = readFileSync(`/proc/${this.pid}/net/fib_triestat`, 'utf8');
    return Number(/^Main:.*?Prefixes:\s+(\d+)/ms.exec(text)?.[1] ?? 0);
  }

  /** Counts what the kernel announces from now on; the function returned takes in what came since it was last called. */
  watch(): { announced: Announced; drain: () => void } {
    const socket = this.open([RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_NEXTHOP]);
    const size = new Uint8Array(Int32Array.of(WATCH_BUFFER).buffer);
    loadLibc().setsockopt(socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length);
    const announced: Announced = { linkAt: undefined, routes: 0, nextHops: 0, overrun: false };
    const buffer = new Uint8Array(1 << 16);
    const reader = new MessageReader();
    const count = (type: number) => {
      if (type === RTM_NEWLINK) announced.linkAt ??= performance.now();
      if (type === RTM_NEWROUTE || type === RTM_DELROUTE) announced.routes++;
      if (type === RTM_NEWNEXTHOP || type === RTM_DELNEXTHOP) announced.nextHops++;
    };
    const drain = () => {
      for (;;) {
        const length = receive(socket, buffer, announced);
        if (length === undefined) return;
        reader.reset(buffer, length);
        while (reader.next()) count(reader.type);
      }
    };
    return { announced, drain };
  }

  private open(groups: readonly number[]): NetlinkSocket {
    const libc = loadLibc();
    const outside = openSync('/proc/thread-self/ns/net', 'r');
    const inside = openSync(`/proc/${this.pid}/ns/net`, 'r');
    try {
      libc.setns(inside, CLONE_NEWNET);
      return new NetlinkSocket(libc, groups);
    } finally {
      libc.setns(outside, CLONE_NEWNET);
      closeSync(inside);
      closeSync(outside);
    }
  }
}

/** One datagram; undefined where there is none yet. */
function receive(socket: NetlinkSocket, buffer: Uint8Array, announced: Announced): number | undefined {
  for (;;) {
    try {
      return socket.receive(buffer);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== 'ENOBUFS') return undefined;
      announced.overrun = true;
    }
  }
}
