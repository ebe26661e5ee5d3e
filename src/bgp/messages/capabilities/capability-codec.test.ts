import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { capability } from '../../../../test/support/message-arbitraries.ts';
import { errorOf, hex, inSurroundings } from '../../../../test/support/wire.ts';
import { ByteWriter } from '../byte-writer.ts';
import type { Capability } from './capability.ts';
import { decodeCapabilities, describeCapability, encodeCapability } from './capability-codec.ts';

function decode(text: string): Capability[] {
  const bytes = hex(text);
  return decodeCapabilities(bytes, 0, bytes.length);
}

function encode(...capabilities: readonly Capability[]): Uint8Array {
  const out = new ByteWriter();
  for (const capability of capabilities) encodeCapability(capability, out);
  return out.finish();
}

/** Wire form, object and words of one of each. */
const EXAMPLES: readonly [string, Capability, string][] = [
  ['01 04 0002 00 01', { name: 'multiprotocol', afi: 2, safi: 1 }, 'ipv6-unicast'],
  ['01 04 0019 00 46', { name: 'multiprotocol', afi: 25, safi: 70 }, 'AFI 25 SAFI 70'],
  ['02 00', { name: 'route-refresh' }, 'route refresh'],
  [
    '05 06 0001 0001 0002',
    { name: 'extended-next-hop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    'extended next hop (ipv4-unicast over AFI 2)',
  ],
  ['06 00', { name: 'extended-message' }, 'extended messages'],
  ['09 01 03', { name: 'role', role: 3 }, 'role customer'],
  ['09 01 09', { name: 'role', role: 9 }, 'role 9'],
  [
    '40 0a c078 0001 01 80 0002 01 00',
    {
      name: 'graceful-restart',
      restarting: true,
      notification: true,
      restartTime: 120,
      families: [
        { afi: 1, safi: 1, forwarding: true },
        { afi: 2, safi: 1, forwarding: false },
      ],
    },
    'graceful restart (120 s, restarting, with notifications, ipv4-unicast forwarding, ipv6-unicast)',
  ],
  ['41 04 fa56ea00', { name: 'four-octet-as', asn: 4_200_000_000 }, '4-octet AS 4200000000'],
  [
    '45 0c 0001 01 03 0002 01 01 0002 02 02',
    {
      name: 'add-path',
      families: [
        { afi: 1, safi: 1, send: true, receive: true },
        { afi: 2, safi: 1, send: false, receive: true },
        { afi: 2, safi: 2, send: true, receive: false },
      ],
    },
    'ADD-PATH (ipv4-unicast send and receive, ipv6-unicast receive, AFI 2 SAFI 2 send)',
  ],
  ['46 00', { name: 'enhanced-route-refresh' }, 'enhanced route refresh'],
  [
    '47 07 0001 01 80 015180',
    { name: 'long-lived-graceful-restart', families: [{ afi: 1, safi: 1, forwarding: true, staleTime: 86400 }] },
    'long-lived graceful restart (ipv4-unicast 86400 s)',
  ],
  ['49 08 03 746f72 03 6c6162', { name: 'fqdn', hostname: 'tor', domain: 'lab' }, 'name tor.lab'],
  ['4b 05 04 312e3230', { name: 'software-version', version: '1.20' }, 'software 1.20'],
  ['80 00', { name: 'unknown', code: 128, value: hex('') }, 'capability 128'],
  ['83 02 beef', { name: 'unknown', code: 131, value: hex('beef') }, 'capability 131 (beef)'],
];

describe('capabilities', () => {
  it.each(EXAMPLES)('reads, writes and words %s', (wire, capability, words) => {
    expect(decode(wire)).toEqual([capability]);
    expect(encode(capability)).toEqual(hex(wire));
    expect(describeCapability(capability)).toBe(words);
  });

  it.each([
    ['multiprotocol', '01 03 0001 01'],
    ['extended next hop', '05 05 0001 0001 00'],
    ['role', '09 00'],
    ['graceful restart', '40 03 0078 00'],
    ['4-octet AS', '41 02 fde8'],
    ['long-lived graceful restart', '47 06 0001 01 80 0151'],
    ['half a header', '02'],
    ['a value that is cut', '41 04 0000'],
  ])('answers a malformed one with 2/0: %s', (_name, wire) => {
    expect(errorOf(() => decode(wire))).toBe('2/0');
  });

  it.each([
    ['route refresh with a value', '02 01 00'],
    ['ADD-PATH with a mode of 0', '45 08 0001 01 03 0002 01 00'],
    ['ADD-PATH with a mode of 4', '45 04 0001 01 04'],
    ['ADD-PATH of a wrong length', '45 03 0001 01'],
    ['a host name longer than its capability', '49 02 05 61'],
    ['a host name without a domain', '49 02 01 61'],
    ['a host name that is not UTF-8', '49 03 01 ff 00'],
    ['an empty host name capability', '49 00'],
    ['a software version longer than its capability', '4b 02 05 61'],
    ['an empty software version capability', '4b 00'],
  ])('treats as not understood: %s', (_name, wire) => {
    const bytes = hex(wire);
    expect(decode(wire)).toEqual([{ name: 'unknown', code: bytes[0], value: bytes.slice(2) }]);
    expect(encode(...decode(wire))).toEqual(bytes);
  });

  it('keeps control characters out of its words', () => {
    expect(describeCapability({ name: 'software-version', version: 'a\n\u001b[31m' })).toBe(
      String.raw`software a\u000a\u001b[31m`,
    );
  });

  it('cuts a name that does not fit', () => {
    const [read] = decodeAll(encode({ name: 'fqdn', hostname: 'ä'.repeat(200), domain: 'b'.repeat(200) }));
    expect(read).toEqual({ name: 'fqdn', hostname: 'ä'.repeat(63), domain: 'b'.repeat(126) });
  });

  it('leaves out an ADD-PATH family that is neither sent nor received', () => {
    const none = { afi: 1, safi: 1, send: false, receive: false };
    expect(encode({ name: 'add-path', families: [none] })).toEqual(hex('45 00'));
  });

  it('is read back as it was', () => {
    fc.assert(
      fc.property(fc.array(capability, { maxLength: 5 }), (capabilities) => {
        expect(decodeAll(encode(...capabilities))).toEqual(capabilities);
      }),
      { numRuns: 200 },
    );
  });

  it('throws nothing but BgpError and reads nothing else', () => {
    const codes = fc.constantFrom(1, 2, 5, 6, 9, 64, 65, 69, 70, 71, 73, 75, 200);
    const one = fc
      .tuple(codes, fc.uint8Array({ maxLength: 16 }), fc.integer({ min: -1, max: 1 }))
      .map(([code, value, lie]) => Uint8Array.of(code, Math.max(0, value.length + lie), ...value));
    fc.assert(
      fc.property(one, (bytes) => {
        const result = inSurroundings(bytes, (buffer, start, end) =>
          decodeCapabilities(buffer, start, end).map(describeCapability),
        );
        expect('error' in result ? result.error : { code: 2, subcode: 0 }).toMatchObject({ code: 2, subcode: 0 });
      }),
      { numRuns: 300 },
    );
  });
});

function decodeAll(bytes: Uint8Array): Capability[] {
  return decodeCapabilities(bytes, 0, bytes.length);
}
