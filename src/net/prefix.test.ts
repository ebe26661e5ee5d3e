import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatPrefix,
  formatPrefixWords,
  parsePrefix,
  prefixBytes,
  prefixContains,
  prefixFromBytes,
  tryParsePrefix,
  wordMask,
} from './prefix.ts';

const drawn = fc.oneof(
  fc.tuple(fc.constant(0 as const), fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 })),
  fc.tuple(fc.constant(1 as const), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 0, max: 128 })),
);

describe('prefixes', () => {
  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['::/0', '::/0'],
  ])('read %s as %s', (text, canonical) => {
    expect(formatPrefix(parsePrefix(text))).toBe(canonical);
  });

  it.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', 'fe80::1%eth0/64', 'x/8'])('refuse "%s"', (text) => {
    expect(tryParsePrefix(text)).toBeUndefined();
    expect(() => parsePrefix(text)).toThrow(`"${text}" is not an IP prefix`);
  });

  it('come back from their text and from their words', () => {
    fc.assert(
      fc.property(drawn, ([family, bytes, length]) => {
        const prefix = prefixFromBytes(family, bytes, length);
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
        expect(formatPrefixWords(family, ...prefix.words, length)).toBe(formatPrefix(prefix));
        expect(prefixFromBytes(family, prefixBytes(family, ...prefix.words), length)).toEqual(prefix);
      }),
    );
  });

  it('contain what begins with the same bits', () => {
    fc.assert(
      fc.property(drawn, fc.integer({ min: 0, max: 128 }), ([family, bytes, length], shorter) => {
        const inner = prefixFromBytes(family, bytes, length);
        const outer = prefixFromBytes(family, bytes, Math.min(shorter, length));
        expect(prefixContains(outer, inner)).toBe(true);
        expect(prefixContains(inner, outer)).toBe(outer.length === inner.length);
        if (outer.length === 0) return;
        const flipped = bytes.slice();
        flipped[(outer.length - 1) >> 3] ^= 0x80 >> ((outer.length - 1) & 7);
        expect(prefixContains(outer, prefixFromBytes(family, flipped, length))).toBe(false);
      }),
    );
    expect(prefixContains(parsePrefix('0.0.0.0/0'), parsePrefix('::/0'))).toBe(false);
  });

  it('mask words by any number of bits', () => {
    expect([-5, 0, 1, 8, 31, 32, 40].map(wordMask)).toEqual([
      0, 0, 0x80000000, 0xff000000, 0xfffffffe, 0xffffffff, 0xffffffff,
    ]);
  });
});
