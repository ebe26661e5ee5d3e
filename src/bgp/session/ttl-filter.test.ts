import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ttlFilter } from './ttl-filter.ts';
import type { TtlRule } from './ttl-filter.ts';

/** What the kernel takes (linux/bpf_common.h, BPF_MAXINSNS). */
const MOST_INSTRUCTIONS = 4096;

/** Runs a program as the kernel does (linux/filter.h), as far as it is used, on a packet that begins with its IP header. */
function lets(program: Uint8Array, packet: Uint8Array): boolean {
  const view = new DataView(program.buffer, program.byteOffset);
  const header = new DataView(packet.buffer);
  let a = 0;
  for (let at = 0; ; at += 8) {
    const [code, jumpTrue, jumpFalse] = [view.getUint16(at, true), program[at + 2], program[at + 3]];
    const k = view.getUint32(at + 4, true);
    const offset = (k + 0x100000) >>> 0;
    if (code === 0x06) return k !== 0;
    if (code === 0x20) a = header.getUint32(offset);
    else if (code === 0x30) a = header.getUint8(offset);
    else at += 8 * ((code === 0x15 ? a === k : a >= k) ? jumpTrue : jumpFalse);
  }
}

function packetFrom(address: Uint8Array, hops: number): Uint8Array {
  const packet = new Uint8Array(40);
  packet.set(address, address.length === 4 ? 12 : 8);
  packet[address.length === 4 ? 8 : 7] = hops;
  return packet;
}

/** Addresses that have much in common. */
const arbitraryAddress = (length: number) =>
  fc.array(fc.constantFrom(0, 1, 254), { minLength: length, maxLength: length }).map((bytes) => Uint8Array.from(bytes));

describe('the filter by hop limit', () => {
  it.each([4, 16])('drops what came too far, and nothing else (addresses of %i bytes)', (length) => {
    const address = arbitraryAddress(length);
    const rule = fc.record({ address, least: fc.constantFrom(254, 255) });
    const rules = fc.uniqueArray(rule, { selector: (one) => one.address.join('.') });
    fc.assert(
      fc.property(rules, address, fc.integer({ min: 252, max: 255 }), (all, stranger, hops) => {
        const program = ttlFilter(all);
        for (const sender of [stranger, ...all.map((one) => one.address)]) {
          const known = all.find((one) => one.address.join('.') === sender.join('.'));
          expect(lets(program, packetFrom(sender, hops))).toBe(known === undefined || hops >= known.least);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([4, 16])('has room for 3,000 peers of one network (addresses of %i bytes)', (length) => {
    const rules = Array.from({ length: 3000 }, (_, i): TtlRule => {
      const address = new Uint8Array(length).fill(10);
      address.set([i >> 8, i & 255], length - 2);
      return { address, least: 255 };
    });
    const program = ttlFilter(rules);
    expect(program.length / 8).toBeLessThanOrEqual(MOST_INSTRUCTIONS);
    const [first, last] = [rules[0], rules[2999]].map(({ address }) => address);
    expect([first, last].map((from) => lets(program, packetFrom(from, 254)))).toEqual([false, false]);
    expect([first, last].map((from) => lets(program, packetFrom(from, 255)))).toEqual([true, true]);
    expect(lets(program, packetFrom(new Uint8Array(length), 1))).toBe(true);
  });
});
