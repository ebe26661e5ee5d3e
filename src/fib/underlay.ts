/**
 * The interface that a VXLAN device's packets leave by.
 */
import { formatAddress, parseAddress } from '../net/address.ts';
import type { InterfaceAddress } from './netlink/addresses.ts';
import { IFF_LOOPBACK, IFLA_MTU, RTA_OIF, RTM_GETLINK, SIZEOF_IFINFOMSG, SIZEOF_RTMSG } from './netlink/constants.ts';
import { AttributeReader } from './netlink/message-reader.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { writeRouteGet } from './netlink/routes.ts';
import type { VxlanPlan } from './tunnel-plan.ts';

/** An interface of the underlay. */
export interface Underlay {
  readonly interfaceIndex: number;
  readonly mtu: number;
}

/**
 * The interface that has the plan's local address; where that is the loopback (a node with several uplinks), the one
 * that the way to the first peer leads over, as the uplinks of a node are taken to have the same MTU. Undefined if no
 * interface has the address. Throws {@link NetlinkError}.
 */
export function findUnderlay(
  client: NetlinkClient,
  plan: VxlanPlan,
  addresses: readonly InterfaceAddress[],
): Underlay | undefined {
  const local = addresses.find(({ address }) => formatAddress(address) === plan.localAddress);
  if (local === undefined) return undefined;
  const own = readInterface(client, local.interfaceIndex);
  if (!own.loopback || plan.peers.length === 0) return own;
  const uplink = lookUpInterface(client, plan.peers[0].address);
  return uplink === undefined ? own : readInterface(client, uplink);
}

function readInterface(client: NetlinkClient, interfaceIndex: number): Underlay & { readonly loopback: boolean } {
  const writer = new MessageWriter(64);
  writer.begin(RTM_GETLINK, 0);
  writer.ifinfomsg(interfaceIndex, 0, 0);
  writer.end();
  const attributes = new AttributeReader();
  let mtu = 0;
  let loopback = false;
  client.get(writer, `look up interface ${interfaceIndex}`, (message) => {
    loopback = (message.u32(8) & IFF_LOOPBACK) !== 0;
    attributes.reset(message, SIZEOF_IFINFOMSG);
    while (attributes.next()) if (attributes.type === IFLA_MTU) mtu = attributes.u32();
  });
  return { interfaceIndex, mtu, loopback };
}

function lookUpInterface(client: NetlinkClient, address: string): number | undefined {
  const writer = new MessageWriter(64);
  writeRouteGet(writer, parseAddress(address).bytes);
  const attributes = new AttributeReader();
  let interfaceIndex: number | undefined;
  try {
    client.get(writer, `look up the way to ${address}`, (message) => {
      attributes.reset(message, SIZEOF_RTMSG);
      while (attributes.next()) if (attributes.type === RTA_OIF) interfaceIndex = attributes.u32();
    });
  } catch (error) {
    // No route to it: then its interface can't be told yet.
    if (!(error instanceof NetlinkError)) throw error;
  }
  return interfaceIndex;
}
