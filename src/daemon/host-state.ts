/** Interfaces with their addresses, and source addresses, as the kernel has them now. */
import { createSocket } from 'node:dgram';
import type { AutodetectionMethod } from '../bootstrap/autodetection-method.ts';
import type { HostInterface } from '../bootstrap/detect-address.ts';
import type { HostState } from '../bootstrap/own-node.ts';
import { listAddresses } from '../fib/netlink/addresses.ts';
import { loadLibc } from '../fib/netlink/libc.ts';
import { listLinks } from '../fib/netlink/links.ts';
import { NetlinkClient } from '../fib/netlink/netlink-client.ts';
import { NetlinkSocket } from '../fib/netlink/netlink-socket.ts';
import { canonicalAddress, formatAddress } from '../net/address.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';

/** Any: nothing is sent. */
const PORT = 9;

/** What autodetection by these methods needs. Rejects with {@link NetlinkError} where the kernel can't be asked. */
export async function readHostState(methods: readonly [AutodetectionMethod, AutodetectionMethod]): Promise<HostState> {
  const source = (family: Family) => {
    const method = methods[family];
    return method.kind === 'can-reach' ? sourceTowards(family, method.destination) : undefined;
  };
  const sourceAddresses = await Promise.all([source(IPV4_UNICAST), source(IPV6_UNICAST)]);
  return { at: performance.now(), interfaces: readInterfaces(), sourceAddresses };
}

/** All interfaces of the network namespace. Throws {@link NetlinkError}. */
function readInterfaces(): HostInterface[] {
  const socket = new NetlinkSocket(loadLibc());
  try {
    const client = new NetlinkClient(socket);
    const addresses = listAddresses(client).filter(({ duplicate }) => !duplicate);
    return listLinks(client).map(({ name, index, up }) => ({
      name,
      index,
      up,
      addresses: addresses
        .filter(({ interfaceIndex }) => interfaceIndex === index)
        .map(({ address, prefixLength }) => ({
          address: formatAddress(address),
          family: address.length === 4 ? IPV4_UNICAST : IPV6_UNICAST,
          prefixLength,
        })),
    }));
  } finally {
    socket.close();
  }
}

/** The address from which packets to a name or address go; undefined where none would. */
function sourceTowards(family: Family, destination: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === IPV4_UNICAST ? 'udp4' : 'udp6');
    const end = (address: string | undefined) => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => end(undefined));
    socket.connect(PORT, destination, (error?: Error) => {
      end(error === undefined ? canonicalAddress(socket.address().address) : undefined);
    });
  });
}
