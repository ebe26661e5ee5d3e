import type { Fib } from '../fib/fib.ts';
import type { Family } from '../net/family.ts';
import type { ForwardingListener } from '../rib/forwarding.ts';

/** Takes what the RIB wants forwarded to the FIB. */
export function forwardingTo(fib: Fib): ForwardingListener & { flush(): void } {
  return {
    define(group, members) {
      const hops = members.map(({ address, interface: link }) =>
        link === undefined ? { address, weight: 1 } : { address, interface: link, weight: 1 },
      );
      fib.defineGroup(group, hops);
    },
    release: (group) => fib.releaseGroup(group),
    set: (family, a0, a1, a2, a3, length, group) => fib.set(family as Family, a0, a1, a2, a3, length, group),
    flush: () => fib.flush(),
  };
}
