import { describe, expect, it } from 'vitest';
import { mergedRanges, splitPorts } from './port-match.ts';

describe('splitPorts', () => {
  it('takes for numbers only what is written in digits', () => {
    const names = ['1e9', '0x50', 'Infinity', '1e400', '0b11', '8e3', 'http'];
    expect(splitPorts(names)).toEqual({ ranges: [], names: names.toSorted() });
    expect(splitPorts([0, 65535, '8080:8090', '443'])).toEqual({
      ranges: [
        [0, 0],
        [443, 443],
        [8080, 8090],
        [65535, 65535],
      ],
      names: [],
    });
  });
});

describe('mergedRanges', () => {
  it.each([
    [[], []],
    [
      [
        [5, 9],
        [0, 0],
        [1, 3],
        [10, 10],
      ],
      [
        [0, 3],
        [5, 10],
      ],
    ],
    [
      [
        [1, 100],
        [5, 6],
        [50, 100],
        [102, 65535],
      ],
      [
        [1, 100],
        [102, 65535],
      ],
    ],
  ] as const)('%j are %j', (ranges, merged) => {
    expect(mergedRanges(ranges)).toEqual(merged);
  });
});
