/**
 * Route messages (rtnetlink(7), linux/rtnetlink.h).
 */
import { IPV4_UNICAST, IPV6_UNICAST, addressBits } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import {
  AF_INET,
  AF_INET6,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTNH_F_ONLINK,
  RTN_UNICAST,
  RTN_UNSPEC,
  RT_TABLE_UNSPEC,
  SIZEOF_RTMSG,
} from './constants.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';

/** What tells routes of one owner from all others: a route's identity in the kernel is prefix, table and metric. */
export interface RouteOwner {
  readonly table: number;
  /** `RTPROT_*`. */
  readonly protocol: number;
  readonly metric: number;
}

/** A next hop as the kernel takes it. */
export interface KernelNextHop {
  /** 4 or 16 bytes; empty for a route to the link itself. */
  readonly gateway: Uint8Array;
  readonly interfaceIndex: number;
  /** Whether the gateway is taken to be on the link though no prefix of the interface covers it. */
  readonly onlink: boolean;
  /** 1..256. */
  readonly weight: number;
}

/** `AF_INET` or `AF_INET6`. */
export function afOf(family: Family): number {
  return family === IPV4_UNICAST ? AF_INET : AF_INET6;
}

/**
 * Starts a message that adds (`replace` false: fails with EEXIST if there is one) or replaces a route of this `RTN_*`
 * type.
 */
export function beginNewRoute(
  writer: MessageWriter,
  owner: RouteOwner,
  replace: boolean,
  family: Family,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  length: number,
  type: number = RTN_UNICAST,
): void {
  writer.begin(RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL));
  writeIdentity(writer, owner, family, a0, a1, a2, a3, length, type);
}

/** Ends the message of {@link beginNewRoute} for a route without next hop, such as one that drops packets. */
export function endRouteToNowhere(writer: MessageWriter): void {
  writer.end();
}

/** Ends the message of {@link beginNewRoute}: packets go to a next-hop object. */
export function endRouteToNextHopId(writer: MessageWriter, id: number): void {
  writer.attributeU32(RTA_NH_ID, id);
  writer.end();
}

/** Ends the message of {@link beginNewRoute}: packets go to these next hops (kernels without next-hop objects). */
export function endRouteToNextHops(writer: MessageWriter, family: Family, hops: readonly KernelNextHop[]): void {
  const list = writer.beginAttribute(RTA_MULTIPATH);
  for (const hop of hops) {
    const entry = writer.beginRtnexthop(hop.onlink ? RTNH_F_ONLINK : 0, hop.weight - 1, hop.interfaceIndex);
    const own = hop.gateway.length === addressBits(family) / 8;
    if (own) writer.attributeBytes(RTA_GATEWAY, hop.gateway);
    else if (hop.gateway.length > 0) writer.attributeVia(RTA_VIA, AF_INET6, hop.gateway);
    writer.endRtnexthop(entry);
  }
  writer.endAttribute(list);
  writer.end();
}

/** Writes a message that deletes a route, whatever its next hops. */
export function writeDeleteRoute(
  writer: MessageWriter,
  owner: RouteOwner,
  family: Family,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  length: number,
): void {
  writer.begin(RTM_DELROUTE, 0);
  // Of no type, that is of any.
  writeIdentity(writer, owner, family, a0, a1, a2, a3, length, RTN_UNSPEC);
  writer.end();
}

function writeIdentity(
  writer: MessageWriter,
  owner: RouteOwner,
  family: Family,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  length: number,
  type: number,
): void {
  writer.rtmsg(afOf(family), length, tableByte(owner.table), owner.protocol, type);
  if (family === IPV4_UNICAST) writer.attributeAddress4(RTA_DST, a0);
  else writer.attributeAddress6(RTA_DST, a0, a1, a2, a3);
  writer.attributeU32(RTA_PRIORITY, owner.metric);
  if (owner.table > 255) writer.attributeU32(RTA_TABLE, owner.table);
}

function tableByte(table: number): number {
  return table > 255 ? RT_TABLE_UNSPEC : table;
}

/** Writes a request for all routes of one family, table and protocol (filtered in the kernel by strict checking). */
export function writeRouteDump(writer: MessageWriter, owner: RouteOwner, family: Family): void {
  writer.begin(RTM_GETROUTE, NLM_F_DUMP);
  writer.rtmsg(afOf(family), 0, tableByte(owner.table), owner.protocol, 0);
  writer.attributeU32(RTA_TABLE, owner.table);
  writer.end();
}

/** Writes a question for the route that a packet to `address` would take. */
export function writeRouteGet(writer: MessageWriter, address: Uint8Array): void {
  writer.begin(RTM_GETROUTE, 0);
  writer.rtmsg(address.length === 4 ? AF_INET : AF_INET6, address.length * 8, 0, 0, 0);
  writer.attributeBytes(RTA_DST, address);
  writer.end();
}

