/**
 * Network namespaces without a name (network_namespaces(7)): they last as long as a descriptor or a process holds them.
 */
import { closeSync, openSync } from 'node:fs';
import type { Libc } from './libc.ts';
import { NetlinkError } from './netlink-error.ts';

const CLONE_NEWNET = 0x40000000;
const OWN_NAMESPACE = '/proc/thread-self/ns/net';

/** A network namespace held by a descriptor. */
export class NetworkNamespace implements Disposable {
  readonly fd: number;
  private readonly libc: Libc;

  /** Makes an empty namespace. Throws {@link NetlinkError}; it takes CAP_SYS_ADMIN. */
  constructor(libc: Libc) {
    this.libc = libc;
    const outside = openSync(OWN_NAMESPACE, 'r');
    try {
      if (libc.unshare(CLONE_NEWNET) < 0) throw new NetlinkError('make a network namespace', libc.errno());
      this.fd = openSync(OWN_NAMESPACE, 'r');
      enter(libc, outside);
    } finally {
      closeSync(outside);
    }
  }

  /**
   * Runs `action` with the calling thread inside: sockets that it opens, threads and processes that it starts stay
   * there. It must be over when it returns, as the thread leaves then.
   */
  run<T>(action: () => T): T {
    const outside = openSync(OWN_NAMESPACE, 'r');
    try {
      enter(this.libc, this.fd);
      try {
        return action();
      } finally {
        enter(this.libc, outside);
      }
    } finally {
      closeSync(outside);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

function enter(libc: Libc, fd: number): void {
  if (libc.setns(fd, CLONE_NEWNET) < 0) throw new NetlinkError('enter a network namespace', libc.errno());
}
