/**
 * Netlink messages from bytes: two cursors that never read outside what they were given and allocate nothing per
 * message. A length that doesn't fit ends the reading; a value that is too short reads as zero.
 */
import { NLA_HDRLEN, NLA_TYPE_MASK, NLMSG_HDRLEN } from './constants.ts';
import { LITTLE_ENDIAN } from './message-writer.ts';

/** Walks over the messages of one datagram (`struct nlmsghdr`, linux/netlink.h). */
export class MessageReader {
  /** `RTM_*` or `NLMSG_*`. */
  type = 0;
  /** `NLM_F_*`. */
  flags = 0;
  sequence = 0;
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the current message's payload starts and ends. */
  start = 0;
  end = 0;

  private view = new DataView(this.bytes.buffer);
  private next_ = 0;
  private limit = 0;

  /** Starts over with the first `length` bytes of `bytes`. */
  reset(bytes: Uint8Array, length: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.next_ = 0;
    this.start = this.end = 0;
    this.limit = Math.min(length, bytes.length);
  }

  /** Goes to the next message; false if there is none, or none that is whole. */
  next(): boolean {
    const at = this.next_;
    if (at + NLMSG_HDRLEN > this.limit) return false;
    const length = this.view.getUint32(at, LITTLE_ENDIAN);
    if (length < NLMSG_HDRLEN || at + length > this.limit) return false;
    this.type = this.view.getUint16(at + 4, LITTLE_ENDIAN);
    this.flags = this.view.getUint16(at + 6, LITTLE_ENDIAN);
    this.sequence = this.view.getUint32(at + 8, LITTLE_ENDIAN);
    this.start = at + NLMSG_HDRLEN;
    this.end = at + length;
    this.next_ = (at + length + 3) & ~3;
    return true;
  }

  /** The byte `offset` bytes into the payload. */
  u8(offset: number): number {
    const at = this.start + offset;
    return at < this.end ? this.bytes[at] : 0;
  }

  /** The unsigned number of 16 bits `offset` bytes into the payload. */
  u16(offset: number): number {
    const at = this.start + offset;
    return at + 2 <= this.end ? this.view.getUint16(at, LITTLE_ENDIAN) : 0;
  }

  /** The unsigned number `offset` bytes into the payload. */
  u32(offset: number): number {
    return this.i32(offset) >>> 0;
  }

  /** The signed number `offset` bytes into the payload. */
  i32(offset: number): number {
    const at = this.start + offset;
    return at + 4 <= this.end ? this.view.getInt32(at, LITTLE_ENDIAN) : 0;
  }
}

/** Walks over attributes (`struct nlattr`, linux/netlink.h). */
export class AttributeReader {
  /** Type of the current attribute without its flags. */
  type = 0;
  /** Where the current value starts and ends. */
  start = 0;
  end = 0;

  private bytes: Uint8Array = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  private next_ = 0;
  private limit = 0;

  /** Starts over with the attributes that follow the first `offset` bytes of a message's payload. */
  reset(message: MessageReader, offset: number): void {
    this.resetRange(message.bytes, message.start + offset, message.end);
  }

  /** Starts over with the attributes in `bytes[start, end)`. */
  resetRange(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.next_ = start;
    this.start = this.end = start;
    this.limit = Math.min(end, bytes.length);
  }

  /** Goes to the next attribute; false if there is none, or none that is whole. */
  next(): boolean {
    const at = this.next_;
    if (at + NLA_HDRLEN > this.limit) return false;
    const length = this.view.getUint16(at, LITTLE_ENDIAN);
    if (length < NLA_HDRLEN || at + length > this.limit) return false;
    this.type = this.view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
    this.start = at + NLA_HDRLEN;
    this.end = at + length;
    this.next_ = (at + length + 3) & ~3;
    return true;
  }

  /** Length of the current value in bytes. */
  get length(): number {
    return this.end - this.start;
  }

  /** The unsigned number `offset` bytes into the value, in the byte order of the machine. */
  u32(offset = 0): number {
    const at = this.start + offset;
    return at + 4 <= this.end ? this.view.getUint32(at, LITTLE_ENDIAN) : 0;
  }

  /** The 64-bit counter `offset` bytes into the value; exact up to 2^53. */
  u64(offset: number): number {
    const at = this.start + offset;
    return at + 8 <= this.end ? Number(this.view.getBigUint64(at, LITTLE_ENDIAN)) : 0;
  }

  /** The byte `offset` bytes into the value. */
  u8(offset: number): number {
    const at = this.start + offset;
    return at < this.end ? this.bytes[at] : 0;
  }

  /** The unsigned number `index` words into the value, in network order, as addresses are. */
  word(index: number): number {
    const at = this.start + 4 * index;
    return at + 4 <= this.end ? this.view.getUint32(at) : 0;
  }

  /** A copy of the value from `offset` on. */
  copy(offset = 0): Uint8Array {
    return this.bytes.slice(Math.min(this.start + offset, this.end), this.end);
  }

  /** The value as text, up to its final NUL. */
  text(): string {
    let end = this.start;
    while (end < this.end && this.bytes[end] !== 0) end++;
    return new TextDecoder().decode(this.bytes.subarray(this.start, end));
  }

  /** Sets `inner` to the attributes nested in this value between `from` and `to`, offsets into the value. */
  enter(inner: AttributeReader, from: number, to: number): void {
    inner.resetRange(this.bytes, this.start + from, Math.min(this.start + to, this.end));
  }
}