/** A route as read from the kernel; one object is filled anew for each message. */
export interface RouteView {
  family: Family;
  a0: number;
  a1: number;
  a2: number;
  a3: number;
  length: number;
  table: number;
  protocol: number;
  /** `RTN_*`. */
  type: number;
  /** Whether it is an entry made for one destination rather than one of the table. */
  cloned: boolean;
  metric: number;
  /** Id of the next-hop object, 0 if it has none. */
  nextHopId: number;
  /** Interface of a route with a single next hop, else 0. */
  interfaceIndex: number;
  /** Whether a single next hop is a gateway. */
  hasGateway: boolean;
  /** Source address for packets of the node itself (`RTA_PREFSRC`); empty if there is none. */
  preferredSource: Uint8Array;
  /** The next hops of a route without next-hop object. */
  nextHops: KernelNextHop[];
}

const NO_GATEWAY: Uint8Array = new Uint8Array(0);
const NO_HOPS: KernelNextHop[] = [];

/** An empty view for {@link readRoute}. */
export function newRouteView(): RouteView {
  return {
    family: IPV4_UNICAST,
    a0: 0,
    a1: 0,
    a2: 0,
    a3: 0,
    length: 0,
    table: 0,
    protocol: 0,
    type: 0,
    cloned: false,
    metric: 0,
    nextHopId: 0,
    interfaceIndex: 0,
    hasGateway: false,
    preferredSource: NO_GATEWAY,
    nextHops: [],
  };
}

/**
 * Reads an `RTM_NEWROUTE` or `RTM_DELROUTE` message into `view`; false if it is of a family the daemon doesn't know.
 * Allocates nothing for a route with a next-hop object unless `spellOut` asks for what the kernel says of its next hops.
 */
export function readRoute(
  message: MessageReader,
  attributes: AttributeReader,
  view: RouteView,
  spellOut = true,
): boolean {
  const family = message.u8(0);
  if (family !== AF_INET && family !== AF_INET6) return false;
  view.family = family === AF_INET ? IPV4_UNICAST : IPV6_UNICAST;
  view.length = message.u8(1);
  view.table = message.u8(4);
  view.protocol = message.u8(5);
  view.type = message.u8(7);
  const flags = message.u32(8);
  view.cloned = (flags & RTM_F_CLONED) !== 0;
  view.a0 = view.a1 = view.a2 = view.a3 = 0;
  view.metric = view.nextHopId = view.interfaceIndex = 0;
  view.hasGateway = false;
  view.nextHops = NO_HOPS;
  view.preferredSource = NO_GATEWAY;
  let gateway = NO_GATEWAY;
  attributes.reset(message, SIZEOF_RTMSG);
  while (attributes.next()) {
    switch (attributes.type) {
      case RTA_DST:
        view.a0 = attributes.word(0);
        view.a1 = attributes.word(1);
        view.a2 = attributes.word(2);
        view.a3 = attributes.word(3);
        break;
      case RTA_TABLE:
        view.table = attributes.u32();
        break;
      case RTA_PRIORITY:
        view.metric = attributes.u32();
        break;
      case RTA_NH_ID:
        view.nextHopId = attributes.u32();
        break;
      case RTA_OIF:
        view.interfaceIndex = attributes.u32();
        break;
      case RTA_GATEWAY:
        if (spellOut || view.nextHopId === 0) gateway = attributes.copy();
        break;
      case RTA_VIA:
        if (spellOut || view.nextHopId === 0) gateway = attributes.copy(2);
        break;
      case RTA_PREFSRC:
        view.preferredSource = attributes.copy();
        break;
      case RTA_MULTIPATH:
        // With a next-hop object this only spells out what the object says.
        if (spellOut || view.nextHopId === 0) view.nextHops = readRtnexthops(attributes);
        break;
    }
  }
  view.hasGateway = gateway.length > 0;
  if (view.nextHops.length === 0 && view.nextHopId === 0) {
    const onlink = (flags & RTNH_F_ONLINK) !== 0;
    view.nextHops = [{ gateway, interfaceIndex: view.interfaceIndex, onlink, weight: 1 }];
  }
  return true;
}

/** Reads the `struct rtnexthop` entries of an `RTA_MULTIPATH` attribute. */
function readRtnexthops(list: AttributeReader): KernelNextHop[] {
  const hops: KernelNextHop[] = [];
  const inner = new AttributeReader();
  let offset = 0;
  while (offset + 8 <= list.length) {
    const size = list.u8(offset) | (list.u8(offset + 1) << 8);
    if (size < 8 || offset + size > list.length) break;
    let gateway = NO_GATEWAY;
    list.enter(inner, offset + 8, offset + size);
    while (inner.next()) {
      if (inner.type === RTA_GATEWAY) gateway = inner.copy();
      else if (inner.type === RTA_VIA) gateway = inner.copy(2);
    }
    const onlink = (list.u8(offset + 2) & RTNH_F_ONLINK) !== 0;
    hops.push({ gateway, interfaceIndex: list.u32(offset + 4), onlink, weight: list.u8(offset + 3) + 1 });
    offset += (size + 3) & ~3;
  }
  return hops;
}
