/**
 * UPDATE messages, written one behind the other into a buffer that is reused (RFC 4271 §4.3, RFC 4760 §3 and §4), with path
 * identifiers where that is negotiated (RFC 7911 §3).
 *
 * One block of attributes and many prefixes at a time: the writer begins a new message when the last one is full.
 */
import { writeU32 } from '../net/address.ts';
import { IPV4_UNICAST, SAFI_UNICAST, afiOf } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { PATH_ID_LENGTH } from '../bgp/messages/nlri.ts';
import type { PrefixTable } from './prefix-table.ts';

const HEADER = 19;
const UPDATE = 2;
const MP_REACH_NLRI = 14;
const MP_UNREACH_NLRI = 15;
/** Optional, extended length. */
const MP_FLAGS = 0x90;
/** Bytes of a message beside a block: header, lengths, MP header and one prefix, rounded up. */
export const OVERHEAD = 64;

export class UpdateWriter {
  bytes = new Uint8Array(64 * 1024);
  /** Number of bytes of finished messages. */
  length = 0;
  /** Longest message the peers take: 4096, or 65535 (RFC 8654). */
  maxMessage = 4096;
  /** Whether prefixes of the family at hand have path identifiers. */
  addPath = false;

  private family: Family = IPV4_UNICAST;
  private block: Uint8Array = new Uint8Array(0);
  private blockStart = 0;
  private blockEnd = 0;
  private withdrawing = false;
  /** Where the open message starts, -1 if there is none. */
  private open = -1;
  private at = 0;
  private limit = 0;

  /** Forgets all messages. */
  clear(): void {
    this.length = 0;
  }

  /** Begins to announce prefixes with the canonical block `block[start, end)`, at most `maxMessage - OVERHEAD` long. */
  announce(family: Family, block: Uint8Array, start: number, end: number): void {
    this.family = family;
    this.withdrawing = false;
    this.block = block;
    this.blockStart = start;
    this.blockEnd = end;
  }

  /** Begins to withdraw prefixes. */
  withdraw(family: Family): void {
    this.family = family;
    this.withdrawing = true;
  }

  /** Adds a prefix to what was begun last, with `addPath` a path to it. */
  add(prefixes: PrefixTable, prefix: number, pathId: number): void {
    const length = prefixes.length[prefix];
    const size = 1 + ((length + 7) >> 3) + (this.addPath ? PATH_ID_LENGTH : 0);
    if (this.open < 0 || this.at + size > this.limit) {
      this.finish();
      this.begin();
    }
    const { bytes } = this;
    let { at } = this;
    if (this.addPath) {
      writeU32(bytes, at, pathId);
      at += PATH_ID_LENGTH;
    }
    bytes[at++] = length;
    if (length > 0) at = putWord(bytes, at, prefixes.a0[prefix], length);
    if (length > 32) at = putWord(bytes, at, prefixes.a1[prefix], length - 32);
    if (length > 64) at = putWord(bytes, at, prefixes.a2[prefix], length - 64);
    if (length > 96) at = putWord(bytes, at, prefixes.a3[prefix], length - 96);
    this.at = at;
  }

  /** Ends the open message, if any; after that {@link length} counts it. */
  finish(): void {
    if (this.open < 0) return;
    const { bytes, open } = this;
    if (this.withdrawing && this.family === IPV4_UNICAST) {
      putU16(bytes, open + HEADER, this.at - open - HEADER - 2);
      this.at = putU16(bytes, this.at, 0);
    } else if (this.family !== IPV4_UNICAST) this.finishMultiprotocol();
    putU16(bytes, open + 16, this.at - open);
    this.length = this.at;
    this.open = -1;
  }

  /** Writes an End-of-RIB marker (RFC 4724 §2). */
  endOfRib(family: Family): void {
    this.withdraw(family);
    this.begin();
    this.finish();
  }

  private begin(): void {
    const start = this.length;
    if (start + this.maxMessage > this.bytes.length) {
      const grown = new Uint8Array((start + this.maxMessage) * 2);
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
    }
    const { bytes } = this;
    bytes.fill(0xff, start, start + 16);
    bytes[start + 18] = UPDATE;
    this.open = start;
    this.at = start + HEADER;
    this.limit = start + this.maxMessage - 2;
    this.at = putU16(bytes, this.at, 0);
    if (this.family !== IPV4_UNICAST) this.beginMultiprotocol();
    else if (!this.withdrawing) {
      this.at = putU16(bytes, this.at, this.blockEnd - this.blockStart);
      this.at = copyBytes(bytes, this.at, this.block, this.blockStart, this.blockEnd);
      this.limit = start + this.maxMessage;
    }
  }

  /** RFC 7606 §5.1: the MP attribute comes first. Its length and that of all attributes are filled in at the end. */
  private beginMultiprotocol(): void {
    const { bytes } = this;
    this.at += 2;
    bytes[this.at++] = MP_FLAGS;
    bytes[this.at++] = this.withdrawing ? MP_UNREACH_NLRI : MP_REACH_NLRI;
    this.at += 2;
    if (this.withdrawing) {
      this.at = putU16(bytes, this.at, afiOf(this.family));
      bytes[this.at++] = SAFI_UNICAST;
      return;
    }
    // The block starts with the same attribute without NLRI: AFI, SAFI, next hop and the reserved byte are taken from it.
    const stub = this.blockStart + 3;
    this.at = copyBytes(bytes, this.at, this.block, stub, stub + this.block[this.blockStart + 2]);
    this.limit = this.open + this.maxMessage - (this.blockEnd - this.afterStub());
  }

  private finishMultiprotocol(): void {
    const { bytes, open } = this;
    const attribute = open + HEADER + 4;
    putU16(bytes, attribute + 2, this.at - attribute - 4);
    if (!this.withdrawing) this.at = copyBytes(bytes, this.at, this.block, this.afterStub(), this.blockEnd);
    putU16(bytes, open + HEADER + 2, this.at - attribute);
  }

  private afterStub(): number {
    return this.blockStart + 3 + this.block[this.blockStart + 2];
  }
}

function putU16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
  return at + 2;
}

/** Writes the bytes of a word that hold its first `bits` bits. */
function putWord(bytes: Uint8Array, at: number, word: number, bits: number): number {
  bytes[at++] = word >>> 24;
  if (bits > 8) bytes[at++] = word >>> 16;
  if (bits > 16) bytes[at++] = word >>> 8;
  if (bits > 24) bytes[at++] = word;
  return at;
}

function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) to[at++] = from[i];
  return at;
}
