/** A node in a namespace, with links to a second namespace, and views of its kernel. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { KernelView } from '../../src/fib/kernel-view.ts';
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_NEXTHOP,
} from '../../src/fib/netlink/constants.ts';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import { addVethPair, listLinks, setLinkUp } from '../../src/fib/netlink/links.ts';
import { MessageReader } from '../../src/fib/netlink/message-reader.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkError } from '../../src/fib/netlink/netlink-error.ts';
import { NetlinkSocket } from '../../src/fib/netlink/netlink-socket.ts';
import { NetworkNamespace } from '../../src/fib/netlink/network-namespace.ts';
import type { RangeChanges } from '../../src/fib/range-routes.ts';
import { formatPrefix } from '../../src/net/prefix.ts';

const GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_NEXTHOP,
];

/** Identity of the daemon's own routes. */
export const OWNER = { table: 254, protocol: 12, metric: 1024 };

/** The node: `eth0` and `eth1` lead to `far0` and `far1` of the other namespace. */
export class ViewNode implements Disposable {
  readonly namespace: NetworkNamespace;
  readonly far: NetworkNamespace;
  readonly client: NetlinkClient;
  private readonly sockets: NetlinkSocket[] = [];
  private readonly notifications: NetlinkSocket;
  private readonly reader = new MessageReader();

  constructor() {
    const libc = loadLibc();
    this.namespace = new NetworkNamespace(libc);
    this.far = new NetworkNamespace(libc);
    // IPv6 addresses are usable, and told of, without waiting for duplicates to answer.
    for (const which of ['all', 'default']) this.setSysctl(`ipv6/conf/${which}/accept_dad`, 0);
    this.client = new NetlinkClient(this.open(this.namespace));
    this.notifications = this.open(this.namespace, GROUPS);
    for (const n of [0, 1]) addVethPair(this.client, `eth${n}`, `far${n}`, this.far.fd);
    const far = new NetlinkClient(this.open(this.far));
    for (const client of [this.client, far]) for (const { index } of listLinks(client)) setLinkUp(client, index, true);
    for (const n of [0, 1]) {
      this.ip(`address add 10.0.${n}.1/24 dev eth${n}`);
      this.ip(`address add fd00:${n}::1/64 dev eth${n} nodad`);
      this.farIp(`address add 10.0.${n}.2/24 dev far${n}`);
      this.farIp(`address add fd00:${n}::2/64 dev far${n} nodad`);
    }
  }

  /** A view that has read everything. */
  view(): KernelView {
    const view = new KernelView(this.client, { owner: OWNER, workloadInterfaces: ['cali*', 'tap*'] });
    view.refresh();
    return view;
  }

  /** Runs `ip` inside. */
  ip(words: string): string {
    return this.namespace.run(() => run(words));
  }

  /** Runs several `ip` commands inside, whether they succeed or not. */
  ipBatch(commands: readonly string[]): void {
    // One process for each family, in the order given: the family is an option of the process.
    for (const batch of runsOf(commands)) {
      const [option, lines] = batch;
      this.namespace.run(() => spawnSync('ip', [...option, '-force', '-batch', '-'], { input: lines.join('\n') }));
    }
  }

  /** Sets a network setting inside, named by its path below /proc/sys/net. */
  setSysctl(path: string, value: number): void {
    this.namespace.run(() => writeFileSync(`/proc/sys/net/${path}`, String(value)));
  }

  /** Runs `ip` in the other namespace. */
  farIp(words: string): string {
    return this.far.run(() => run(words));
  }

  /** Gives a view the notifications that came since the last call; returns whether any changed it. */
  deliver(view: KernelView): boolean {
    let changed = false;
    const buffer = new Uint8Array(65536);
    for (;;) {
      try {
        this.reader.reset(buffer, this.notifications.receive(buffer));
      } catch (error) {
        if (error instanceof NetlinkError && error.errno === 'EAGAIN') return changed;
        throw error;
      }
      while (this.reader.next()) changed = view.notify(this.reader) || changed;
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.close();
    this.namespace[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }

  private open(namespace: NetworkNamespace, groups: readonly number[] = []): NetlinkSocket {
    const socket = namespace.run(() => new NetlinkSocket(loadLibc(), groups));
    this.sockets.push(socket);
    return socket;
  }
}

/** Canonical texts of what came and went. */
export function texts(changes: RangeChanges | undefined): { added: string[]; removed: string[] } {
  return {
    added: (changes?.added ?? []).map(formatPrefix).toSorted(),
    removed: (changes?.removed ?? []).map(formatPrefix).toSorted(),
  };
}

function run(words: string): string {
  return execFileSync('ip', words.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Commands grouped by whether they start with `-6`, in order. */
function runsOf(commands: readonly string[]): [string[], string[]][] {
  const runs: [string[], string[]][] = [];
  for (const command of commands) {
    const option = command.startsWith('-6 ') ? ['-6'] : [];
    const line = command.replace(/^-6 /, '');
    const last = runs.at(-1);
    if (last !== undefined && last[0].length === option.length) last[1].push(line);
    else runs.push([option, [line]]);
  }
  return runs;
}
