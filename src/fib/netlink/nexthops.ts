/**
 * Next-hop object messages (linux/nexthop.h): next hops with an id that routes refer to, single ones and groups.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_ID,
  NHA_OIF,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNH_F_ONLINK,
  SIZEOF_NHMSG,
} from './constants.ts';
import type { AttributeReader, MessageReader } from './message-reader.ts';
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

/** Writes a message that makes or replaces a group. */
export function writeNewNextHopGroup(
  writer: MessageWriter,
  id: number,
  protocol: number,
  members: readonly GroupMember[],
): void {
  writer.begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE);
  writer.nhmsg(AF_UNSPEC, protocol, 0);
  writer.attributeU32(NHA_ID, id);
  const list = writer.beginAttribute(NHA_GROUP);
  for (const member of members) writer.nexthopGrp(member.id, member.weight);
  writer.endAttribute(list);
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
}

/** Reads an `RTM_NEWNEXTHOP` message. */
export function readNextHop(message: MessageReader, attributes: AttributeReader): NextHopObject {
  let id = 0;
  let members: GroupMember[] | undefined;
  attributes.reset(message, SIZEOF_NHMSG);
  while (attributes.next()) {
    if (attributes.type === NHA_ID) id = attributes.u32();
    if (attributes.type !== NHA_GROUP) continue;
    members = [];
    for (let offset = 0; offset + 8 <= attributes.length; offset += 8) {
      members.push({ id: attributes.u32(offset), weight: attributes.u8(offset + 4) + 1 });
    }
  }
  return { id, protocol: message.u8(2), members };
}
