/**
 * UDP sockets of pods: made inside a node's namespace, used from here. A socket stays in the namespace that it was made
 * in, so a single process can be all pods at once.
 */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '../fib/netlink/constants.ts';
import type { Libc } from '../fib/netlink/libc.ts';
import { NetlinkError } from '../fib/netlink/netlink-error.ts';
import { parseAddress } from '../net/address.ts';
import type { RouterNamespace } from './fabric.ts';

/** The UDP port that pods answer on. */
export const POD_PORT = 7000;

/** Opens a socket in a namespace, bound to an address; port 0 takes any. `onMessage` gets what arrives. */
export function openPodSocket(
  libc: Libc,
  namespace: RouterNamespace,
  address: string,
  port: number,
  onMessage: (socket: Socket, message: Buffer, from: RemoteInfo) => void,
): Socket {
  const { bytes } = parseAddress(address);
  const fd = namespace.run(() => boundSocket(libc, bytes, port));
  const socket = createSocket(bytes.length === 4 ? 'udp4' : 'udp6');
  socket.on('message', (message, from) => onMessage(socket, message, from));
  // A route that isn't there (yet) is no error of the program: the datagram counts as lost.
  socket.on('error', () => {});
  socket.bind({ fd });
  return socket;
}

function boundSocket(libc: Libc, address: Uint8Array, port: number): number {
  const ipv4 = address.length === 4;
  const fd = libc.socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw new NetlinkError('open a UDP socket', libc.errno());
  // struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)): family, port in network order, the address.
  const name = new Uint8Array(ipv4 ? 16 : 28);
  new Uint16Array(name.buffer)[0] = ipv4 ? AF_INET : AF_INET6;
  new DataView(name.buffer).setUint16(2, port);
  name.set(address, ipv4 ? 4 : 8);
  if (libc.bind(fd, name, name.length) === 0) return fd;
  const errno = libc.errno();
  libc.close(fd);
  throw new NetlinkError('bind a UDP socket', errno);
}
