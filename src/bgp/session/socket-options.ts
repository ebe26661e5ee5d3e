/**
 * TCP and IP options of BGP sessions (linux/tcp.h, linux/in.h, linux/in6.h), on file descriptors.
 */
import type { Socket } from 'node:net';
import type { ParsedAddress } from '../../net/address.ts';
import { SystemCallError } from './kernel-sockets.ts';
import type { KernelSockets } from './kernel-sockets.ts';
import { ttlFilter } from './ttl-filter.ts';
import type { TtlRule } from './ttl-filter.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;

const IPPROTO_IP = 0;
const IP_TTL = 2;
const IP_MINTTL = 21;

const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_MINHOPCOUNT = 73;

const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_USER_TIMEOUT = 18;
/** Longest key of TCP_MD5SIG, bytes. */
const MD5_MAX_KEY = 80;
const SOCKADDR_STORAGE = 128;

/** Hop limit that a packet has when it leaves its sender (RFC 5082 §3). */
const MAX_TTL = 255;

/** Options of one session's sockets. */
export interface SocketOptions {
  /** RFC 5082: greatest number of hops the peer may be away, 1 being the next node. */
  readonly ttlSecurity?: number;
  /** Hop limit of what is sent; without it that of the system. Not used with `ttlSecurity`. */
  readonly ttl?: number;
  /** Milliseconds that sent data may stay without acknowledgement (RFC 5482); 0 is the system's choice. */
  readonly userTimeout: number;
}

/** The kernel keeps no more TCP MD5 keys on a socket: they share the room of `net.core.optmem_max` (net/core/sock.c). */
class KeySpaceError extends Error {
  readonly code = 'TCP_MD5_KEY_SPACE';

  constructor(cause: Error) {
    super(`the kernel has no room for the TCP MD5 keys of so many peers: raise the sysctl net.core.optmem_max`, {
      cause,
    });
    this.name = 'KeySpaceError';
  }
}

/** AF_INET or AF_INET6, by the length of an address. */
export function domainOf({ bytes }: ParsedAddress): number {
  return bytes.length === 4 ? AF_INET : AF_INET6;
}

/** A struct sockaddr_in or sockaddr_in6. `zone` of a link-local address must be the name of an interface. */
export function sockaddr(kernel: KernelSockets, { bytes, zone }: ParsedAddress, port: number): Uint8Array {
  if (bytes.length === 4) {
    const address = new Uint8Array(16);
    address.set(native16(AF_INET), 0);
    address.set([port >>> 8, port & 255], 2);
    address.set(bytes, 4);
    return address;
  }
  const address = new Uint8Array(28);
  address.set(native16(AF_INET6), 0);
  address.set([port >>> 8, port & 255], 2);
  address.set(bytes, 8);
  if (zone !== undefined) address.set(native32(/^\d+$/.test(zone) ? Number(zone) : kernel.interfaceIndex(zone)), 24);
  return address;
}

/** The options that hold for a socket whichever side opened it. */
export function setSocketOptions(kernel: KernelSockets, fd: number, domain: number, options: SocketOptions): void {
  const { ttlSecurity, ttl, userTimeout } = options;
  const v4 = domain === AF_INET;
  const setHops = (value: number): void =>
    v4 ? setInt(kernel, fd, IPPROTO_IP, IP_TTL, value) : setInt(kernel, fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
  if (ttlSecurity !== undefined) {
    setHops(MAX_TTL);
    const least = leastTtl(ttlSecurity);
    if (v4) setInt(kernel, fd, IPPROTO_IP, IP_MINTTL, least);
    else setInt(kernel, fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, least);
  } else if (ttl !== undefined) {
    setHops(ttl);
  }
  if (userTimeout > 0) setInt(kernel, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, userTimeout);
}

/** The options of a listening socket. The answers to all peers leave with the greatest hop limit, for those with GTSM. */
export function setListenerOptions(kernel: KernelSockets, fd: number, domain: number): void {
  setInt(kernel, fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (domain === AF_INET) {
    setInt(kernel, fd, IPPROTO_IP, IP_TTL, MAX_TTL);
    return;
  }
  // One listener an address family: keys and hop limits of IPv4 peers stand on the other one.
  setInt(kernel, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setInt(kernel, fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, MAX_TTL);
}

/**
 * Sets the key that signs all segments to and from a peer, in place of an earlier one (RFC 2385, TCP_MD5SIG);
 * undefined takes it away. On a listening socket segments of that peer are then ignored unless they bear it.
 */
export function setMd5Key(kernel: KernelSockets, fd: number, peer: ParsedAddress, key: string | undefined): void {
  const bytes = new TextEncoder().encode(key ?? '');
  if (bytes.length > MD5_MAX_KEY) throw new RangeError(`a TCP MD5 password has at most ${MD5_MAX_KEY} bytes`);
  // struct tcp_md5sig: address, flags, prefix length, key length, interface, key.
  const option = new Uint8Array(SOCKADDR_STORAGE + 8 + MD5_MAX_KEY);
  option.set(sockaddr(kernel, peer, 0), 0);
  option.set(native16(bytes.length), SOCKADDR_STORAGE + 2);
  option.set(bytes, SOCKADDR_STORAGE + 8);
  try {
    kernel.setOption(fd, IPPROTO_TCP, TCP_MD5SIG, option);
  } catch (error) {
    throw error instanceof SystemCallError && error.code === 'ENOMEM' ? new KeySpaceError(error) : error;
  }
}

/**
 * Makes a listening socket, and the sockets accepted from it, deaf to packets of some peers that have come too far
 * (RFC 5082 §3). IP_MINTTL can be set on an accepted socket only when its first data may be there already.
 */
export function setTtlFilter(kernel: KernelSockets, fd: number, domain: number, rules: readonly TtlRule[]): void {
  const own = rules.filter(({ address }) => (address.length === 4) === (domain === AF_INET));
  if (own.length === 0) {
    // Detaching fails where nothing is attached, so an empty filter takes its place.
    attach(kernel, fd, ttlFilter([]));
    setInt(kernel, fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
    return;
  }
  attach(kernel, fd, ttlFilter(own));
}

/** Least hop limit of a packet from a peer that is `hops` away. */
export function leastTtl(hops: number): number {
  return MAX_TTL + 1 - hops;
}

/** The file descriptor of a connected socket, or undefined where it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  // There is no public way to the descriptor of an accepted socket.
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

/** SO_ATTACH_FILTER with a struct sock_fprog. */
function attach(kernel: KernelSockets, fd: number, program: Uint8Array): void {
  const option = new Uint8Array(16);
  option.set(native16(program.length / 8), 0);
  option.set(new Uint8Array(BigUint64Array.of(kernel.pointer(program)).buffer), 8);
  kernel.setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, option);
}

function setInt(kernel: KernelSockets, fd: number, level: number, name: number, value: number): void {
  kernel.setOption(fd, level, name, native32(value));
}

/** A number in the byte order of this machine. */
function native16(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

function native32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
