import { describe, expect, it } from 'vitest';
import { hex } from '../../../../test/support/wire.ts';
import { ByteWriter } from '../byte-writer.ts';
import { countAs, decodeAsPath, encodeAsPath, formatAsPath } from './as-path.ts';
import type { AsSegment } from './attributes.ts';

describe('formatAsPath', () => {
  it.each<[AsSegment[], string]>([
    [[], ''],
    [[{ type: 'sequence', asns: [65001, 4_200_000_000] }], '65001 4200000000'],
    [
      [
        { type: 'sequence', asns: [65001, 65002] },
        { type: 'set', asns: [65003, 65004] },
      ],
      '65001 65002 {65003,65004}',
    ],
    [
      [
        { type: 'confed-sequence', asns: [64512, 64513] },
        { type: 'confed-set', asns: [64514, 64515] },
        { type: 'sequence', asns: [65001] },
      ],
      '(64512 64513) [64514,64515] 65001',
    ],
  ])('%j', (segments, text) => {
    expect(formatAsPath(segments)).toBe(text);
  });
});

describe('encodeAsPath', () => {
  it('splits segments of more than 255 AS numbers (RFC 4271 §5.1.2)', () => {
    const asns = Array.from({ length: 600 }, (_, i) => i + 1);
    const out = new ByteWriter();
    encodeAsPath([{ type: 'sequence', asns }], out);
    const segments = decodeAsPath(out.bytes, 0, out.length);
    expect(segments.map((segment) => segment.asns.length)).toEqual([255, 255, 90]);
    expect(segments.flatMap((segment) => segment.asns)).toEqual(asns);
  });

  it('writes nothing for a segment without AS numbers', () => {
    const out = new ByteWriter();
    encodeAsPath([{ type: 'sequence', asns: [] }], out);
    expect(out.length).toBe(0);
  });
});

describe('countAs', () => {
  const block = hex(`
    40 01 01 00
    40 02 1a 02 03 0000fde8 0000fde9 0000fde8   # 65000 65001 65000
             01 01 0000fde8                     # {65000}
             03 01 fa56ea00                     # (4200000000)`);

  it.each([
    [65000, 3],
    [65001, 1],
    [4_200_000_000, 1],
    [65002, 0],
  ])('finds AS %i %i times', (asn, times) => {
    expect(countAs(block, 0, block.length, asn)).toBe(times);
  });

  it('finds nothing where there is no path', () => {
    expect(countAs(block, 0, 4, 65000)).toBe(0);
  });
});
