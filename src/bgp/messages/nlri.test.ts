import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorOf, hex, inSurroundings } from '../../../test/support/wire.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST, addressBits } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { parsePrefix, prefixFromBytes } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import { countNlri, writeNlri } from './nlri.ts';

function write({ family, words, length }: Prefix): Uint8Array {
  const out = new Uint8Array(20);
  return out.slice(0, writeNlri(out, 0, family, ...words, length));
}

function count(text: string, family: Family, addPath = false): number {
  const bytes = hex(text);
  return countNlri(bytes, 0, bytes.length, family, addPath);
}

describe('writeNlri', () => {
  it.each([
    ['0.0.0.0/0', '00'],
    ['10.0.0.0/8', '08 0a'],
    ['10.128.0.0/9', '09 0a80'],
    ['192.0.2.0/24', '18 c00002'],
    ['192.0.2.1/32', '20 c0000201'],
    ['::/0', '00'],
    ['2001:db8::/32', '20 20010db8'],
    ['2001:db8:8000::/33', '21 20010db880'],
    ['2001:db8:1:2::/64', '40 20010db800010002'],
    ['2001:db8::1/128', '80 20010db8000000000000000000000001'],
  ])('writes %s', (prefix, wire) => {
    expect(write(parsePrefix(prefix))).toEqual(hex(wire));
  });

  it('writes what reads back as the same prefix', () => {
    const prefixes = fc
      .tuple(fc.constantFrom(...FAMILIES), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128))
      .map(([family, bytes, length]) =>
        prefixFromBytes(family, bytes.subarray(0, addressBits(family) / 8), Math.min(length, addressBits(family))),
      );
    fc.assert(
      fc.property(prefixes, (prefix) => {
        const wire = write(prefix);
        const address = new Uint8Array(addressBits(prefix.family) / 8);
        address.set(wire.subarray(1));
        expect(prefixFromBytes(prefix.family, address, wire[0])).toEqual(prefix);
        expect(countNlri(wire, 0, wire.length, prefix.family, false)).toBe(1);
      }),
      { numRuns: 200 },
    );
  });
});

describe('countNlri', () => {
  it('counts prefixes, with path identifiers too', () => {
    expect(count('', IPV4_UNICAST)).toBe(0);
    expect(count('00 08 0a 20 c0000201', IPV4_UNICAST)).toBe(3);
    expect(count('00000001 08 0a 00000002 00', IPV4_UNICAST, true)).toBe(2);
    expect(count('80 20010db8000000000000000000000001', IPV6_UNICAST)).toBe(1);
  });

  it.each([
    ['33 bits of IPv4', '21 c000020180', IPV4_UNICAST, false],
    ['129 bits of IPv6', `81 ${'20'.repeat(17)}`, IPV6_UNICAST, false],
    ['a prefix that is cut', '08 0a 18 c000', IPV4_UNICAST, false],
    ['a path identifier that is cut', '000000', IPV4_UNICAST, true],
    ['a path identifier alone', '00000001', IPV4_UNICAST, true],
    ['a cut prefix after a path identifier', '00000001 08', IPV4_UNICAST, true],
  ])('refuses %s', (_name, bytes, family, addPath) => {
    expect(errorOf(() => count(bytes, family, addPath))).toBe('3/10');
  });

  it('throws nothing but BgpError and reads nothing else', () => {
    const input = fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...FAMILIES), fc.boolean());
    fc.assert(
      fc.property(input, ([bytes, family, addPath]) => {
        const result = inSurroundings(bytes, (buffer, start, end) => countNlri(buffer, start, end, family, addPath));
        expect('error' in result ? result.error.subcode : 10).toBe(10);
      }),
      { numRuns: 300 },
    );
  });
});
