/**
 * Neighbours of links: who answers to ARP (RFC 826) and neighbour discovery (RFC 4861), as the kernel knows it
 * (linux/neighbour.h).
 */
import {
  AF_INET,
  AF_INET6,
  NDA_DST,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NTF_USE,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  SIZEOF_NDMSG,
} from './constants.ts';
import { dumpAll } from './dump-all.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';

/** A neighbour by its address and link. */
export interface NeighbourAddress {
  readonly interfaceIndex: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
}

/** An entry of the kernel's neighbour tables. */
export interface Neighbour extends NeighbourAddress {
  /** `NUD_*`. */
  readonly state: number;
}

/** All entries of all links. Throws {@link NetlinkError}. */
export function listNeighbours(client: NetlinkClient): Neighbour[] {
  const attributes = new AttributeReader();
  return dumpAll(
    client,
    'list neighbours',
    (writer) => {
      writer.begin(RTM_GETNEIGH, NLM_F_DUMP);
      writer.ndmsg(0, 0, 0, 0);
      writer.end();
    },
    (message) => (message.type === RTM_NEWNEIGH ? readNeighbour(message, attributes) : undefined),
  );
}

/**
 * Reads an `RTM_NEWNEIGH` or `RTM_DELNEIGH` message; undefined if it is about something else than an IPv4 or IPv6
 * neighbour, as an entry of a bridge.
 */
export function readNeighbour(message: MessageReader, attributes: AttributeReader): Neighbour | undefined {
  const family = message.u8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const length = family === AF_INET ? 4 : 16;
  attributes.reset(message, SIZEOF_NDMSG);
  while (attributes.next()) {
    if (attributes.type !== NDA_DST || attributes.length !== length) continue;
    return { interfaceIndex: message.i32(4), address: attributes.copy(), state: message.u16(8) };
  }
  return undefined;
}

/** Writes a message that has the kernel look for a neighbour as if a packet were to go there. */
export function writeUseNeighbour(writer: MessageWriter, { address, interfaceIndex }: NeighbourAddress): void {
  writer.begin(RTM_NEWNEIGH, NLM_F_CREATE);
  writer.ndmsg(address.length === 4 ? AF_INET : AF_INET6, interfaceIndex, 0, NTF_USE);
  writer.attributeBytes(NDA_DST, address);
  writer.end();
}
