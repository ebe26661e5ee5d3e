/** What the kernel tells of interfaces, neighbours, next hops and routes, as netlink messages. */
import {
  IFF_LOWER_UP,
  IFF_RUNNING,
  IFF_UP,
  IFLA_IFNAME,
  NDA_DST,
  NLM_F_REPLACE,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTN_BLACKHOLE,
} from '../../src/fib/netlink/constants.ts';
import type { MessageWriter } from '../../src/fib/netlink/message-writer.ts';
import { writeNewNextHop, writeNewNextHopGroup } from '../../src/fib/netlink/nexthops.ts';
import type { NextHopObject } from '../../src/fib/netlink/nexthops.ts';
import {
  beginNewRoute,
  endRouteToNextHopId,
  endRouteToNextHops,
  endRouteToNowhere,
} from '../../src/fib/netlink/routes.ts';
import type { RouteView } from '../../src/fib/netlink/routes.ts';
import { parseAddress } from '../../src/net/address.ts';

/** Gives a message another type and flags than its writer did. */
function retype(writer: MessageWriter, at: number, type: number, flags: number): void {
  const view = new DataView(writer.bytes.buffer);
  view.setUint16(at + 4, type, true);
  view.setUint16(at + 6, flags, true);
}

/** A route, or that it is gone. */
export function writeRoute(writer: MessageWriter, route: RouteView, type: number, replace: boolean): void {
  const at = writer.length;
  const { family, a0, a1, a2, a3, length, nextHopId, nextHops } = route;
  beginNewRoute(writer, route, false, family, a0, a1, a2, a3, length, route.type);
  if (route.type === RTN_BLACKHOLE) endRouteToNowhere(writer);
  else if (nextHopId !== 0) endRouteToNextHopId(writer, nextHopId);
  else endRouteToNextHops(writer, family, nextHops);
  retype(writer, at, type, replace ? NLM_F_REPLACE : 0);
}

/** A next hop or a group of them, or that it is gone. */
export function writeObject(writer: MessageWriter, object: NextHopObject, type = RTM_NEWNEXTHOP): void {
  const at = writer.length;
  const { id, protocol, members, resilient, gateway, interfaceIndex, onlink } = object;
  if (members === undefined) writeNewNextHop(writer, id, protocol, gateway, interfaceIndex, onlink);
  else writeNewNextHopGroup(writer, id, protocol, members, resilient);
  retype(writer, at, type, 0);
}

/** An interface. */
export function writeLink(
  writer: MessageWriter,
  name: string,
  { index, up }: { index: number; up: boolean },
  carrier = up,
): void {
  writer.begin(RTM_NEWLINK, 0);
  writer.ifinfomsg(index, (up ? IFF_UP : 0) | (carrier ? IFF_LOWER_UP | IFF_RUNNING : 0), 0);
  writer.attributeString(IFLA_IFNAME, name);
  writer.end();
}

/** A neighbour on an interface, in one of its states (NUD_*). */
export function writeNeighbour(writer: MessageWriter, address: string, interfaceIndex: number, state: number): void {
  const { bytes } = parseAddress(address);
  writer.begin(RTM_NEWNEIGH, 0);
  writer.ndmsg(bytes.length === 4 ? 2 : 10, interfaceIndex, state, 0);
  writer.attributeBytes(NDA_DST, bytes);
  writer.end();
}
