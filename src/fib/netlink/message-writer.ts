/**
 * Netlink messages as bytes: one growing buffer that holds a whole batch, lengths patched when a message or attribute
 * ends. Writing allocates nothing unless the buffer has to grow.
 */
import { NLA_HDRLEN, NLMSG_HDRLEN, NLM_F_ACK, NLM_F_REQUEST } from './constants.ts';

/** Netlink is in the byte order of the machine; typed arrays tell which that is. */
export const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Builds a batch of netlink messages (linux/netlink.h). */
export class MessageWriter {
  /** The batch; the first {@link length} bytes are valid. */
  bytes: Uint8Array;
  /** Length of the batch in bytes. */
  length = 0;
  /** Sequence number of the last message begun. */
  sequence = 0;
  /** Sequence number of the batch's first message. */
  firstSequence = 0;

  private view: DataView;
  /** Where the last message begun starts. */
  private message = 0;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Forgets the batch; sequence numbers go on. */
  clear(): void {
    this.length = 0;
  }

  /** Starts a message of this `RTM_*` type; its sequence number is {@link sequence} from now on. */
  begin(type: number, flags: number): void {
    this.sequence = (this.sequence + 1) >>> 0;
    if (this.length === 0) this.firstSequence = this.sequence;
    const start = this.reserve(NLMSG_HDRLEN);
    this.message = start;
    this.view.setUint16(start + 4, type, LITTLE_ENDIAN);
    this.view.setUint16(start + 6, flags | NLM_F_REQUEST, LITTLE_ENDIAN);
    this.view.setUint32(start + 8, this.sequence, LITTLE_ENDIAN);
  }

  /** Ends the message. */
  end(): void {
    this.view.setUint32(this.message, this.length - this.message, LITTLE_ENDIAN);
  }

  /** Asks the kernel to confirm the last message, and by that the batch: the kernel works through it in order. */
  acknowledgeLast(): void {
    const at = this.message + 6;
    this.view.setUint16(at, this.view.getUint16(at, LITTLE_ENDIAN) | NLM_F_ACK, LITTLE_ENDIAN);
  }

  /** `struct rtmsg` of linux/rtnetlink.h; tables above 255 go into `RTA_TABLE`. */
  rtmsg(family: number, destinationLength: number, table: number, protocol: number, type: number, flags = 0): void {
    const at = this.reserve(12);
    this.bytes[at] = family;
    this.bytes[at + 1] = destinationLength;
    this.bytes[at + 4] = table;
    this.bytes[at + 5] = protocol;
    this.bytes[at + 7] = type;
    this.view.setUint32(at + 8, flags, LITTLE_ENDIAN);
  }

  /** `struct nhmsg` of linux/nexthop.h. */
  nhmsg(family: number, protocol: number, flags: number): void {
    const at = this.reserve(8);
    this.bytes[at] = family;
    this.bytes[at + 2] = protocol;
    this.view.setUint32(at + 4, flags, LITTLE_ENDIAN);
  }

  /** `struct ifinfomsg` of linux/rtnetlink.h; `change` is the mask of the flags that count. */
  ifinfomsg(index: number, flags: number, change: number): void {
    const at = this.reserve(16);
    this.view.setInt32(at + 4, index, LITTLE_ENDIAN);
    this.view.setUint32(at + 8, flags, LITTLE_ENDIAN);
    this.view.setUint32(at + 12, change, LITTLE_ENDIAN);
  }

  /** `struct ifaddrmsg` of linux/if_addr.h. */
  ifaddrmsg(family: number, prefixLength: number, flags: number, index: number): void {
    const at = this.reserve(8);
    this.bytes[at] = family;
    this.bytes[at + 1] = prefixLength;
    this.bytes[at + 2] = flags;
    this.view.setUint32(at + 4, index, LITTLE_ENDIAN);
  }

  /** `struct ndmsg` of linux/neighbour.h; `flags` are `NTF_*`, `state` is `NUD_*`. */
  ndmsg(family: number, index: number, state: number, flags: number): void {
    const at = this.reserve(12);
    this.bytes[at] = family;
    this.view.setInt32(at + 4, index, LITTLE_ENDIAN);
    this.view.setUint16(at + 8, state, LITTLE_ENDIAN);
    this.bytes[at + 10] = flags;
  }

