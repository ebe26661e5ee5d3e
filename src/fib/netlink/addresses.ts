/**
 * Addresses of interfaces (linux/if_addr.h).
 */
import {
  IFA_ADDRESS,
  IFA_FLAGS,
  IFA_F_DADFAILED,
  IFA_LOCAL,
  NLM_F_DUMP,
  RTM_GETADDR,
  RTM_NEWADDR,
  SIZEOF_IFADDRMSG,
} from './constants.ts';
import { dumpAll } from './dump-all.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';
import type { NetlinkClient } from './netlink-client.ts';

/** An address of an interface. */
export interface InterfaceAddress {
  readonly interfaceIndex: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly prefixLength: number;
  /** Whether somebody else on the link has it as well, so that it is not in use (RFC 4862 §5.4.5). */
  readonly duplicate: boolean;
}

/** All addresses of all interfaces. Throws {@link NetlinkError}. */
export function listAddresses(client: NetlinkClient): InterfaceAddress[] {
  const attributes = new AttributeReader();
  return dumpAll(
    client,
    'list addresses',
    (writer) => {
      writer.begin(RTM_GETADDR, NLM_F_DUMP);
      writer.ifaddrmsg(0, 0, 0, 0);
      writer.end();
    },
    (message) => (message.type === RTM_NEWADDR ? readAddress(message, attributes) : undefined),
  );
}

/** Reads an `RTM_NEWADDR` or `RTM_DELADDR` message; undefined if it holds no IPv4 or IPv6 address. */
export function readAddress(message: MessageReader, attributes: AttributeReader): InterfaceAddress | undefined {
  let address: Uint8Array | undefined;
  let flags = message.u8(2);
  attributes.reset(message, SIZEOF_IFADDRMSG);
  while (attributes.next()) {
    if (attributes.type === IFA_FLAGS) flags = attributes.u32();
    // On a point-to-point link IFA_ADDRESS is the other end's; IFA_LOCAL is ours wherever it is given.
    const local = attributes.type === IFA_LOCAL || (attributes.type === IFA_ADDRESS && address === undefined);
    if (local && (attributes.length === 4 || attributes.length === 16)) address = attributes.copy();
  }
  if (address === undefined) return undefined;
  const duplicate = (flags & IFA_F_DADFAILED) !== 0;
  return { interfaceIndex: message.u32(4), address, prefixLength: message.u8(1), duplicate };
}
