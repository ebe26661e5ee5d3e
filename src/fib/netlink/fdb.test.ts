import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../net/address.ts';
import { AF_BRIDGE, AF_INET, AF_INET6, RTM_DELNEIGH, RTM_NEWNEIGH } from './constants.ts';
import { formatMac, parseMac, readMacEntry, writeDeleteMacEntry, writeNewMacEntry } from './fdb.ts';
import { AttributeReader, MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const drawn = fc.oneof(
  fc.tuple(fc.constantFrom(AF_INET, AF_BRIDGE), fc.uint8Array({ minLength: 4, maxLength: 4 }), mac),
  fc.tuple(fc.constantFrom(AF_INET6, AF_BRIDGE), fc.uint8Array({ minLength: 16, maxLength: 16 }), mac),
);

describe('entries of neighbours and forwarding databases', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(drawn, fc.nat(0x7fffffff), ([family, address, bytes], interfaceIndex) => {
        const writer = new MessageWriter(16);
        writeNewMacEntry(writer, family, interfaceIndex, address, bytes);
        writeDeleteMacEntry(writer, family, interfaceIndex, address, bytes);
        const reader = new MessageReader();
        reader.reset(writer.bytes, writer.length);
        const entry = { family, interfaceIndex, address: formatAddress(address) };
        expect([reader.next(), reader.type]).toEqual([true, RTM_NEWNEIGH]);
        const read = readMacEntry(reader, new AttributeReader());
        expect(read).toEqual({ ...entry, permanent: true, mac: formatMac(bytes) });
        expect([reader.next(), reader.type]).toEqual([true, RTM_DELNEIGH]);
        const deleted = family === AF_BRIDGE ? formatMac(bytes) : '';
        expect(readMacEntry(reader, new AttributeReader())).toEqual({ ...entry, permanent: false, mac: deleted });
      }),
      { numRuns: 50 },
    );
  });
});

describe('MAC addresses', () => {
  it('come back from their text', () => {
    fc.assert(
      fc.property(mac, (bytes) => {
        expect(parseMac(formatMac(bytes))).toEqual(bytes);
      }),
    );
    expect(formatMac(parseMac('66:0A:bc:De:F0:01')!)).toBe('66:0a:bc:de:f0:01');
  });

  it.each(['', '66:00:00:00:00', '66:00:00:00:00:00:00', '66-00-00-00-00-00', '6:0:0:0:0:0', 'x'])(
    'are not "%s"',
    (text) => expect(parseMac(text)).toBeUndefined(),
  );
});
