/**
 * A classic BPF program that drops packets of some senders by their hop limit (linux/filter.h, linux/bpf_common.h).
 */

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

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

/** The program as an array of struct sock_filter. All rules must be of one address family. */
export function ttlFilter(rules: readonly TtlRule[]): Uint8Array {
  const instructions = [...rules.flatMap(ruleInstructions), [RETURN, 0, 0, ACCEPT_ALL] as const];
  const program = new Uint8Array(instructions.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, k]] of instructions.entries()) {
    program.set(new Uint8Array(Uint16Array.of(code).buffer), index * 8);
    program[index * 8 + 2] = jumpTrue;
    program[index * 8 + 3] = jumpFalse;
    program.set(new Uint8Array(Uint32Array.of(k).buffer), index * 8 + 4);
  }
  return program;
}

/** Falls through to the next rule where the sender is another one. */
function ruleInstructions({ address, least }: TtlRule): Instruction[] {
  const { source, hops } = OFFSETS[address.length === 4 ? 4 : 16];
  const verdict: Instruction[] = [
    [LOAD_BYTE, 0, 0, NETWORK_HEADER + hops],
    [JUMP_GREATER_EQUAL, 0, 1, least],
    [RETURN, 0, 0, ACCEPT_ALL],
    [RETURN, 0, 0, 0],
  ];
  const words = address.length / 4;
  const match: Instruction[] = [];
  for (let i = 0; i < words; i++) {
    const word = (address[i * 4] << 24) | (address[i * 4 + 1] << 16) | (address[i * 4 + 2] << 8) | address[i * 4 + 3];
    const rest = 2 * (words - i - 1) + verdict.length;
    match.push([LOAD_WORD, 0, 0, NETWORK_HEADER + source + i * 4], [JUMP_EQUAL, 0, rest, word]);
  }
  return [...match, ...verdict];
}
