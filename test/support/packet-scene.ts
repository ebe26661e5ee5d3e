/**
 * A router that packets of any kind are sent through: `cali0` to `cali3` lead to workloads with 10.65.K.0/24 and
 * fd00:65:aK::/48, `up0` to everything else. Behind the links is one namespace in which frames are made and counted.
 */
import { execFileSync } from 'node:child_process';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import type { Libc } from '../../src/fib/netlink/libc.ts';
import { NetworkNamespace } from '../../src/fib/netlink/network-namespace.ts';
import type { Packet } from '../../src/policy/decide.ts';
import { frameId, frameOf, macBytes } from './packet-frame.ts';
import { waitFor } from './wait-for.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const ETH_P_ALL = 3;

const ROUTER_SIDE = 1;
const WORLD_SIDE = 2;

/** What the router calls its links, by number. */
export const DEVICES = ['cali0', 'cali1', 'cali2', 'cali3', 'up0', 'spare0'] as const;

/** The link to everything else. */
export const OUTSIDE = 4;

/** A packet and the link by which it comes. */
export interface Arrival {
  readonly link: number;
  readonly packet: Packet;
}

/** Marks the packet after which all others have been through; ids of packets are smaller. */
const LAST = 0xffffffff;

/** The link that only the last packet comes and goes by. */
const SPARE = 5;

const LAST_PACKET: Packet = {
  version: 4,
  source: '198.18.0.1',
  destination: '198.18.0.2',
  protocol: 254,
};

export class PacketScene implements Disposable {
  private readonly libc: Libc = loadLibc();
  private readonly router = new NetworkNamespace(this.libc);
  private readonly world = new NetworkNamespace(this.libc);
  private readonly senders: readonly number[];
  private readonly receiver: number;
  private readonly buffer = new Uint8Array(2048);

  constructor() {
    this.world.run(() =>
      run('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']),
    );
    this.router.run(() => this.build());
    this.senders = this.world.run(() => DEVICES.map((_, index) => this.open(0, linkIndex(`world${index}`))));
    this.receiver = this.world.run(() => this.open(ETH_P_ALL, 0));
    const size = new Uint8Array(new Int32Array([64 << 20]).buffer);
    this.libc.setsockopt(this.receiver, SOL_SOCKET, SO_RCVBUFFORCE, size, 4);
  }

  /** Runs nft in the router with this script. Throws an Error with its complaint. */
  nft(script: string): void {
    this.router.run(() => run('nft', ['-f', '-'], script));
  }

  /** What a command says in the router. */
  ask(...words: string[]): string {
    return this.router.run(() => run(words[0], words.slice(1)));
  }

  /**
   * Sends packets to the router; frames of those that came out, by place in the list. Packets on a link keep their order, so
   * that all were through when the last one is; `awaited` are waited for in case the kernel moved the work to another CPU.
   */
  async send(
    arrivals: readonly Arrival[],
    awaited: ReadonlySet<number>,
    timeoutMs = 300,
  ): Promise<Map<number, Buffer>> {
    const passed = new Map<number, Buffer>();
    for (const [id, { link, packet }] of arrivals.entries()) this.emit(link, packet, id);
    await waitFor(
      () => {
        this.receive(passed);
        return [...awaited].every((id) => passed.has(id));
      },
      { what: 'packets that are to pass', timeoutMs, intervalMs: 5 },
    ).catch(() => {});
    this.emit(SPARE, LAST_PACKET, LAST);
    await waitFor(() => this.receive(passed) && passed.has(LAST), { what: 'the last packet', intervalMs: 5 });
    passed.delete(LAST);
    return passed;
  }

  [Symbol.dispose](): void {
    for (const fd of [...this.senders, this.receiver]) this.libc.close(fd);
    this.router[Symbol.dispose]();
    this.world[Symbol.dispose]();
  }

  private build(): void {
    run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=0']);
    run('sysctl', ['-qw', 'net.ipv4.conf.default.rp_filter=0', 'net.ipv6.conf.default.accept_dad=0']);
    const lines = DEVICES.flatMap((device, index) => {
      const mac = (side: number) =>
        macBytes(side, index)
          .map((byte) => byte.toString(16))
          .join(':');
      const [net4, net6] = netsAt(index);
      const peer = `peer name world${index} address ${mac(WORLD_SIDE)} netns /proc/${process.pid}/fd/${this.world.fd}`;
      return [
        `link add ${device} address ${mac(ROUTER_SIDE)} type veth ${peer}`,
        `link set ${device} up`,
        `address add 169.254.${index}.1/32 dev ${device}`,
        `neighbour add 169.254.${index}.2 lladdr ${mac(WORLD_SIDE)} dev ${device}`,
        `neighbour add fe80::2 lladdr ${mac(WORLD_SIDE)} dev ${device}`,
        `route add ${net4} via 169.254.${index}.2 dev ${device} onlink`,
        `route add ${net6} via fe80::2 dev ${device}`,
      ];
    });
    run('ip', ['-batch', '-'], ['link set lo up', ...lines].join('\n'));
    this.world.run(() => run('ip', ['-batch', '-'], DEVICES.map((_, index) => `link set world${index} up`).join('\n')));
  }

  private open(protocol: number, index: number): number {
    const fd = this.libc.socket(AF_PACKET, SOCK_RAW, protocol === 0 ? 0 : protocol << 8);
    if (fd < 0) throw new Error(`no packet socket: errno ${this.libc.errno()}`);
    // struct sockaddr_ll, packet(7)
    const address = Buffer.alloc(20);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(protocol, 2);
    address.writeInt32LE(index, 4);
    if (this.libc.bind(fd, address, address.length) < 0) throw new Error(`cannot bind: errno ${this.libc.errno()}`);
    return fd;
  }

  private emit(link: number, packet: Packet, id: number): void {
    const frame = frameOf(packet, id, macBytes(WORLD_SIDE, link), macBytes(ROUTER_SIDE, link));
    if (this.libc.send(this.senders[link], frame, frame.length, 0) < 0) {
      throw new Error(`cannot send a packet: errno ${this.libc.errno()}`);
    }
  }

  /** Reads what came from the router, and not what went there. */
  private receive(passed: Map<number, Buffer>): true {
    for (;;) {
      const length = this.libc.recv(this.receiver, this.buffer, this.buffer.length, MSG_DONTWAIT);
      if (length < 0) return true;
      const frame = this.buffer.subarray(0, length);
      const isOurs = frame[0] === 2 && frame[4] === WORLD_SIDE && (frame[12] === 0x08 || frame[12] === 0x86);
      if (isOurs) passed.set(frameId(frame), Buffer.from(frame));
    }
  }
}

/** What is routed over a link. */
function netsAt(link: number): readonly [string, string] {
  if (link === OUTSIDE) return ['0.0.0.0/0', '::/0'];
  return link === SPARE ? ['198.18.0.0/15', '100::/64'] : [`10.65.${link}.0/24`, `fd00:65:a${link}::/48`];
}

function linkIndex(device: string): number {
  return Number(run('ip', ['-o', 'link', 'show', device]).split(':')[0]);
}

function run(program: string, argv: readonly string[], input = ''): string {
  return execFileSync(program, argv, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}
