/**
 * Entries that tie addresses to MAC addresses (linux/neighbour.h): neighbours of a link (`AF_INET`, `AF_INET6`), and the
 * forwarding database of a VXLAN device (`AF_BRIDGE`), which says behind which underlay address a MAC address is.
 */
import { formatAddress } from '../../net/address.ts';
import {
  AF_BRIDGE,
  NDA_DST,
  NDA_IFINDEX,
  NDA_LLADDR,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NTF_SELF,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  SIZEOF_NDMSG,
} from './constants.ts';
import { dumpAll } from './dump-all.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import type { NetlinkClient } from './netlink-client.ts';

/** An entry of either kind. */
export interface MacEntry {
  /** `AF_INET`, `AF_INET6` or `AF_BRIDGE`. */
  readonly family: number;
  readonly interfaceIndex: number;
  /** Whether somebody set it for good, other than what the kernel finds out or makes itself. */
  readonly permanent: boolean;
  /** Canonical address: the neighbour's, or the underlay's for a forwarding entry. Empty where there is none. */
  readonly address: string;
  /** `aa:bb:cc:dd:ee:ff`, empty where there is none. */
  readonly mac: string;
}

/** Reads an `RTM_NEWNEIGH` or `RTM_DELNEIGH` message. */
export function readMacEntry(message: MessageReader, attributes: AttributeReader): MacEntry {
  let address = '';
  let mac = '';
  attributes.reset(message, SIZEOF_NDMSG);
  while (attributes.next()) {
    const { type, length } = attributes;
    if (type === NDA_DST && (length === 4 || length === 16)) address = formatAddress(attributes.copy());
    if (type === NDA_LLADDR && length === 6) mac = formatMac(attributes.copy());
  }
  const permanent = (message.u16(8) & NUD_PERMANENT) !== 0;
  return { family: message.u8(0), interfaceIndex: message.i32(4), permanent, address, mac };
}

/** All entries of one family on an interface. Throws {@link NetlinkError}. */
export function listMacEntries(client: NetlinkClient, family: number, interfaceIndex: number): MacEntry[] {
  const attributes = new AttributeReader();
  return dumpAll(
    client,
    `list ${family === AF_BRIDGE ? 'forwarding entries' : 'neighbours'} of interface ${interfaceIndex}`,
    (writer) => {
      writer.begin(RTM_GETNEIGH, NLM_F_DUMP);
      writer.ndmsg(family, 0, 0, 0);
      writer.attributeU32(NDA_IFINDEX, interfaceIndex);
      writer.end();
    },
    (message) => {
      if (message.type !== RTM_NEWNEIGH) return undefined;
      const entry = readMacEntry(message, attributes);
      // Kernels before 5.0 give the entries of all interfaces.
      return entry.interfaceIndex === interfaceIndex && entry.family === family ? entry : undefined;
    },
  );
}

/** Writes a message that makes a permanent entry, or changes the one of this address (a forwarding entry: of this MAC address). */
export function writeNewMacEntry(
  writer: MessageWriter,
  family: number,
  interfaceIndex: number,
  address: Uint8Array,
  mac: Uint8Array,
): void {
  writer.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  writer.ndmsg(family, interfaceIndex, NUD_PERMANENT, family === AF_BRIDGE ? NTF_SELF : 0);
  writer.attributeBytes(NDA_DST, address);
  writer.attributeBytes(NDA_LLADDR, mac);
  writer.end();
}

/** Writes a message that deletes an entry; `address` or `mac` is empty where the entry has none. */
export function writeDeleteMacEntry(
  writer: MessageWriter,
  family: number,
  interfaceIndex: number,
  address: Uint8Array,
  mac: Uint8Array,
): void {
  writer.begin(RTM_DELNEIGH, 0);
  writer.ndmsg(family, interfaceIndex, 0, family === AF_BRIDGE ? NTF_SELF : 0);
  if (address.length > 0) writer.attributeBytes(NDA_DST, address);
  // A neighbour is told by its address alone.
  if (family === AF_BRIDGE) writer.attributeBytes(NDA_LLADDR, mac);
  writer.end();
}

/** The six bytes of a MAC address, or undefined where the text is none. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (digits) => Number.parseInt(digits, 16));
}

/** Canonical text of a MAC address. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
