import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AddressError,
  canonicalAddress,
  formatAddress,
  formatU32,
  isLinkLocal,
  parseAddress,
  parseU32,
  readU32,
  tryParseAddress,
  writeU32,
} from './address.ts';

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::ffff:c000:201', '::ffff:c000:201'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['::', '::'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each(['', '1.2.3', '1.2.3.256', '1.2.3.4/24', '2001:db8::1/64', 'fe80::1%', ':::', 'host', '1.2.3.4%eth0'])(
    'refuses "%s" and says so',
    (text) => {
      expect(tryParseAddress(text)).toBeUndefined();
      expect(() => parseAddress(text)).toThrow(AddressError);
      expect(() => parseAddress(text)).toThrow(`"${text}" is not an IP address`);
    },
  );

  it('come back from their text as the same bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        const parsed = parseAddress(formatAddress(address));
        expect(parsed.bytes).toEqual(address);
        expect(parsed.family).toBe(address.length === 4 ? 0 : 1);
      }),
    );
  });

  it('never throw anything else, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => tryParseAddress(text)).not.toThrow();
      }),
    );
  });

  it('are numbers where they are router ids', () => {
    expect(parseU32('255.0.0.1')).toBe(0xff000001);
    expect(formatU32(0xff000001)).toBe('255.0.0.1');
    expect(() => parseU32('::1')).toThrow('is not an IPv4 address');
    const bytes = new Uint8Array(6);
    writeU32(bytes, 1, 0xfedcba98);
    expect(readU32(bytes, 1)).toBe(0xfedcba98);
    expect([bytes[0], bytes[5]]).toEqual([0, 0]);
  });

  it('know the link-local ones', () => {
    const linkLocal = ['fe80::1', 'febf::1', 'fec0::1', '169.254.0.1'].map((text) =>
      isLinkLocal(parseAddress(text).bytes),
    );
    expect(linkLocal).toEqual([true, true, false, false]);
  });
});
