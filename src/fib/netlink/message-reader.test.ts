import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NHA_GROUP, NHA_ID, RTA_DST, RTM_NEWNEXTHOP, RTM_NEWROUTE } from './constants.ts';
import { readMacEntry } from './fdb.ts';
import { AttributeReader, MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { readFailure } from './netlink-error.ts';
import { readNextHop, writeNewNextHopGroup } from './nexthops.ts';
import { readRule } from './rules.ts';
import { readVxlanLink } from './vxlan.ts';
import { beginNewRoute, endRouteToNextHopId, endRouteToNextHops, newRouteView, readRoute } from './routes.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const OWNER = { table: 5000, protocol: 12, metric: 77 };

/** Bytes that make no sense as a whole, but start like a datagram often enough to get deep. */
const datagram = fc
  .tuple(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 220 }), fc.constantFrom(2, 3, 24, 104))
  .map(([bytes, length, type]) => {
    const view = new DataView(bytes.buffer);
    if (bytes.length >= 6) {
      view.setUint32(0, length, true);
      view.setUint16(4, type, true);
    }
    return bytes;
  });

describe('the readers', () => {
  it('never throw, hang or read outside of any bytes', () => {
    const messages = new MessageReader();
    const attributes = new AttributeReader();
    fc.assert(
      fc.property(datagram, fc.nat(220), (bytes, length) => {
        // A view into a larger buffer of 0xff: a read outside would show in a value.
        const large = new Uint8Array(bytes.length + 64).fill(255);
        large.set(bytes, 32);
        messages.reset(large.subarray(32, 32 + bytes.length), length);
        let count = 0;
        while (messages.next()) {
          expect(messages.end).toBeLessThanOrEqual(Math.min(length, bytes.length));
          readRoute(messages, attributes, newRouteView());
          readNextHop(messages, attributes);
          readMacEntry(messages, attributes);
          readRule(messages, attributes);
          readVxlanLink(messages, attributes);
          readFailure(messages);
          attributes.reset(messages, 0);
          while (attributes.next()) expect(attributes.end).toBeLessThanOrEqual(messages.end);
          expect(++count).toBeLessThan(20);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('read back any route that is written', () => {
    const words = fc.tuple(u32, u32, u32, u32);
    const hop = fc.record({
      gateway: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      interfaceIndex: fc.integer({ min: 1, max: 0x7fffffff }),
      onlink: fc.boolean(),
      weight: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(
        words,
        fc.nat(128),
        u32,
        fc.array(hop, { minLength: 1, maxLength: 4 }),
        (address, length, id, hops) => {
          const writer = new MessageWriter(16);
          beginNewRoute(writer, OWNER, true, 1, ...address, length);
          endRouteToNextHopId(writer, id);
          beginNewRoute(writer, OWNER, true, 1, ...address, length);
          endRouteToNextHops(writer, 1, hops);
          const reader = new MessageReader();
          reader.reset(writer.bytes, writer.length);
          const view = newRouteView();
          expect(reader.next() && readRoute(reader, new AttributeReader(), view)).toBe(true);
          const { a0, a1, a2, a3 } = view;
          expect([view.family, a0, a1, a2, a3, view.length]).toEqual([1, ...address, length]);
          expect([view.table, view.protocol, view.metric, view.nextHopId]).toEqual([5000, 12, 77, id]);
          expect(reader.next() && readRoute(reader, new AttributeReader(), view)).toBe(true);
          expect(view.nextHops).toEqual(hops);
          expect(reader.next()).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('read back a group', () => {
    const members = [
      { id: 3, weight: 1 },
      { id: 4, weight: 200 },
    ];
    const writer = new MessageWriter();
    writeNewNextHopGroup(writer, 9, 12, members);
    const reader = new MessageReader();
    reader.reset(writer.bytes, writer.length);
    expect(reader.next()).toBe(true);
    expect(reader.type).toBe(RTM_NEWNEXTHOP);
    expect(readNextHop(reader, new AttributeReader())).toMatchObject({ id: 9, protocol: 12, members });
  });

  it('stop at a message or attribute that is cut off', () => {
    const writer = new MessageWriter();
    writer.begin(RTM_NEWROUTE, 0);
    writer.attributeU32(NHA_ID, 1);
    writer.attributeU32(NHA_GROUP, 2);
    writer.end();
    const reader = new MessageReader();
    reader.reset(writer.bytes, writer.length - 1);
    expect(reader.next()).toBe(false);
    const attributes = new AttributeReader();
    attributes.resetRange(writer.bytes, 16, writer.length - 1);
    expect([attributes.next(), attributes.type, attributes.next()]).toEqual([true, NHA_ID, false]);
  });

  it('read a value that is too short as zero', () => {
    const writer = new MessageWriter();
    writer.begin(RTM_NEWROUTE, 0);
    writer.attributeBytes(RTA_DST, Uint8Array.of(255));
    writer.end();
    const attributes = new AttributeReader();
    attributes.resetRange(writer.bytes, 16, writer.length);
    attributes.next();
    const { length } = attributes;
    expect([length, attributes.u8(0), attributes.u8(1), attributes.u32(), attributes.word(0)]).toEqual([
      1, 255, 0, 0, 0,
    ]);
  });
});
