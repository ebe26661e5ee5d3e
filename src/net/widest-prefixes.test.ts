import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from './prefix.ts';
import { widestPrefixes } from './widest-prefixes.ts';

describe('the widest of prefixes', () => {
  it.each([
    [[], []],
    [
      ['10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8', '11.0.0.1/32'],
      ['10.0.0.0/8', '11.0.0.1/32'],
    ],
    [
      ['fd00::1/128', '0.0.0.0/0', '::/0', '192.0.2.0/24'],
      ['0.0.0.0/0', '::/0'],
    ],
    [
      ['fd00::/16', 'fe00::/7', '255.0.0.0/8'],
      ['255.0.0.0/8', 'fd00::/16', 'fe00::/7'],
    ],
  ])('of %j are %j', (given, widest) => {
    expect(widestPrefixes(given.map(parsePrefix)).map(formatPrefix)).toEqual(widest);
  });
});
