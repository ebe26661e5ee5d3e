/** A namespace with two uplinks for tests of the FIB, and the built FIB in it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Fib, FibHandler, FibOptions } from '../../src/fib/fib.ts';
import {
  RTM_DELNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_NEXTHOP,
} from '../../src/fib/netlink/constants.ts';
import { addAddress, addVethPair, listLinks, setLinkUp } from '../../src/fib/netlink/links.ts';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import { MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkSocket } from '../../src/fib/netlink/netlink-socket.ts';
import { NetworkNamespace } from '../../src/fib/netlink/network-namespace.ts';
import { parseAddress } from '../../src/net/address.ts';
import { waitFor } from '../support/wait-for.ts';

const DIST = join(import.meta.dirname, '../../dist');
/** That of the daemon's routes (rtnetlink(7)). */
const PROTOCOL = 12;

/** A node with `uplink0` (10.0.0.1/24, fd00:0::1/64) and `uplink1` (10.0.1.1/24, fd00:1::1/64); `.2` is at the other end. */
export class FibNode implements AsyncDisposable {
  readonly namespace: NetworkNamespace;
  readonly client: NetlinkClient;
  private readonly far: NetworkNamespace;
  private readonly sockets: NetlinkSocket[] = [];
  private readonly fibs: Fib[] = [];

  constructor() {
    const libc = loadLibc();
    this.namespace = new NetworkNamespace(libc);
    this.far = new NetworkNamespace(libc);
    const open = (namespace: NetworkNamespace): NetlinkClient => {
      const socket = namespace.run(() => new NetlinkSocket(libc));
      this.sockets.push(socket);
      return new NetlinkClient(socket);
    };
    this.client = open(this.namespace);
    for (const n of [0, 1]) addVethPair(this.client, `uplink${n}`, `down${n}`, this.far.fd);
    const farClient = open(this.far);
    for (const link of listLinks(farClient)) setLinkUp(farClient, link.index, true);
    setLinkUp(this.client, this.link('lo'), true);
    for (const n of [0, 1]) this.raise(n);
  }

  /** Sets an uplink up, with its addresses. */
  raise(n: number): void {
    const index = this.link(`uplink${n}`);
    setLinkUp(this.client, index, true);
    for (const [address, length] of [
      [`10.0.${n}.1`, 24],
      [`fd00:${n}::1`, 64],
    ] as const) {
      try {
        addAddress(this.client, index, parseAddress(address).bytes, length);
      } catch {
        // IPv4 addresses stay when an interface goes down, IPv6 ones don't.
      }
    }
  }

  /** Sets an uplink down. */
  lower(n: number): void {
    setLinkUp(this.client, this.link(`uplink${n}`), false);
  }

  /** Starts a FIB inside. */
  async startFib(options: Partial<FibOptions> = {}, handler: Partial<FibHandler> = {}): Promise<Fib> {
    const built = (await import(join(DIST, 'fib/fib.js'))) as { Fib: typeof Fib };
    const quiet: FibHandler = {
      trouble: () => {},
      synced: () => {},
      repaired: () => {},
      nextHops: () => {},
      workloads: () => {},
      inRanges: () => {},
      addresses: () => {},
    };
    const fib = new built.Fib({ table: 254, protocol: PROTOCOL, maxPaths: 16, ...options }, { ...quiet, ...handler });
    await this.namespace.run(() => fib.start());
    this.fibs.push(fib);
    return fib;
  }

  /** Asks `ip` for something, inside. */
  ip<T>(...words: string[]): T[] {
    const argv = ['-json', ...words];
    const output = this.namespace.run(() =>
      execFileSync('ip', argv, { encoding: 'utf8', maxBuffer: 1 << 26, stdio: 'pipe' }),
    );
    return output.trim() === '' ? [] : (JSON.parse(output) as T[]);
  }

  /**
   * Counts what the kernel tells of the daemon's routes and next-hop objects from now on. It tells of others as well: of
   * the routes to an IPv6 address of an uplink only when it has found out, in its own time, that nobody else has it.
   */
  monitor(): { take(): number } & Disposable {
    const socket = this.namespace.run(
      () => new NetlinkSocket(loadLibc(), [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP]),
    );
    const buffer = new Uint8Array(65536);
    const reader = new MessageReader();
    return {
      take() {
        for (let count = 0; ;) {
          try {
            reader.reset(buffer, socket.receive(buffer));
          } catch {
            // There are no more.
            return count;
          }
          while (reader.next()) if (protocolOf(reader) === PROTOCOL) count++;
        }
      },
      [Symbol.dispose]: () => socket.close(),
    };
  }

  private link(name: string): number {
    return listLinks(this.client).find((link) => link.name === name)!.index;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.fibs.map((fib) => fib.stop({ keepRoutes: true })));
    for (const socket of this.sockets) socket.close();
    this.namespace[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }
}

/** Whose route (`struct rtmsg`) or next-hop object (`struct nhmsg`) a notification is about. */
function protocolOf(message: MessageReader): number {
  return message.u8(message.type === RTM_NEWNEXTHOP || message.type === RTM_DELNEXTHOP ? 2 : 5);
}

interface IpRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly via?: { readonly host: string };
  readonly dev?: string;
  readonly nexthops?: readonly IpRoute[];
}

/** Routes of protocol bird, e.g. `10.1.0.0/16 10.0.0.2%uplink0 10.0.1.2%uplink1`. */
export function kernelRoutes(node: FibNode, family: '-4' | '-6'): string[] {
  const routes = node.ip<IpRoute>(family, 'route', 'show', 'proto', 'bird');
  return routes.map((route) => `${route.dst} ${(route.nexthops ?? [route]).map(hop).join(' ')}`).toSorted();
}

function hop(route: IpRoute): string {
  return `${route.gateway ?? route.via?.host ?? 'link'}%${route.dev}`;
}

/** Waits until the FIB has nothing left to do. */
export async function settled(fib: Fib): Promise<void> {
  fib.flush();
  await waitFor(() => fib.statistics.pending === 0, { what: 'the FIB to have written everything', timeoutMs: 30_000 });
}
