/** Tells the service manager that the daemon is up (sd_notify(3)). Node has no datagram sockets of the AF_UNIX family. */

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/**
 * Sends `state`, e.g. `READY=1`, to the socket that the environment variable NOTIFY_SOCKET names; without one there is
 * nobody to tell. Throws an Error where it can't be sent.
 */
export async function notifyServiceManager(state: string, notifySocket: string | undefined): Promise<void> {
  if (notifySocket === undefined || notifySocket === '') return;
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number;
  const close = libc.func('int close(int)') as (fd: number) => number;
  const sendto = libc.func('long sendto(int, void *, size_t, int, void *, uint32_t)') as (
    fd: number,
    bytes: Uint8Array,
    size: number,
    flags: number,
    address: Uint8Array,
    length: number,
  ) => number;
  const bytes = Buffer.from(state);
  const address = unixAddress(notifySocket);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sent = sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
  const errno = koffi.errno();
  close(fd);
  if (sent < 0) throw new Error(`the service manager can't be told on ${notifySocket}: error ${errno}`);
}

/** A struct sockaddr_un (unix(7)); `@` at the beginning stands for an abstract address. */
export function unixAddress(path: string): Uint8Array {
  const address = Buffer.alloc(2 + Buffer.byteLength(path));
  address.write(path, 2);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
  if (path.startsWith('@')) address[2] = 0;
  return address;
}
