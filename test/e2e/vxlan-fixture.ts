/** Nodes on a common network, each a namespace of its own, with a pod address on the loopback. */
import { execFileSync, spawn } from 'node:child_process';
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from '../../src/fib/netlink/constants.ts';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import { addVethPair } from '../../src/fib/netlink/links.ts';
import { MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkSocket } from '../../src/fib/netlink/netlink-socket.ts';
import { NetworkNamespace } from '../../src/fib/netlink/network-namespace.ts';
import type { VxlanPlan } from '../../src/fib/tunnel-plan.ts';
import type { VxlanDataplane } from '../../src/fib/vxlan-dataplane.ts';
import type { Family } from '../../src/net/family.ts';
import { formatAddress } from '../../src/net/address.ts';

const GROUPS = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_NEIGH];

/**
 * Node `n` of an {@link Underlay}: `eth0` has 10.0.0.n/24 and fd00::n/64, its pod has 10.1.n.1 and fd01:n::1, its tunnel
 * address is 10.2.0.n or fd02::n.
 */
export class VxlanNode {
  readonly n: number;
  readonly client: NetlinkClient;
  private readonly namespace: NetworkNamespace;
  private readonly sockets: NetlinkSocket[];

  constructor(n: number) {
    const libc = loadLibc();
    this.n = n;
    this.namespace = new NetworkNamespace(libc);
    this.sockets = [[], GROUPS].map((groups) => this.namespace.run(() => new NetlinkSocket(libc, groups)));
    this.client = new NetlinkClient(this.sockets[0]);
  }

  get fd(): number {
    return this.namespace.fd;
  }

  /** Runs commands of `ip` and `bridge` inside, `;` between them; returns what they print. */
  run(commands: string): string {
    const run = (command: string): string => {
      const [program, ...words] = command.trim().split(/\s+/);
      return this.namespace.run(() => execFileSync(program, words, { encoding: 'utf8' }));
    };
    return commands.split(';').map(run).join('');
  }

  /** Asks `ip -json` inside. */
  ask<T>(words: string): T[] {
    return JSON.parse(this.run(`ip -json ${words}`)) as T[];
  }

  /** Pings from the pod of this node to that of another; resolves to how many of `count` answers came. */
  async ping(to: VxlanNode, family: Family, options = '-c 1 -W 1'): Promise<number> {
    const argv = ['-n', ...options.split(' '), '-I', pod(this.n, family), pod(to.n, family)];
    const child = this.namespace.run(() => spawn('ping', argv, { stdio: ['ignore', 'pipe', 'inherit'] }));
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    return Number(/(\d+) received/.exec(output)?.[1] ?? 0);
  }

  /** Gives the kernel's news so far to the dataplane; true if any of it calls for a sync. */
  notify(dataplane: VxlanDataplane): boolean {
    const buffer = new Uint8Array(65536);
    const reader = new MessageReader();
    let due = false;
    for (;;) {
      try {
        reader.reset(buffer, this.sockets[1].receive(buffer));
      } catch {
        return due;
      }
      while (reader.next()) due = dataplane.notify(reader) || due;
    }
  }

  close(): void {
    for (const socket of this.sockets) socket.close();
    this.namespace[Symbol.dispose]();
  }
}

/** Two or more nodes on one switch. */
export class Underlay implements Disposable {
  readonly nodes: readonly VxlanNode[];
  private readonly hub = new VxlanNode(0);

  constructor(size: number) {
    this.nodes = Array.from({ length: size }, (_, i) => new VxlanNode(i + 1));
    this.hub.run('ip link add br0 type bridge; ip link set br0 up');
    for (const node of this.nodes) {
      addVethPair(node.client, 'eth0', `port${node.n}`, this.hub.fd);
      this.hub.run(`ip link set port${node.n} master br0; ip link set port${node.n} up`);
      node.run('ip link set lo up; ip link set eth0 up');
      for (const family of [0, 1] as const) {
        const nodad = family === 0 ? '' : ' nodad';
        node.run(`ip address add ${underlay(node.n, family)}/${family === 0 ? 24 : 64} dev eth0${nodad}`);
        node.run(`ip address add ${pod(node.n, family)} dev lo${nodad}`);
      }
    }
  }

  /** The plan of a node that has all the others as its peers. */
  plan(node: VxlanNode, family: Family, changes: Partial<VxlanPlan> = {}): VxlanPlan {
    return {
      family,
      device: family === 0 ? 'vxlan.calico' : 'vxlan-v6.calico',
      vni: 4096,
      port: 4789,
      mac: mac(node.n, family),
      localAddress: underlay(node.n, family),
      tunnelAddress: tunnel(node.n, family),
      peers: this.nodes
        .filter((other) => other !== node)
        .map(({ n }) => ({
          node: `node${n}`,
          address: underlay(n, family),
          gateway: tunnel(n, family),
          mac: mac(n, family),
        })),
      ...changes,
    };
  }

  /** Writes the routes of a node to the pods of the others, as the FIB would. */
  route(node: VxlanNode, dataplane: VxlanDataplane): void {
    for (const other of this.nodes.filter((each) => each !== node)) {
      for (const family of [0, 1] as const) {
        const way = dataplane.vxlan(underlay(other.n, family));
        if ('why' in way) throw new Error(way.why);
        const { device } = this.plan(node, family);
        node.run(`ip route replace ${pod(other.n, family)} via ${formatAddress(way.gateway)} dev ${device} onlink`);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const node of [...this.nodes, this.hub]) node.close();
  }
}

function underlay(n: number, family: Family): string {
  return family === 0 ? `10.0.0.${n}` : `fd00::${n}`;
}

function pod(n: number, family: Family): string {
  return family === 0 ? `10.1.${n}.1` : `fd01:${n}::1`;
}

function tunnel(n: number, family: Family): string {
  return family === 0 ? `10.2.0.${n}` : `fd02::${n}`;
}

function mac(n: number, family: Family): string {
  return `66:00:00:00:0${family}:0${n}`;
}
