/**
 * Next-hop object messages (linux/nexthop.h): next hops with an id that routes refer to, single ones and groups.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  NEXTHOP_GRP_TYPE_RES,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_GROUP_TYPE,
  NHA_ID,
  NHA_OIF,
  NHA_RES_GROUP,
  NHA_RES_GROUP_BUCKETS,
  NHA_RES_GROUP_IDLE_TIMER,
  NHA_RES_GROUP_UNBALANCED_TIMER,
  NLA_F_NESTED,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNH_F_ONLINK,
  SIZEOF_NHMSG,
} from './constants.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';

/** An entry of a next-hop group. */
export interface GroupMember {
  /** Id of a single next-hop object. */
  readonly id: number;
  /** 1..256. */
  readonly weight: number;
}

/** Writes a message that makes or replaces a single next hop; `gateway` is 4 or 16 bytes, or empty for a bare link. */
export function writeNewNextHop(
  writer: MessageWriter,
  id: number,
  protocol: number,
  gateway: Uint8Array,
  interfaceIndex: number,
  onlink: boolean,
): void {
  writer.begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE);
  // IPv6 for a bare link as well: such an object serves routes of both families, an IPv4 one only its own.
  writer.nhmsg(gateway.length === 4 ? AF_INET : AF_INET6, protocol, onlink ? RTNH_F_ONLINK : 0);
  writer.attributeU32(NHA_ID, id);
  writer.attributeU32(NHA_OIF, interfaceIndex);
  if (gateway.length > 0) writer.attributeBytes(NHA_GATEWAY, gateway);
  writer.end();
}

/** What makes a group resilient: `NHA_RES_GROUP`, times in seconds. */
export interface ResilientParameters {
  readonly buckets: number;
  readonly idleTimer: number;
  readonly unbalancedTimer: number;
}

/** Times of resilient groups are in hundredths of a second (clock_t). */
const CLOCK_TICKS = 100;

/** Writes a message that makes or replaces a group; without `resilient` it is a plain one. */
export function writeNewNextHopGroup(
  writer: MessageWriter,
  id: number,
  protocol: number,
  members: readonly GroupMember[],
  resilient?: ResilientParameters,
): void {
  writer.begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE);
  writer.nhmsg(AF_UNSPEC, protocol, 0);
  writer.attributeU32(NHA_ID, id);
  const list = writer.beginAttribute(NHA_GROUP);
  for (const member of members) writer.nexthopGrp(member.id, member.weight);
  writer.endAttribute(list);
  if (resilient !== undefined) {
    writer.attributeU16(NHA_GROUP_TYPE, NEXTHOP_GRP_TYPE_RES);
    const parameters = writer.beginAttribute(NHA_RES_GROUP | NLA_F_NESTED);
    writer.attributeU16(NHA_RES_GROUP_BUCKETS, resilient.buckets);
    writer.attributeU32(NHA_RES_GROUP_IDLE_TIMER, resilient.idleTimer * CLOCK_TICKS);
    writer.attributeU32(NHA_RES_GROUP_UNBALANCED_TIMER, resilient.unbalancedTimer * CLOCK_TICKS);
    writer.endAttribute(parameters);
  }
  writer.end();
}

/** Writes a message that deletes a next-hop object. The kernel drops the routes that still use it. */
export function writeDeleteNextHop(writer: MessageWriter, id: number): void {
  writer.begin(RTM_DELNEXTHOP, 0);
  writer.nhmsg(AF_UNSPEC, 0, 0);
  writer.attributeU32(NHA_ID, id);
  writer.end();
}

/** Writes a request for all next-hop objects. Kernels before 5.3 answer EOPNOTSUPP. */
export function writeNextHopDump(writer: MessageWriter): void {
  writer.begin(RTM_GETNEXTHOP, NLM_F_DUMP);
  writer.nhmsg(AF_UNSPEC, 0, 0);
  writer.end();
}

/** A next-hop object as read from the kernel. */
export interface NextHopObject {
  readonly id: number;
  readonly protocol: number;
  /** Members of a group; undefined for a single next hop. */
  readonly members: readonly GroupMember[] | undefined;
  /** Parameters of a resilient group. */
  readonly resilient: ResilientParameters | undefined;
  /** Of a single next hop: as {@link KernelNextHop}. */
  readonly gateway: Uint8Array;
  readonly interfaceIndex: number;
  readonly onlink: boolean;
}

/** Reads an `RTM_NEWNEXTHOP` or `RTM_DELNEXTHOP` message. */
export function readNextHop(message: MessageReader, attributes: AttributeReader): NextHopObject {
  let id = 0;
  let members: GroupMember[] | undefined;
  let resilient: ResilientParameters | undefined;
  let gateway: Uint8Array = new Uint8Array(0);
  let interfaceIndex = 0;
  attributes.reset(message, SIZEOF_NHMSG);
  while (attributes.next()) {
    if (attributes.type === NHA_ID) id = attributes.u32();
    else if (attributes.type === NHA_OIF) interfaceIndex = attributes.u32();
    else if (attributes.type === NHA_GATEWAY) gateway = attributes.copy();
    else if (attributes.type === NHA_RES_GROUP) resilient = readResilient(attributes);
    else if (attributes.type === NHA_GROUP) members = readMembers(attributes);
  }
  const onlink = (message.u32(4) & RTNH_F_ONLINK) !== 0;
  return { id, protocol: message.u8(2), members, resilient, gateway, interfaceIndex, onlink };
}

function readMembers(list: AttributeReader): GroupMember[] {
  const members: GroupMember[] = [];
  for (let offset = 0; offset + 8 <= list.length; offset += 8) {
    members.push({ id: list.u32(offset), weight: list.u8(offset + 4) + 1 });
  }
  return members;
}

function readResilient(nested: AttributeReader): ResilientParameters {
  const inner = new AttributeReader();
  nested.enter(inner, 0, nested.length);
  let [buckets, idleTimer, unbalancedTimer] = [0, 0, 0];
  while (inner.next()) {
    if (inner.type === NHA_RES_GROUP_BUCKETS) buckets = inner.u8(0) | (inner.u8(1) << 8);
    else if (inner.type === NHA_RES_GROUP_IDLE_TIMER) idleTimer = inner.u32() / CLOCK_TICKS;
    else if (inner.type === NHA_RES_GROUP_UNBALANCED_TIMER) unbalancedTimer = inner.u32() / CLOCK_TICKS;
  }
  return { buckets, idleTimer, unbalancedTimer };
}
