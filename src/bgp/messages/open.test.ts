import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capability } from '../../../test/support/message-arbitraries.ts';
import { concat, errorOf, hex, inSurroundings, outcome } from '../../../test/support/wire.ts';
import type { Capability } from './capabilities/capability.ts';
import { Framer, HEADER_LENGTH, MESSAGE_OPEN } from './framing.ts';
import { decodeOpen, encodeOpen } from './open.ts';
import type { Open } from './open.ts';

const FIXED = 'fde8 00b4 c0000201';

function decode(text: string): Open {
  const bytes = hex(text);
  return decodeOpen(bytes, 0, bytes.length);
}

function body(open: Open): Uint8Array {
  return encodeOpen(open).subarray(HEADER_LENGTH);
}

const open: Open = { asn: 65000, holdTime: 180, routerId: 0xc0000201, capabilities: [] };

describe('decodeOpen', () => {
  it('reads an OPEN without optional parameters', () => {
    expect(decode(`04 ${FIXED} 00`)).toEqual(open);
  });

  it('takes the AS number from the four-octet-as capability', () => {
    const { asn } = decode(`
      04 5ba0 00b4 c0000201   # AS_TRANS
      08 02 06 41 04 fa56ea00 # one parameter: capability 65, AS 4200000000`);
    expect(asn).toBe(4_200_000_000);
  });

  it('reads several parameters with several capabilities each', () => {
    const { capabilities } = decode(`
      04 ${FIXED} 14
      02 08 01 04 0001 00 01 02 00
      02 06 01 04 0002 00 01
      02 00`);
    expect(capabilities).toEqual([
      { name: 'multiprotocol', afi: 1, safi: 1 },
      { name: 'route-refresh' },
      { name: 'multiprotocol', afi: 2, safi: 1 },
    ]);
  });

  it.each(['ff', '01', 'fe'])(
    'reads the extended parameters of RFC 9072, whatever the short length %s says',
    (short) => {
      const { capabilities } = decode(`04 ${FIXED} ${short} ff 0009 02 0006 01 04 0001 00 01`);
      expect(capabilities).toEqual([{ name: 'multiprotocol', afi: 1, safi: 1 }]);
    },
  );

  it.each([
    ['BGP version 3', `03 ${FIXED} 00`, '2/1', '0004'],
    ['BGP version 5', `05 ${FIXED} 00`, '2/1', '0004'],
    ['AS 0', '04 0000 00b4 c0000201 00', '2/2', ''],
    ['AS 0 in the capability', `04 ${FIXED} 08 02 06 41 04 00000000`, '2/2', ''],
    ['BGP identifier 0.0.0.0', '04 fde8 00b4 00000000 00', '2/3', ''],
    ['hold time 1', '04 fde8 0001 c0000201 00', '2/6', ''],
    ['hold time 2', '04 fde8 0002 c0000201 00', '2/6', ''],
    ['the authentication parameter', `04 ${FIXED} 03 01 01 00`, '2/4', ''],
    ['an unknown parameter', `04 ${FIXED} 02 07 00`, '2/4', ''],
    ['parameters longer than the message', `04 ${FIXED} 03 02 00`, '2/0', ''],
    ['parameters shorter than the message', `04 ${FIXED} 02 02 00 00`, '2/0', ''],
    ['bytes after an OPEN without parameters', `04 ${FIXED} 00 02 00`, '2/0', ''],
    ['half a parameter header', `04 ${FIXED} 01 02`, '2/0', ''],
    ['a parameter longer than the parameters', `04 ${FIXED} 04 02 03 02 00`, '2/0', ''],
    ['a capability longer than its parameter', `04 ${FIXED} 04 02 02 02 01`, '2/0', ''],
    ['half a capability header', `04 ${FIXED} 03 02 01 02`, '2/0', ''],
    ['extended parameters without a length', `04 ${FIXED} ff ff 00`, '2/0', ''],
    ['half an extended parameter header', `04 ${FIXED} ff ff 0002 02 00`, '2/0', ''],
    ['a short fixed part', '04 fde8 00b4 c0', '1/2', '0019'],
  ])('refuses %s', (_name, bytes, error, data) => {
    expect(errorOf(() => decode(bytes))).toBe(error);
    expect(outcome(() => decode(bytes))).toMatchObject({ error: { data: hex(data) } });
  });

  it.each([0, 3, 65535])('takes a hold time of %i s', (holdTime) => {
    const bytes = body({ ...open, holdTime });
    expect(decodeOpen(bytes, 0, bytes.length).holdTime).toBe(holdTime);
  });
});

describe('encodeOpen', () => {
  it('puts all capabilities into one parameter', () => {
    const bytes = encodeOpen({
      ...open,
      asn: 4_200_000_000,
      capabilities: [
        { name: 'multiprotocol', afi: 1, safi: 1 },
        { name: 'four-octet-as', asn: 4_200_000_000 },
      ],
    });
    expect(bytes).toEqual(
      hex(`${'ff'.repeat(16)} 002b 01  # 43 bytes
        04 5ba0 00b4 c0000201        # AS_TRANS
        0e 02 0c 01 04 00010001 41 04 fa56ea00`),
    );
  });

  it('uses extended parameters for more than 255 bytes, and not before', () => {
    const of = (bytes: number): Capability => ({ name: 'unknown', code: 200, value: new Uint8Array(bytes) });
    const short = body({ ...open, capabilities: [of(200), of(49)] });
    expect([...short.subarray(9, 12)]).toEqual([255, 2, 253]);
    const long = body({ ...open, capabilities: [of(200), of(50)] });
    expect([...long.subarray(9, 16)]).toEqual([255, 255, 1, 1, 2, 0, 254]);
    for (const bytes of [short, long]) expect(decodeOpen(bytes, 0, bytes.length).capabilities).toHaveLength(2);
  });

  it('is read back as it was', () => {
    const opens = fc.record({
      asn: fc.integer({ min: 1, max: 65535 }),
      holdTime: fc.constantFrom(0, 3, 90, 65535),
      routerId: fc.integer({ min: 1, max: 0xffffffff }),
      capabilities: fc.array(
        capability.filter(({ name }) => name !== 'four-octet-as'),
        { maxLength: 12 },
      ),
    });
    fc.assert(
      fc.property(opens, (open) => {
        const read: Open[] = [];
        new Framer().feed(encodeOpen(open), (type, buffer, start, end) => {
          expect(type).toBe(MESSAGE_OPEN);
          read.push(decodeOpen(buffer, start, end));
        });
        expect(read).toEqual([open]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('decodeOpen with arbitrary bytes', () => {
  const anything = fc.uint8Array({ maxLength: 80 });
  const plausible = fc
    .tuple(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 255 }))
    .map(([parameters, length]) => concat(hex(`04 ${FIXED}`), Uint8Array.of(length), parameters));

  it('throws nothing but BgpError and reads nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(anything, plausible), (bytes) => {
        const result = inSurroundings(bytes, decodeOpen);
        expect('error' in result ? result.error.code : 2).toBeLessThanOrEqual(2);
      }),
      { numRuns: 300 },
    );
  });
});
