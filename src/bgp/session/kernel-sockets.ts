/**
 * The system calls on TCP sockets that `node:net` has no way to: options set before connect and listen, and later changes
 * of a listening socket's options.
 */
import { createRequire } from 'node:module';
import { getSystemErrorMap } from 'node:util';
import type * as Koffi from 'koffi';

/** A system call that failed. */
export class SystemCallError extends Error {
  /** Name of the error, e.g. `EADDRINUSE`. */
  readonly code: string;
  readonly call: string;

  constructor(call: string, errno: number) {
    const [name, words] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, `error ${errno}`];
    super(`${call}: ${words} (${name})`);
    this.name = 'SystemCallError';
    this.code = name;
    this.call = call;
  }
}

/** A feature that needs the kernel's socket options, which cannot be reached here. */
export class KernelSocketsError extends Error {
  readonly code = 'KERNEL_SOCKETS_UNAVAILABLE';

  constructor(words: string, options?: ErrorOptions) {
    super(words, options);
    this.name = 'KernelSocketsError';
  }
}

/** Sockets by file descriptor. Every function throws {@link SystemCallError}. */
export interface KernelSockets {
  /** A new non-blocking TCP socket, closed on exec. `domain` is AF_INET or AF_INET6. */
  open(domain: number): number;
  /** setsockopt(2); the value is laid out as the kernel wants it. */
  setOption(fd: number, level: number, name: number, value: Uint8Array): void;
  /** bind(2); the address is a struct sockaddr. */
  bind(fd: number, address: Uint8Array): void;
  /** close(2), of a descriptor that no `node:net` object has taken over. */
  close(fd: number): void;
  /** The index of an interface. */
  interfaceIndex(name: string): number;
  /** The address of bytes in memory, for options that hold a pointer. Valid while `bytes` is referenced. */
  pointer(bytes: Uint8Array): bigint;
}

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/**
 * Binds the C library of this process.
 * Throws {@link KernelSocketsError} where the native module that does so does not load.
 */
export function loadKernelSockets(): KernelSockets {
  const { koffi, libc } = loadLibrary();
  const socket = libc.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number;
  const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint)') as (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    length: number,
  ) => number;
  const bind = libc.func('int bind(int, const void *, uint)') as (fd: number, to: Uint8Array, length: number) => number;
  const close = libc.func('int close(int)') as (fd: number) => number;
  const indexOf = libc.func('uint if_nametoindex(const char *)') as (name: string) => number;

  const check = (call: string, result: number): number => {
    if (result < 0) throw new SystemCallError(call, koffi.errno());
    return result;
  };
  return {
    open: (domain) => check('socket', socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
    setOption: (fd, level, name, value) => {
      check('setsockopt', setsockopt(fd, level, name, value, value.length));
    },
    bind: (fd, address) => {
      check('bind', bind(fd, address, address.length));
    },
    close: (fd) => {
      check('close', close(fd));
    },
    interfaceIndex: (name) => check('if_nametoindex', indexOf(name) || -1),
    pointer: (bytes) => koffi.address(bytes),
  };
}

function loadLibrary(): { koffi: typeof Koffi; libc: Koffi.LibraryHandle } {
  try {
    // Loaded here and not by an import, so that a machine without a build of it loses these options and nothing else.
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    return { koffi, libc: koffi.load(null) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KernelSocketsError(`the native module "koffi" does not load: ${why}`, { cause });
  }
}
