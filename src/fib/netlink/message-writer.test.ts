import { describe, expect, it } from 'vitest';
import { NLM_F_ACK, NLM_F_REQUEST, RTA_DST, RTM_NEWROUTE } from './constants.ts';
import { writeNewNextHopGroup } from './nexthops.ts';
import { LITTLE_ENDIAN, MessageWriter } from './message-writer.ts';
import { beginNewRoute, endRouteToNextHopId, endRouteToNextHops, writeDeleteRoute } from './routes.ts';

const OWNER = { table: 254, protocol: 12, metric: 1024 };

function hex(writer: MessageWriter): string {
  return Buffer.from(writer.bytes.subarray(0, writer.length)).toString('hex');
}

function compact(lines: readonly string[]): string {
  return lines.join('').replaceAll(' ', '');
}

describe.skipIf(!LITTLE_ENDIAN)('MessageWriter', () => {
  it('writes a route to a next-hop object as the kernel reads it', () => {
    const writer = new MessageWriter(16);
    beginNewRoute(writer, OWNER, true, 0, 0x0a010000, 0, 0, 0, 16);
    endRouteToNextHopId(writer, 0x53000001);
    expect(hex(writer)).toBe(
      compact([
        '34000000 1800 0105 01000000 00000000', // 52 bytes, RTM_NEWROUTE, REQUEST|REPLACE|CREATE, sequence 1
        '02 10 00 00 fe 0c 00 01 00000000', // AF_INET /16, table 254, protocol 12, universe, unicast
        '0800 0100 0a010000', // RTA_DST 10.1.0.0
        '0800 0600 00040000', // RTA_PRIORITY 1024
        '0800 1e00 01000053', // RTA_NH_ID
      ]),
    );
  });

  it('writes an IPv6 deletion in a table beyond 255', () => {
    const writer = new MessageWriter(16);
    writeDeleteRoute(writer, { ...OWNER, table: 1000 }, 1, 0xfd000001, 2, 3, 4, 64);
    expect(hex(writer)).toBe(
      compact([
        '40000000 1900 0100 01000000 00000000',
        '0a 40 00 00 00 0c 00 00 00000000', // of any type
        '1400 0100 fd000001 00000002 00000003 00000004',
        '0800 0600 00040000',
        '0800 0f00 e8030000', // RTA_TABLE 1000
      ]),
    );
  });

  it('writes next hops into the route, with weights less one and a gateway of the other family as RTA_VIA', () => {
    const writer = new MessageWriter(16);
    beginNewRoute(writer, OWNER, false, 0, 0x0a010000, 0, 0, 0, 16);
    endRouteToNextHops(writer, 0, [
      { gateway: Uint8Array.of(10, 0, 0, 1), interfaceIndex: 2, onlink: true, weight: 3 },
      { gateway: Uint8Array.from({ length: 16 }, (_, i) => i), interfaceIndex: 3, onlink: false, weight: 1 },
    ]);
    expect(hex(writer)).toContain(
      compact([
        '3400 0900', // RTA_MULTIPATH, 52 bytes
        '1000 04 02 02000000 0800 0500 0a000001', // onlink, weight 3, interface 2, RTA_GATEWAY
        '2000 00 00 03000000 1600 1200 0a00 000102030405060708090a0b0c0d0e0f 0000', // RTA_VIA, padded
      ]),
    );
  });

  it('writes a group', () => {
    const writer = new MessageWriter(16);
    writeNewNextHopGroup(writer, 7, 12, [
      { id: 1, weight: 1 },
      { id: 2, weight: 256 },
    ]);
    expect(hex(writer)).toBe(
      compact([
        '34000000 6800 0105 01000000 00000000',
        '00 00 0c 00 00000000',
        '0800 0100 07000000',
        '1400 0200 01000000 00 000000 02000000 ff 000000',
      ]),
    );
  });

  it('numbers the messages of a batch and asks for an answer to the last', () => {
    const writer = new MessageWriter(16);
    for (let i = 0; i < 3; i++) writeDeleteRoute(writer, OWNER, 0, i, 0, 0, 0, 32);
    writer.acknowledgeLast();
    const view = new DataView(writer.bytes.buffer);
    const size = writer.length / 3;
    const numbers = [0, 1, 2].map((i) => view.getUint32(i * size + 8, true));
    const flags = [0, 1, 2].map((i) => view.getUint16(i * size + 6, true));
    expect(numbers).toEqual([1, 2, 3]);
    expect([writer.firstSequence, writer.sequence]).toEqual([1, 3]);
    expect(flags).toEqual([NLM_F_REQUEST, NLM_F_REQUEST, NLM_F_REQUEST | NLM_F_ACK]);
  });

  it('pads attributes to four bytes without counting the padding, and leaves no bytes of an earlier batch', () => {
    const writer = new MessageWriter(64);
    writer.begin(RTM_NEWROUTE, 0);
    writer.attributeBytes(RTA_DST, new Uint8Array(16).fill(255));
    writer.end();
    writer.clear();
    writer.begin(RTM_NEWROUTE, 0);
    writer.attributeString(RTA_DST, 'ab');
    writer.end();
    expect(hex(writer).slice(32)).toBe('0700010061620000');
  });
});
