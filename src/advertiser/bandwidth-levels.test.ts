import { expect, it } from 'vitest';
import { bandwidthLevel, bandwidthOf } from './bandwidth-levels.ts';

it('keeps small numbers as they are, and takes greater ones in steps of a tenth', () => {
  expect([1, 2, 10, 19].map(bandwidthLevel)).toEqual([1, 2, 10, 19]);
  const levels = Array.from({ length: 10_000 }, (_, i) => bandwidthLevel(i + 1));
  for (const [i, level] of levels.entries()) {
    expect(level).toBeLessThanOrEqual(i + 1);
    expect(level).toBeGreaterThan((i + 1) / 1.12);
  }
  expect(new Set(levels).size).toBeLessThan(100);
});

it('tells something also of nothing, so that nobody takes it for not known', () => {
  expect(bandwidthOf(0)).toBeGreaterThan(0);
  expect(bandwidthOf(0)).toBeLessThan(bandwidthOf(1));
});
