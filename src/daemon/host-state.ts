/** Interfaces with their addresses, and source addresses, as the kernel has them now. */
import { createSocket } from 'node:dgram';
import type { AutodetectionMethod } from '../bootstrap/autodetection-method.ts';
import type { HostState } from '../bootstrap/own-node.ts';
import { readInterfaces } from '../fib/netlink/interfaces.ts';
import { canonicalAddress } from '../net/address.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';

/** Any: nothing is sent. */
const PORT = 9;

/** How long a name may take to be resolved, in milliseconds: the start of the daemon waits for it. */
const PATIENCE = 3_000;

/** What autodetection by these methods needs. Rejects with {@link NetlinkError} where the kernel can't be asked. */
export async function readHostState(methods: readonly [AutodetectionMethod, AutodetectionMethod]): Promise<HostState> {
  const source = (family: Family) => {
    const method = methods[family];
    return method.kind === 'can-reach' ? sourceTowards(family, method.destination) : undefined;
  };
  const sourceAddresses = await Promise.all([source(IPV4_UNICAST), source(IPV6_UNICAST)]);
  return { at: performance.now(), interfaces: readInterfaces(), sourceAddresses };
}

/** The address from which packets to a name or address go; undefined where none would. */
function sourceTowards(family: Family, destination: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === IPV4_UNICAST ? 'udp4' : 'udp6');
    const end = (address: string | undefined) => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      resolve(address);
    };
    const timer = setTimeout(() => end(undefined), PATIENCE);
    socket.once('error', () => end(undefined));
    socket.connect(PORT, destination, (error?: Error) => {
      end(error === undefined ? canonicalAddress(socket.address().address) : undefined);
    });
  });
}
