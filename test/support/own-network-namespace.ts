/** A network namespace for the thread that a test runs in, and for all that it starts. */
import { closeSync, openSync } from 'node:fs';
import { loadLibc } from '../../src/fib/netlink/libc.ts';

const CLONE_NEWNET = 0x40000000;

/** Enters an empty namespace; leaves it when disposed of. Takes root. */
export function enterNetworkNamespace(): Disposable {
  const libc = loadLibc();
  const outside = openSync('/proc/thread-self/ns/net', 'r');
  if (libc.unshare(CLONE_NEWNET) < 0) throw new Error(`no network namespace: errno ${libc.errno()}`);
  return {
    [Symbol.dispose]: () => {
      if (libc.setns(outside, CLONE_NEWNET) < 0) throw new Error(`the namespace cannot be left: errno ${libc.errno()}`);
      closeSync(outside);
    },
  };
}
