import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdjRibInReader } from '../../test/support/adj-rib-in-reader.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { Framer } from '../bgp/messages/framing.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { PrefixTable } from './prefix-table.ts';
import { UpdateWriter } from './update-writer.ts';

const PLAIN = {
  ...PLAIN_ATTRIBUTES,
  asPath: [{ type: 'sequence', asns: [65001, 65002] }],
  communities: [1, 2, 3],
} as const;

function tableOf(family: Family, texts: readonly string[]): { table: PrefixTable; ids: number[] } {
  const table = new PrefixTable(family);
  const ids = texts.map((text) => {
    const { words, length } = parsePrefix(text);
    const id = table.intern(...words, length);
    table.hold(id);
    return id;
  });
  return { table, ids };
}

const lengths = fc.array(fc.integer({ min: 0, max: 128 }), { minLength: 1, maxLength: 3000 });

describe('the update writer', () => {
  it.each<[Family, string, number]>([
    [0, '10.0.0.1', 4096],
    [0, '10.0.0.1', 65_535],
    [1, '2001:db8::1', 4096],
    [1, '2001:db8::1', 65_535],
  ])('announces and withdraws in messages that fit (family %i, next hop %s, %i bytes)', (family, nextHop, limit) => {
    fc.assert(
      fc.property(lengths, (drawn) => {
        const bits = family === 0 ? 32 : 128;
        const texts = new Set(
          drawn.map((length, i) => {
            const address = family === 0 ? `${i >> 8}.${i & 255}.7.9` : `${(i + 1).toString(16)}:2:3:4:5:6:7:8`;
            return formatPrefix(parsePrefix(`${address}/${Math.min(length, bits)}`));
          }),
        );
        const { table, ids } = tableOf(family, [...texts]);
        const block = encodeAttributes({ ...PLAIN, nextHop }, family);
        const writer = new UpdateWriter();
        writer.maxMessage = limit;
        writer.announce(family, block, 0, block.length);
        for (const id of ids) writer.add(table, id, 0);
        writer.finish();
        const announced = writer.length;
        const reader = new AdjRibInReader(limit);
        reader.feed(writer.bytes.slice(0, announced));
        expect([...reader.routes.keys()].sort()).toEqual([...texts].sort());
        for (const attributes of reader.routes.values()) expect(attributes).toEqual({ ...PLAIN, nextHop });
        writer.withdraw(family);
        for (const id of ids) writer.add(table, id, 0);
        writer.finish();
        reader.feed(writer.bytes.slice(announced, writer.length));
        expect(reader.routes.size).toBe(0);
        expect(messageLengths(writer, limit).every((length) => length <= limit)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it.each([0, 1] as const)('gives each path its identifier (RFC 7911 §3), family %i', (family) => {
    const texts = family === 0 ? ['10.0.0.0/8', '10.1.2.0/24'] : ['2001:db8::/32', '2001:db8:1::/48'];
    const { table, ids } = tableOf(family, texts);
    const block = encodeAttributes({ ...PLAIN, nextHop: family === 0 ? '192.0.2.1' : '2001:db8::1' }, family);
    const writer = new UpdateWriter();
    writer.addPath = true;
    writer.announce(family, block, 0, block.length);
    for (const pathId of [1, 4_294_967_295]) for (const id of ids) writer.add(table, id, pathId);
    writer.finish();
    const announced = writer.length;
    const reader = new AdjRibInReader(4096, undefined, [family]);
    reader.feed(writer.bytes.slice(0, announced));
    const keys = (pathId: number): string[] => texts.map((text) => `${text} ${pathId}`);
    expect([...reader.routes.keys()]).toEqual([...keys(1), ...keys(4_294_967_295)]);
    writer.withdraw(family);
    for (const id of ids) writer.add(table, id, 1);
    writer.finish();
    reader.feed(writer.bytes.slice(announced, writer.length));
    expect([...reader.routes.keys()]).toEqual(keys(4_294_967_295));
    expect(reader.needless).toBe(0);
  });

  it('puts the MP attribute first (RFC 7606 §5.1)', () => {
    const { table, ids } = tableOf(1, ['2001:db8:1::/48']);
    const block = encodeAttributes({ ...PLAIN, nextHop: '2001:db8::1' }, 1);
    const writer = new UpdateWriter();
    writer.announce(1, block, 0, block.length);
    writer.add(table, ids[0], 0);
    writer.finish();
    expect(writer.bytes[24]).toBe(14);
  });

  it('marks the end of the RIB with an empty UPDATE, or an empty MP_UNREACH_NLRI', () => {
    const writer = new UpdateWriter();
    writer.endOfRib(0);
    writer.endOfRib(1);
    const reader = new AdjRibInReader();
    reader.feed(writer.bytes.slice(0, writer.length));
    expect(reader.endOfRibs).toEqual([0, 1]);
    expect(messageLengths(writer, 4096)).toEqual([23, 30]);
  });
});

function messageLengths(writer: UpdateWriter, limit: number): number[] {
  const lengths: number[] = [];
  const framer = new Framer();
  framer.maxLength = limit;
  framer.feed(writer.bytes.slice(0, writer.length), (_type, _buffer, start, end) => lengths.push(end - start + 19));
  return lengths;
}
