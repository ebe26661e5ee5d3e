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
  SO_ATTACH_FILTER,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
} from './constants.ts';
import type { Libc } from './libc.ts';
import { LITTLE_ENDIAN } from './message-writer.ts';
import type { NetlinkPort } from './netlink-client.ts';
import { NetlinkError } from './netlink-error.ts';

/** Room for the answers to a whole batch, each of which may be an error. */
const SOCKET_BUFFER = 4 << 20;

/** `struct sock_filter`, and the instructions that the filter needs (linux/bpf_common.h). */
const SIZEOF_SOCK_FILTER = 8;
const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_RET_K = 0x06;
/** Where `nlmsg_pid` is in a message. */
const NLMSG_PID_OFFSET = 12;

/** How a socket that listens to notifications differs from others. */
export interface SocketOptions {
  /** Room for what was not read yet, in bytes. */
  readonly receiveBuffer?: number;
  /** Port id of a socket whose own changes are not to be told. */
  readonly dropFrom?: number;
  /** Which part of the kernel it speaks with, `NETLINK_*`; routing, where nothing is said. */
  readonly protocol?: number;
}

/** A socket in the network namespace of the thread that opens it. */
export class NetlinkSocket implements NetlinkPort {
  readonly fd: number;
  /** The kernel's name for the socket: notifications carry that of the socket whose request they come of. */
  readonly portId: number;
  private readonly libc: Libc;

  /** Opens the socket and joins the multicast `groups` (`RTNLGRP_*`, `NFNLGRP_*`). Throws {@link NetlinkError}. */
  constructor(libc: Libc, groups: readonly number[] = [], options: SocketOptions = {}) {
    this.libc = libc;
    this.fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, options.protocol ?? NETLINK_ROUTE);
    if (this.fd < 0) throw new NetlinkError('open a netlink socket', libc.errno());
    // sockaddr_nl with port id 0: the kernel chooses one.
    const address = new Uint8Array(12);
    new Uint16Array(address.buffer)[0] = AF_NETLINK;
    if (libc.bind(this.fd, address, address.length) < 0) this.fail('bind a netlink socket');
    const length = Int32Array.of(address.length);
    if (libc.getsockname(this.fd, address, new Uint8Array(length.buffer)) < 0) this.fail('name a netlink socket');
    this.portId = new Uint32Array(address.buffer)[1];
    const { receiveBuffer = SOCKET_BUFFER, dropFrom } = options;
    // The forced sizes go beyond the system's limit but need CAP_NET_ADMIN; the others are the best that is left.
    if (!this.option(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)) this.option(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
    if (!this.option(SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER)) this.option(SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    // Kernels before 4.12 (extended ack) and 4.20 (strict check) lack these; what they give is words and less to read.
    this.option(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.option(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    this.option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    if (dropFrom !== undefined) this.dropFrom(dropFrom);
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

  /** Has the kernel tell nothing any more of what the socket of this port id does. Throws {@link NetlinkError}. */
  dropFrom(portId: number): void {
    if (!this.drop(portId)) this.fail('filter a netlink socket');
  }

  private option(level: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    return this.libc.setsockopt(this.fd, level, name, bytes, bytes.length) === 0;
  }

  /** Has the kernel drop messages that carry this port id, by a program of classic BPF (linux/filter.h). */
  private drop(portId: number): boolean {
    const program = new Uint8Array(4 * SIZEOF_SOCK_FILTER);
    const view = new DataView(program.buffer);
    const instruction = (index: number, code: number, jumpTrue: number, jumpFalse: number, k: number): void => {
      const at = index * SIZEOF_SOCK_FILTER;
      view.setUint16(at, code, LITTLE_ENDIAN);
      program[at + 2] = jumpTrue;
      program[at + 3] = jumpFalse;
      view.setUint32(at + 4, k, LITTLE_ENDIAN);
    };
    // BPF loads in network order what the header has in the order of the machine.
    const words = new Uint8Array(Uint32Array.of(portId).buffer);
    const swapped = new DataView(words.buffer).getUint32(0);
    instruction(0, BPF_LD_W_ABS, 0, 0, NLMSG_PID_OFFSET);
    instruction(1, BPF_JMP_JEQ_K, 0, 1, swapped);
    instruction(2, BPF_RET_K, 0, 0, 0);
    instruction(3, BPF_RET_K, 0, 0, 0xffffffff);
    return this.libc.attachFilter(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, program, 4) === 0;
  }

  private fail(request: string): never {
    const errno = this.libc.errno();
    this.close();
    throw new NetlinkError(request, errno);
  }
}
