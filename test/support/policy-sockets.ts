/** Sockets in other network namespaces than the process' own, never blocking, by the C library. */
import { closeSync, openSync } from 'node:fs';
import { endianness } from 'node:os';
import koffi from 'koffi';
import { formatAddress, parseAddress } from '../../src/net/address.ts';

const CLONE_NEWNET = 0x40000000;
const NONBLOCK_CLOEXEC = 0o2004000;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCKET_TYPES = { stream: 1, datagram: 2, raw: 3 };
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_BROADCAST = 6;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** Addresses may be bound, and sent from, that are no addresses of the namespace: IP_TRANSPARENT, IPV6_TRANSPARENT. */
const TRANSPARENT = { level: { 4: 0, 6: SOL_IPV6 }, name: { 4: 19, 6: 75 } } as const;
const EINTR = 4;
const EINPROGRESS = 115;
const POLLIN = 1;
const POLLOUT = 4;
const POLLFD = 8;
const BIGGEST_PACKET = 2048;

const library = koffi.load(null);
const libc = {
  setns: library.func('int setns(int, int)'),
  socket: library.func('int socket(int, int, int)'),
  bind: library.func('int bind(int, void *, uint32_t)'),
  listen: library.func('int listen(int, int)'),
  connect: library.func('int connect(int, void *, uint32_t)'),
  accept: library.func('int accept4(int, void *, void *, int)'),
  sendto: library.func('long sendto(int, void *, size_t, int, void *, uint32_t)'),
  recvfrom: library.func('long recvfrom(int, void *, size_t, int, void *, void *)'),
  getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
  setsockopt: library.func('int setsockopt(int, int, int, void *, uint32_t)'),
  poll: library.func('int poll(void *, unsigned long, int)'),
  close: library.func('int close(int)'),
};

/** A call of the C library failed. */
class SocketError extends Error {
  override readonly name = 'SocketError';
  constructor(call: string, errno: number) {
    super(`${call}: error ${errno}`);
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw new SocketError(call, koffi.errno());
  return result;
}

/** Where a packet goes to, or comes from. */
export interface SocketAddress {
  /** IPv4 or IPv6 without zone; undefined: any, of both families. */
  readonly address?: string | undefined;
  readonly port: number;
}

/** A `struct sockaddr_in` or `sockaddr_in6`. */
function encode({ address = '::', port }: SocketAddress): Uint8Array {
  const { bytes } = parseAddress(address);
  const ipv4 = bytes.length === 4;
  const encoded = new Uint8Array(ipv4 ? 16 : 28);
  const view = new DataView(encoded.buffer);
  view.setUint16(0, ipv4 ? AF_INET : AF_INET6, endianness() === 'LE');
  view.setUint16(2, port);
  encoded.set(bytes, ipv4 ? 4 : 8);
  return encoded;
}

function decode(encoded: Uint8Array): SocketAddress {
  const view = new DataView(encoded.buffer, encoded.byteOffset);
  const ipv4 = view.getUint16(0, endianness() === 'LE') === AF_INET;
  const address = ipv4 ? encoded.subarray(4, 8) : encoded.subarray(8, 24);
  // As sockets of both families have IPv4 addresses (RFC 4291, 2.5.5.2).
  const mapped = !ipv4 && view.getUint32(8) === 0 && view.getUint32(12) === 0 && view.getUint32(16) === 0xffff;
  return { address: formatAddress(mapped ? address.subarray(12) : address), port: view.getUint16(2) };
}

/** Runs `action` with this thread in a named namespace. Sockets that it opens stay there. */
export function inNamespace<T>(name: string, action: () => T): T {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  const other = openSync(`/run/netns/${name}`, 'r');
  try {
    check('setns', libc.setns(other, CLONE_NEWNET));
    try {
      return action();
    } finally {
      check('setns', libc.setns(own, CLONE_NEWNET));
    }
  } finally {
    closeSync(own);
    closeSync(other);
  }
}

/** What arrived at a socket. */
export interface Received {
  readonly bytes: Buffer;
  readonly from: SocketAddress;
}

export class NonBlockingSocket implements Disposable {
  readonly fd: number;
  #open = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Opens one in the thread's namespace; `protocol` is the IP protocol of raw ones. */
  static open(type: keyof typeof SOCKET_TYPES, version: 4 | 6, protocol = 0): NonBlockingSocket {
    const family = version === 4 ? AF_INET : AF_INET6;
    const fd = check('socket', libc.socket(family, SOCKET_TYPES[type] | NONBLOCK_CLOEXEC, protocol));
    return new NonBlockingSocket(fd);
  }