  /** `struct fib_rule_hdr` of linux/fib_rules.h; tables above 255 go into `FRA_TABLE`. */
  fibRuleHdr(family: number, toLength: number, fromLength: number, table: number, action: number): void {
    const at = this.reserve(12);
    this.bytes[at] = family;
    this.bytes[at + 1] = toLength;
    this.bytes[at + 2] = fromLength;
    this.bytes[at + 4] = table;
    this.bytes[at + 7] = action;
  }

  /** `struct nfgenmsg` of linux/netfilter/nfnetlink.h. */
  nfgenmsg(family: number): void {
    const at = this.reserve(4);
    this.bytes[at] = family;
  }

  /** `struct rtnexthop` of linux/rtnetlink.h, an entry of `RTA_MULTIPATH`; returns where it starts for {@link endRtnexthop}. */
  beginRtnexthop(flags: number, hops: number, index: number): number {
    const at = this.reserve(8);
    this.bytes[at + 2] = flags;
    this.bytes[at + 3] = hops;
    this.view.setInt32(at + 4, index, LITTLE_ENDIAN);
    return at;
  }

  /** Ends the entry that starts at `start`. */
  endRtnexthop(start: number): void {
    this.view.setUint16(start, this.length - start, LITTLE_ENDIAN);
  }

  /** `struct nexthop_grp` of linux/nexthop.h, an entry of `NHA_GROUP`; weights are kept less one. */
  nexthopGrp(id: number, weight: number): void {
    const at = this.reserve(8);
    this.view.setUint32(at, id, LITTLE_ENDIAN);
    this.bytes[at + 4] = weight - 1;
  }

  /** Starts an attribute whose value is written by further calls; returns where it starts for {@link endAttribute}. */
  beginAttribute(type: number): number {
    const at = this.reserve(NLA_HDRLEN);
    this.view.setUint16(at + 2, type, LITTLE_ENDIAN);
    return at;
  }

  /** Ends the attribute that starts at `start`. */
  endAttribute(start: number): void {
    this.view.setUint16(start, this.length - start, LITTLE_ENDIAN);
  }

  /** An attribute with a number of 16 bits in the byte order of the machine. */
  attributeU16(type: number, value: number): void {
    const at = this.attribute(type, 2);
    this.view.setUint16(at, value, LITTLE_ENDIAN);
  }

  /** An attribute with a number of 32 bits in the byte order of the machine. */
  attributeU32(type: number, value: number): void {
    const at = this.attribute(type, 4);
    this.view.setUint32(at, value, LITTLE_ENDIAN);
  }

  /** An attribute with bytes as they are. */
  attributeBytes(type: number, value: Uint8Array): void {
    const at = this.attribute(type, value.length);
    this.bytes.set(value, at);
  }

  /** An attribute with text and its final NUL. */
  attributeString(type: number, value: string): void {
    this.attributeBytes(type, new TextEncoder().encode(`${value}\0`));
  }

  /** An attribute with an IPv4 address given as a number. */
  attributeAddress4(type: number, a0: number): void {
    const at = this.attribute(type, 4);
    this.view.setUint32(at, a0);
  }

  /** An attribute with an IPv6 address given as four numbers. */
  attributeAddress6(type: number, a0: number, a1: number, a2: number, a3: number): void {
    const at = this.attribute(type, 16);
    this.view.setUint32(at, a0);
    this.view.setUint32(at + 4, a1);
    this.view.setUint32(at + 8, a2);
    this.view.setUint32(at + 12, a3);
  }

  /** An `RTA_VIA` attribute: an address of another family than the route's (`struct rtvia`, linux/rtnetlink.h). */
  attributeVia(type: number, family: number, address: Uint8Array): void {
    const at = this.attribute(type, 2 + address.length);
    this.view.setUint16(at, family, LITTLE_ENDIAN);
    this.bytes.set(address, at + 2);
  }

  /** Header and room for a value of `size` bytes; returns where the value starts. */
  private attribute(type: number, size: number): number {
    const at = this.reserve(NLA_HDRLEN + size);
    this.view.setUint16(at, NLA_HDRLEN + size, LITTLE_ENDIAN);
    this.view.setUint16(at + 2, type, LITTLE_ENDIAN);
    return at + NLA_HDRLEN;
  }

  /** Appends `size` zero bytes and padding to the next multiple of four; returns where they start. */
  private reserve(size: number): number {
    const start = this.length;
    const end = (start + size + 3) & ~3;
    if (end > this.bytes.length) this.grow(end);
    this.bytes.fill(0, start, end);
    this.length = end;
    return start;
  }

  private grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}
