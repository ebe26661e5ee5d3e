import { expect, it } from 'vitest';
import { formatBandwidth } from './bandwidth.ts';

it.each([
  [0, '0 Mbit/s'],
  [125_000, '1 Mbit/s'],
  [1_250_000, '10 Mbit/s'],
  [1_543_210, '12.3 Mbit/s'],
  [124_990_000, '1 Gbit/s'],
  [1_375_000_064, '11 Gbit/s'],
])('%d bytes per second are %s', (bytes, words) => {
  expect(formatBandwidth(bytes)).toBe(words);
});