  /** Listens for packets, or with `connections` for those, to a port of any address of both families. */
  static listening(port: number, connections: boolean): NonBlockingSocket {
    const socket = NonBlockingSocket.open(connections ? 'stream' : 'datagram', 6);
    socket.#set(SOL_IPV6, IPV6_V6ONLY, 0);
    socket.#set(SOL_SOCKET, SO_REUSEADDR, 1);
    socket.#bind({ port });
    if (connections) check('listen', libc.listen(socket.fd, 512));
    return socket;
  }

  /** Has packets come from an address, which need not be one of the namespace. */
  sendFrom(source: SocketAddress, version: 4 | 6): void {
    this.#set(TRANSPARENT.level[version], TRANSPARENT.name[version], 1);
    this.#set(SOL_SOCKET, SO_BROADCAST, 1);
    this.#bind(source);
  }

  /** Begins to connect; packets go there from then on. False where the kernel refuses at once. */
  connect(to: SocketAddress): boolean {
    const address = encode(to);
    return libc.connect(this.fd, address, address.length) === 0 || koffi.errno() === EINPROGRESS;
  }

  /** Why connecting failed; 0 where it did not. */
  error(): number {
    const value = new Int32Array(1);
    check('getsockopt', libc.getsockopt(this.fd, SOL_SOCKET, SO_ERROR, value, new Uint32Array([4])));
    return value[0];
  }

  /** The next connection, and who made it. */
  accept(): { socket: NonBlockingSocket; from: SocketAddress } | undefined {
    const address = new Uint8Array(28);
    const fd = libc.accept(this.fd, address, new Uint32Array([28]), NONBLOCK_CLOEXEC);
    return fd < 0 ? undefined : { socket: new NonBlockingSocket(fd), from: decode(address) };
  }

  /** False where the kernel refuses. */
  send(bytes: Uint8Array, to?: SocketAddress): boolean {
    const NO_SIGNAL = 0x4000;
    const address = to === undefined ? null : encode(to);
    return libc.sendto(this.fd, bytes, bytes.length, NO_SIGNAL, address, address?.length ?? 0) >= 0;
  }

  /** What came next: undefined where there is nothing, no bytes where the other end has closed or reset the connection. */
  receive(): Received | undefined {
    const EAGAIN = 11;
    const bytes = Buffer.alloc(BIGGEST_PACKET);
    const address = new Uint8Array(28);
    const length = Number(libc.recvfrom(this.fd, bytes, bytes.length, 0, address, new Uint32Array([28])));
    if (length < 0 && koffi.errno() === EAGAIN) return undefined;
    return { bytes: bytes.subarray(0, Math.max(length, 0)), from: decode(address) };
  }

  [Symbol.dispose](): void {
    if (this.#open) libc.close(this.fd);
    this.#open = false;
  }

  #bind(to: SocketAddress): void {
    const address = encode(to);
    check('bind', libc.bind(this.fd, address, address.length));
  }

  #set(level: number, name: number, value: number): void {
    check('setsockopt', libc.setsockopt(this.fd, level, name, new Int32Array([value]), 4));
  }
}

/** Those of the sockets at which something is to be read or, where `writable` says so, to be written, at this moment. */
export function readySockets<T extends { readonly socket: NonBlockingSocket; readonly writable: boolean }>(
  all: readonly T[],
): T[] {
  const buffer = new Uint8Array(all.length * POLLFD);
  const view = new DataView(buffer.buffer);
  const little = endianness() === 'LE';
  for (const [index, { socket, writable }] of all.entries()) {
    view.setInt32(index * POLLFD, socket.fd, little);
    view.setInt16(index * POLLFD + 4, writable ? POLLOUT : POLLIN, little);
  }
  const found = libc.poll(buffer, all.length, 0);
  // The end of a child may interrupt it.
  if (found === 0 || (found < 0 && koffi.errno() === EINTR)) return [];
  check('poll', found);
  return all.filter((_, index) => view.getInt16(index * POLLFD + 6, little) !== 0);
}
