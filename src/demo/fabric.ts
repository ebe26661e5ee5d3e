/**
 * The fabric in the kernel: a network namespace for each router, linked by veth, set up as routers without any
 * program's help. Nothing of it has a name, so that it is gone as soon as no process is left in it.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { addAddress, addVethPair, listLinks, setLinkUp } from '../fib/netlink/links.ts';
import type { Link } from '../fib/netlink/links.ts';
import type { Libc } from '../fib/netlink/libc.ts';
import { NetlinkClient } from '../fib/netlink/netlink-client.ts';
import { NetlinkError } from '../fib/netlink/netlink-error.ts';
import { NetlinkSocket } from '../fib/netlink/netlink-socket.ts';
import { NetworkNamespace } from '../fib/netlink/network-namespace.ts';
import { parseAddress } from '../net/address.ts';
import { DemoError } from './demo-error.ts';
import { routersOf } from './topology.ts';
import type { LinkEnd, Topology } from './topology.ts';

/** What makes a namespace a router that spreads flows over equal paths (Documentation/networking/ip-sysctl.rst). */
const SYSCTLS = {
  'net/ipv4/ip_forward': 1,
  'net/ipv6/conf/all/forwarding': 1,
  'net/ipv4/fib_multipath_hash_policy': 1,
  'net/ipv6/fib_multipath_hash_policy': 1,
  // Answers may come back over the other switch.
  'net/ipv4/conf/all/rp_filter': 0,
  'net/ipv4/conf/default/rp_filter': 0,
  // Link-local addresses are usable at once.
  'net/ipv6/conf/default/accept_dad': 0,
} as const;

/** Has the kernel not announce each route whose next hops change; kernels before Linux 5.8 lack it. */
const NEXTHOP_COMPAT_MODE = 'net/ipv4/nexthop_compat_mode';

/** One router's namespace. */
export class RouterNamespace implements Disposable {
  readonly client: NetlinkClient;
  private readonly namespace: NetworkNamespace;
  private readonly socket: NetlinkSocket;

  constructor(libc: Libc) {
    this.namespace = new NetworkNamespace(libc);
    this.socket = this.run(() => new NetlinkSocket(libc));
    this.client = new NetlinkClient(this.socket);
    this.run(() => {
      for (const [path, value] of Object.entries(SYSCTLS)) writeSysctl(path, value);
      if (existsSync(`/proc/sys/${NEXTHOP_COMPAT_MODE}`)) writeSysctl(NEXTHOP_COMPAT_MODE, 0);
    });
    setLinkUp(this.client, this.link('lo').index, true);
  }

  get fd(): number {
    return this.namespace.fd;
  }

  /** Runs `action` inside, see {@link NetworkNamespace.run}. */
  run<T>(action: () => T): T {
    return this.namespace.run(action);
  }

  link(name: string): Link {
    return listLinks(this.client).find((link) => link.name === name)!;
  }

  /** Gives an interface addresses, each with the length of its prefix. */
  addAddresses(interfaceName: string, addresses: readonly (readonly [address: string, length: number])[]): void {
    const { index } = this.link(interfaceName);
    for (const [address, length] of addresses) addAddress(this.client, index, parseAddress(address).bytes, length);
  }

  [Symbol.dispose](): void {
    this.socket.close();
    this.namespace[Symbol.dispose]();
  }
}

function writeSysctl(path: string, value: number): void {
  try {
    writeFileSync(`/proc/sys/${path}`, `${value}\n`);
  } catch (error) {
    const name = path.replaceAll('/', '.');
    const why = error instanceof Error ? error.message : String(error);
    throw new DemoError(`${name} can't be set to ${value} (${why}). In a container, /proc/sys has to be writable.`);
  }
}

/** All namespaces with their links. */
export class Fabric implements Disposable {
  private readonly namespaces = new Map<string, RouterNamespace>();

  /** Throws {@link DemoError} where the system doesn't allow it. */
  constructor(libc: Libc, topology: Topology) {
    try {
      for (const { name } of routersOf(topology)) this.namespaces.set(name, new RouterNamespace(libc));
      for (const router of routersOf(topology)) this.at(router.name).addAddresses('lo', [[router.address, 32]]);
      for (const { name, pod } of topology.nodes) {
        this.at(name).addAddresses('lo', [
          [pod.ipv4, 32],
          [pod.ipv6, 128],
        ]);
      }
      for (const { tor, node } of topology.links) this.connect(tor, node);
    } catch (error) {
      this[Symbol.dispose]();
      if (!(error instanceof NetlinkError)) throw error;
      throw new DemoError(
        `The fabric can't be set up here: ${error.message}. It takes CAP_SYS_ADMIN and CAP_NET_ADMIN.`,
      );
    }
  }

  /** The namespace of a router. */
  at(name: string): RouterNamespace {
    return this.namespaces.get(name)!;
  }

  private connect(one: LinkEnd, other: LinkEnd): void {
    addVethPair(this.at(one.router).client, one.interfaceName, other.interfaceName, this.at(other.router).fd);
    for (const { router, interfaceName, address, prefixLength } of [one, other]) {
      const namespace = this.at(router);
      namespace.addAddresses(interfaceName, [
        [address.ipv4, prefixLength.ipv4],
        [address.ipv6, prefixLength.ipv6],
      ]);
      setLinkUp(namespace.client, namespace.link(interfaceName).index, true);
    }
  }

  [Symbol.dispose](): void {
    for (const namespace of this.namespaces.values()) namespace[Symbol.dispose]();
    this.namespaces.clear();
  }
}
