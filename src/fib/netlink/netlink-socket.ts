/**
 * An AF_NETLINK socket (netlink(7), rtnetlink(7)).
 */
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
} from './constants.ts';
import type { Libc } from './libc.ts';
import type { NetlinkPort } from './netlink-client.ts';
import { NetlinkError } from './netlink-error.ts';

/** Room for the answers to a whole batch, each of which may be an error, and for a burst of notifications. */
const SOCKET_BUFFER = 4 << 20;

/** A routing socket in the network namespace of the thread that opens it. */
export class NetlinkSocket implements NetlinkPort {
  readonly fd: number;
  private readonly libc: Libc;

  /** Opens the socket and joins the multicast `groups` (`RTNLGRP_*`). Throws {@link NetlinkError}. */
  constructor(libc: Libc, groups: readonly number[] = []) {
    this.libc = libc;
    this.fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.fd < 0) throw new NetlinkError('open a netlink socket', libc.errno());
    // sockaddr_nl with port id 0: the kernel chooses one.
    const address = new Uint8Array(12);
    new Uint16Array(address.buffer)[0] = AF_NETLINK;
    if (libc.bind(this.fd, address, address.length) < 0) this.fail('bind a netlink socket');
    // The forced sizes go beyond the system's limit but need CAP_NET_ADMIN; the others are the best that is left.
    if (!this.option(SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER)) this.option(SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (!this.option(SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER)) this.option(SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    // Kernels before 4.12 (extended ack) and 4.20 (strict check) lack these; what they give is words and less to read.
    this.option(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.option(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    this.option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    for (const group of groups) {
      if (!this.option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)) this.fail(`join netlink group ${group}`);
    }
  }

  /** See {@link NetlinkPort.send}. */
  send(bytes: Uint8Array, length: number): void {
    if (this.libc.send(this.fd, bytes, length, 0) < 0) {
      throw new NetlinkError('send to the kernel', this.libc.errno());
    }
  }

  /** See {@link NetlinkPort.receive}. */
  receive(buffer: Uint8Array): number {
    const length = this.libc.recv(this.fd, buffer, buffer.length, MSG_DONTWAIT);
    if (length < 0) throw new NetlinkError('read from the kernel', this.libc.errno());
    return length;
  }

  close(): void {
    this.libc.close(this.fd);
  }

  private option(level: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    return this.libc.setsockopt(this.fd, level, name, bytes, bytes.length) === 0;
  }

  private fail(request: string): never {
    const errno = this.libc.errno();
    this.close();
    throw new NetlinkError(request, errno);
  }
}
