/**
 * The functions of the C library that Node has no call for.
 */
import koffi from 'koffi';

/** Functions as in their manual pages: -1 means failure, with the reason in {@link Libc.errno}. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  /** setsockopt() with a `struct sock_fprog` (linux/filter.h) of this many instructions. */
  attachFilter(fd: number, level: number, name: number, program: Uint8Array, instructions: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  close(fd: number): number;
  unshare(flags: number): number;
  setns(fd: number, type: number): number;
  /** Why the last call of this thread failed. */
  errno(): number;
}

/** Binds the functions, for the calling thread. */
export function loadLibc(): Libc {
  // null: the symbols of the running program, which include its C library, glibc or musl.
  const library = koffi.load(null);
  const program = koffi.struct({ len: 'uint16_t', filter: 'void *' });
  const attach = library.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(program), 'uint32_t']);
  const size = koffi.sizeof(program);
  return {
    getsockname: library.func('int getsockname(int, void *, void *)'),
    attachFilter: (fd, level, name, filter, len) => attach(fd, level, name, { len, filter }, size),
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, void *, uint32_t)'),
    setsockopt: library.func('int setsockopt(int, int, int, void *, uint32_t)'),
    send: library.func('long send(int, void *, size_t, int)'),
    recv: library.func('long recv(int, void *, size_t, int)'),
    close: library.func('int close(int)'),
    unshare: library.func('int unshare(int)'),
    setns: library.func('int setns(int, int)'),
    errno: () => koffi.errno(),
  };
}
