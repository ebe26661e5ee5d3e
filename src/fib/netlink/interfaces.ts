/** Interfaces together with their addresses. */
import { formatAddress } from '../../net/address.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { listAddresses } from './addresses.ts';
import { loadLibc } from './libc.ts';
import { listLinks } from './links.ts';
import { NetlinkClient } from './netlink-client.ts';
import { NetlinkSocket } from './netlink-socket.ts';

export interface Interface {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  /** In the kernel's order, without those that somebody else on the link has as well. */
  readonly addresses: readonly InterfaceNetwork[];
}

export interface InterfaceNetwork {
  /** Canonical text, without zone. */
  readonly address: string;
  readonly family: Family;
  readonly prefixLength: number;
}

/** All interfaces of the network namespace. Throws {@link NetlinkError}. */
export function readInterfaces(): Interface[] {
  const socket = new NetlinkSocket(loadLibc());
  try {
    const client = new NetlinkClient(socket);
    const links = listLinks(client).map(({ name, index, up }) => ({
      name,
      index,
      up,
      addresses: [] as InterfaceNetwork[],
    }));
    const byIndex = new Map(links.map((link) => [link.index, link]));
    for (const { interfaceIndex, address, prefixLength, duplicate } of listAddresses(client)) {
      if (duplicate) continue;
      const family = address.length === 4 ? IPV4_UNICAST : IPV6_UNICAST;
      byIndex.get(interfaceIndex)?.addresses.push({ address: formatAddress(address), family, prefixLength });
    }
    return links;
  } finally {
    socket.close();
  }
}
