/**
 * A classic BPF program that drops packets of some senders by their hop limit (linux/filter.h, linux/bpf_common.h).
 */
import { readU32 } from '../../net/address.ts';

/** Packets from `address` (4 or 16 bytes) must have a hop limit of at least `least`. */
export interface TtlRule {
  readonly address: Uint8Array;
  readonly least: number;
}

// Opcodes: load word or byte at an absolute offset, jump where A == k or A >= k, return k.
const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const RETURN = 0x06;

/** Base of offsets into the network header (SKF_NET_OFF). */
const NETWORK_HEADER = -0x100000;
const ACCEPT_ALL = 0xffffffff;

/** Where the source address and the hop limit stand in an IPv4 and an IPv6 header. */
const OFFSETS = { 4: { source: 12, hops: 8 }, 16: { source: 8, hops: 7 } } as const;

/** A jump reaches so many instructions ahead. */
const FARTHEST_JUMP = 255;

/** Addresses in one comparison after the other: all jump to the verdict behind them. */
const ADDRESSES_TOGETHER = FARTHEST_JUMP - 16;

/** Rules that differ in the last word of the address only. */
interface Group {
  readonly least: number;
  /** The words before the last one. */
  readonly before: readonly number[];
  readonly last: number[];
}

/**
 * The program as an array of struct sock_filter. All rules must be of one address family. It takes one instruction an address
 * where these differ in the last word only: the kernel takes 4096 in all (BPF_MAXINSNS).
 */
export function ttlFilter(rules: readonly TtlRule[]): Uint8Array {
  const program = new Program();
  const offsets = OFFSETS[rules[0]?.address.length === 16 ? 16 : 4];
  for (const group of groupsOf(rules)) {
    for (let from = 0; from < group.last.length; from += ADDRESSES_TOGETHER) {
      addRules(program, offsets, { ...group, last: group.last.slice(from, from + ADDRESSES_TOGETHER) });
    }
  }
  program.add(RETURN, 0, 0, ACCEPT_ALL);
  return program.finish();
}

function groupsOf(rules: readonly TtlRule[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const { address, least } of rules) {
    const words = Array.from({ length: address.length / 4 }, (_, i) => readU32(address, i * 4));
    const before = words.slice(0, -1);
    const key = `${least} ${before.join(' ')}`;
    const group = groups.get(key) ?? { least, before, last: [] };
    group.last.push(words[before.length]);
    groups.set(key, group);
  }
  return groups.values();
}

/** Falls through to what follows where the sender is another one. */
function addRules(program: Program, offsets: { readonly source: number; readonly hops: number }, group: Group): void {
  const { before, last, least } = group;
  const verdict = 4;
  const all = 2 * before.length + 1 + last.length + verdict;
  for (const [i, word] of before.entries()) {
    program.add(LOAD_WORD, 0, 0, NETWORK_HEADER + offsets.source + i * 4);
    program.add(JUMP_EQUAL, 0, all - 2 * (i + 1), word);
  }
  program.add(LOAD_WORD, 0, 0, NETWORK_HEADER + offsets.source + before.length * 4);
  for (const [i, word] of last.entries()) {
    const others = last.length - i - 1;
    program.add(JUMP_EQUAL, others, others === 0 ? verdict : 0, word);
  }
  program.add(LOAD_BYTE, 0, 0, NETWORK_HEADER + offsets.hops);
  program.add(JUMP_GREATER_EQUAL, 0, 1, least);
  program.add(RETURN, 0, 0, ACCEPT_ALL);
  program.add(RETURN, 0, 0, 0);
}

/** Instructions one behind the other, in the byte order of this machine. */
class Program {
  private bytes = new Uint8Array(1024);
  private words = new Uint32Array(this.bytes.buffer);
  private codes = new Uint16Array(this.bytes.buffer);
  private length = 0;

  add(code: number, jumpTrue: number, jumpFalse: number, k: number): void {
    const at = this.length;
    if (at === this.bytes.length) this.grow();
    this.codes[at / 2] = code;
    this.bytes[at + 2] = jumpTrue;
    this.bytes[at + 3] = jumpFalse;
    this.words[at / 4 + 1] = k;
    this.length += 8;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private grow(): void {
    const bytes = new Uint8Array(this.bytes.length * 2);
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer);
    this.codes = new Uint16Array(bytes.buffer);
  }
}
