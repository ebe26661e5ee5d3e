/**
 * Interfaces and their addresses (linux/if_link.h, linux/if_addr.h), as synchronous calls.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IFA_ADDRESS,
  IFA_F_NODAD,
  IFA_LOCAL,
  IFF_LOWER_UP,
  IFF_RUNNING,
  IFF_UP,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_NET_NS_FD,
  IFLA_STATS64,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RTM_DELADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  SIZEOF_IFINFOMSG,
  VETH_INFO_PEER,
} from './constants.ts';
import type { InterfaceAddress } from './addresses.ts';
import { dumpAll } from './dump-all.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';

/** An interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  /** Whether there is something at its other end, as the kernel judges it for routes (net/ipv4/fib_frontend.c). */
  readonly carrier: boolean;
  /** Packets received and sent so far (`struct rtnl_link_stats64`). */
  readonly receivedPackets: number;
  readonly sentPackets: number;
}

/** All interfaces of the namespace. Throws {@link NetlinkError}. */
export function listLinks(client: NetlinkClient): Link[] {
  const attributes = new AttributeReader();
  return dumpAll(
    client,
    'list interfaces',
    (writer) => {
      writer.begin(RTM_GETLINK, NLM_F_DUMP);
      writer.ifinfomsg(0, 0, 0);
      writer.end();
    },
    (message) => (message.type === RTM_NEWLINK ? readLink(message, attributes) : undefined),
  );
}

/** Reads an `RTM_NEWLINK` or `RTM_DELLINK` message; undefined if it is about something else, as a bridge's port. */
export function readLink(message: MessageReader, attributes: AttributeReader): Link | undefined {
  if (message.u8(0) !== AF_UNSPEC) return undefined;
  let name = '';
  let receivedPackets = 0;
  let sentPackets = 0;
  attributes.reset(message, SIZEOF_IFINFOMSG);
  while (attributes.next()) {
    if (attributes.type === IFLA_IFNAME) name = attributes.text();
    if (attributes.type !== IFLA_STATS64) continue;
    receivedPackets = attributes.u64(0);
    sentPackets = attributes.u64(8);
  }
  const flags = message.u32(8);
  const up = (flags & IFF_UP) !== 0;
  const carrier = (flags & (IFF_RUNNING | IFF_LOWER_UP)) !== 0;
  return { index: message.i32(4), name, up, carrier, receivedPackets, sentPackets };
}

/** Makes a pair of veth interfaces: `name` here, `peerName` in the namespace open as `peerNamespace`. */
export function addVethPair(client: NetlinkClient, name: string, peerName: string, peerNamespace: number): void {
  const writer = new MessageWriter(256);
  writer.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  writer.ifinfomsg(0, 0, 0);
  writer.attributeString(IFLA_IFNAME, name);
  const info = writer.beginAttribute(IFLA_LINKINFO);
  writer.attributeString(IFLA_INFO_KIND, 'veth');
  const data = writer.beginAttribute(IFLA_INFO_DATA);
  const peer = writer.beginAttribute(VETH_INFO_PEER);
  writer.ifinfomsg(0, 0, 0);
  writer.attributeString(IFLA_IFNAME, peerName);
  writer.attributeU32(IFLA_NET_NS_FD, peerNamespace);
  writer.endAttribute(peer);
  writer.endAttribute(data);
  writer.endAttribute(info);
  writer.end();
  client.request(writer, `add veth pair ${name} and ${peerName}`);
}

/** Sets an interface up or down. */
export function setLinkUp(client: NetlinkClient, index: number, up: boolean): void {
  const writer = new MessageWriter(64);
  writer.begin(RTM_NEWLINK, 0);
  writer.ifinfomsg(index, up ? IFF_UP : 0, IFF_UP);
  writer.end();
  client.request(writer, `set interface ${index} ${up ? 'up' : 'down'}`);
}

/** Gives an interface an address; IPv6 addresses are usable at once, without duplicate address detection. */
export function addAddress(client: NetlinkClient, index: number, address: Uint8Array, prefixLength: number): void {
  const writer = new MessageWriter(64);
  writer.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  const ipv4 = address.length === 4;
  writer.ifaddrmsg(ipv4 ? AF_INET : AF_INET6, prefixLength, ipv4 ? 0 : IFA_F_NODAD, index);
  writer.attributeBytes(IFA_LOCAL, address);
  writer.attributeBytes(IFA_ADDRESS, address);
  writer.end();
  client.request(writer, `add an address to interface ${index}`);
}

/** Takes an address from an interface. Throws {@link NetlinkError}. */
export function deleteAddress(
  client: NetlinkClient,
  { interfaceIndex, address, prefixLength }: InterfaceAddress,
): void {
  const writer = new MessageWriter(64);
  writer.begin(RTM_DELADDR, 0);
  writer.ifaddrmsg(address.length === 4 ? AF_INET : AF_INET6, prefixLength, 0, interfaceIndex);
  writer.attributeBytes(IFA_LOCAL, address);
  writer.attributeBytes(IFA_ADDRESS, address);
  writer.end();
  client.request(writer, `delete an address of interface ${interfaceIndex}`);
}
