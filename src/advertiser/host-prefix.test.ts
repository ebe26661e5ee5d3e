import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatAddress } from '../net/address.ts';
import { parsePrefix } from '../net/prefix.ts';
import { prefixOfAddress } from './host-prefix.ts';

it.each([
  ['192.0.2.129', 25],
  ['255.255.255.255', 32],
  ['10.1.2.3', 0],
  ['::', 128],
  ['::1', 128],
  ['2001:db8::', 32],
  ['2001:db8:0:1:2:3:4:5', 65],
  ['::ffff:192.0.2.1', 128],
])('finds the prefix of %s of %i bits', (address, length) => {
  expect(prefixOfAddress(address, length)).toEqual(parsePrefix(`${address}/${length}`));
});

it('finds the prefix of any address', () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(bytes, fc.boolean(), fc.nat(128), (all, isShort, length) => {
      const address = formatAddress(isShort ? all.subarray(0, 4) : all);
      const bits = isShort ? length % 33 : length;
      expect(prefixOfAddress(address, bits)).toEqual(parsePrefix(`${address}/${bits}`));
    }),
    { numRuns: 200 },
  );
});
