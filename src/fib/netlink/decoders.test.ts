import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAddress } from './addresses.ts';
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_FLAGS,
  IFA_F_DADFAILED,
  IFA_LOCAL,
  IFF_LOWER_UP,
  IFF_RUNNING,
  IFF_UP,
  IFLA_IFNAME,
  NDA_DST,
  NUD_FAILED,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
} from './constants.ts';
import { readLink } from './links.ts';
import { AttributeReader, MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { readNeighbour, writeUseNeighbour } from './neighbours.ts';

const attributes = new AttributeReader();

/** The message that `write` writes, ready to be read. */
function message(write: (writer: MessageWriter) => void): MessageReader {
  const writer = new MessageWriter(64);
  write(writer);
  const reader = new MessageReader();
  reader.reset(writer.bytes, writer.length);
  expect(reader.next()).toBe(true);
  return reader;
}

function link(flags: number, family = 0, type = RTM_NEWLINK): MessageReader {
  return message((writer) => {
    writer.begin(type, 0);
    const at = writer.length;
    writer.ifinfomsg(7, flags, 0);
    writer.bytes[at] = family;
    writer.attributeString(IFLA_IFNAME, 'eth0');
    writer.end();
  });
}

describe('the decoders', () => {
  it('never throw or hang, whatever the bytes', () => {
    const reader = new MessageReader();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(0, AF_INET, AF_INET6, AF_BRIDGE),
        (body, family) => {
          const bytes = new Uint8Array(16 + body.length);
          bytes.set(body, 16);
          if (body.length > 0) bytes[16] = family;
          new DataView(bytes.buffer).setUint32(0, bytes.length, true);
          reader.reset(bytes, bytes.length);
          while (reader.next()) {
            const read = [readAddress(reader, attributes), readNeighbour(reader, attributes)];
            const lengths = read.flatMap((entry) => entry?.address.length ?? []);
            expect(lengths.filter((length) => length !== 4 && length !== 16)).toEqual([]);
            readLink(reader, attributes);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('readLink', () => {
  it.each([
    [IFF_UP | IFF_RUNNING | IFF_LOWER_UP, true, true],
    [IFF_UP | IFF_LOWER_UP, true, true],
    [IFF_UP, true, false],
    [0, false, false],
  ])('judges the flags %i', (flags, up, carrier) => {
    expect(readLink(link(flags), attributes)).toMatchObject({ index: 7, name: 'eth0', up, carrier });
  });

  it('leaves out what bridges say of their ports', () => {
    expect(readLink(link(IFF_UP, AF_BRIDGE, RTM_DELLINK), attributes)).toBeUndefined();
  });
});

describe('readAddress', () => {
  it('takes the local address of a point-to-point link', () => {
    const reader = message((writer) => {
      writer.begin(RTM_NEWADDR, 0);
      writer.ifaddrmsg(AF_INET, 32, 0, 3);
      writer.attributeBytes(IFA_ADDRESS, Uint8Array.of(10, 0, 0, 2));
      writer.attributeBytes(IFA_LOCAL, Uint8Array.of(10, 0, 0, 1));
      writer.end();
    });
    expect(readAddress(reader, attributes)).toEqual({
      interfaceIndex: 3,
      address: Uint8Array.of(10, 0, 0, 1),
      prefixLength: 32,
      duplicate: false,
    });
  });

  it('knows a duplicate', () => {
    const reader = message((writer) => {
      writer.begin(RTM_NEWADDR, 0);
      writer.ifaddrmsg(AF_INET6, 64, 0, 3);
      writer.attributeBytes(IFA_ADDRESS, new Uint8Array(16).fill(1));
      writer.attributeU32(IFA_FLAGS, IFA_F_DADFAILED);
      writer.end();
    });
    expect(readAddress(reader, attributes)?.duplicate).toBe(true);
  });
});

describe('readNeighbour', () => {
  it('reads back a neighbour that is asked for, and its state', () => {
    const address = Uint8Array.of(10, 0, 0, 9);
    const asked = message((writer) => writeUseNeighbour(writer, { interfaceIndex: 4, address }));
    expect(readNeighbour(asked, attributes)).toEqual({ interfaceIndex: 4, address, state: 0 });
    const failed = message((writer) => {
      writer.begin(RTM_NEWNEIGH, 0);
      writer.ndmsg(AF_INET, 4, NUD_FAILED, 0);
      writer.attributeBytes(NDA_DST, address);
      writer.end();
    });
    expect(readNeighbour(failed, attributes)?.state).toBe(NUD_FAILED);
  });

  it('leaves out entries of bridges', () => {
    const reader = message((writer) => {
      writer.begin(RTM_NEWNEIGH, 0);
      writer.ndmsg(AF_BRIDGE, 4, NUD_FAILED, 0);
      writer.attributeBytes(NDA_DST, Uint8Array.of(10, 0, 0, 9));
      writer.end();
    });
    expect(readNeighbour(reader, attributes)).toBeUndefined();
  });
});
