import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../../test/support/wire.ts';
import { ByteWriter } from '../byte-writer.ts';
import { formatCommunity, parseCommunity } from './communities.ts';
import {
  formatExtendedCommunity,
  formatIpv6ExtendedCommunity,
  linkBandwidth,
  readExtendedCommunity,
  readLinkBandwidth,
  writeExtendedCommunity,
} from './extended-communities.ts';
import { formatLargeCommunity, parseLargeCommunity } from './large-communities.ts';

describe('communities', () => {
  it.each([
    [0xfde80064, '65000:100'],
    [0, '0:0'],
    [0xffff0000, 'graceful-shutdown'],
    [0xffff0006, 'llgr-stale'],
    [0xffff0007, 'no-llgr'],
    [0xffff029a, 'blackhole'],
    [0xffffff01, 'no-export'],
    [0xffffff02, 'no-advertise'],
    [0xffffff03, 'no-export-subconfed'],
    [0xffffff04, 'no-peer'],
    [0xffffffff, '65535:65535'],
  ])('%i is %s, both ways', (community, text) => {
    expect(formatCommunity(community)).toBe(text);
    expect(parseCommunity(text)).toBe(community);
  });

  it('takes a well-known one in numbers', () => {
    expect(parseCommunity('65535:65281')).toBe(0xffffff01);
  });

  it.each(['', '65000', '65536:1', '1:65536', '1:2:3', '-1:2', '1: 2', 'no-such', '123456:1'])(
    '"%s" is none',
    (text) => {
      expect(parseCommunity(text)).toBeUndefined();
    },
  );
});

describe('large communities', () => {
  it('are three numbers', () => {
    const community = { globalAdministrator: 4_200_000_000, localData1: 0, localData2: 4_294_967_295 };
    expect(formatLargeCommunity(community)).toBe('4200000000:0:4294967295');
    expect(parseLargeCommunity('4200000000:0:4294967295')).toEqual(community);
  });

  it.each(['', '1:2', '1:2:4294967296', '1:2:3:4', 'a:b:c', '1:2:-3'])('"%s" is none', (text) => {
    expect(parseLargeCommunity(text)).toBeUndefined();
  });
});

describe('extended communities', () => {
  it.each([
    ['0002 fde8 00000064', 'rt:65000:100'],
    ['0003 fde8 ffffffff', 'soo:65000:4294967295'],
    ['0102 c0000201 0007', 'rt:192.0.2.1:7'],
    ['0202 fa56ea00 0064', 'rt:4200000000:100'],
    ['0203 fa56ea00 ffff', 'soo:4200000000:65535'],
    ['4004 fde8 4cee6b28', 'link-bandwidth:65000:125000000'],
    ['0004 fde8 00000000', 'link-bandwidth:65000:0'],
    ['4002 fde8 00000064', 'rt:65000:100'],
    ['030b 0000 00000064', '0x030b000000000064'],
    ['0006 fde8 00000064', '0x0006fde800000064'],
    ['8006 0000 00000000', '0x8006000000000000'],
  ])('%s is %s', (wire, text) => {
    expect(formatExtendedCommunity(readExtendedCommunity(hex(wire), 0))).toBe(text);
  });

  it('give the lowest link bandwidth, transitive or not, and none that is no number from 0 on (RFC 10005)', () => {
    const read = (text: string): number => readLinkBandwidth(hex(text), 0, hex(text).length);
    expect(read('0002 fde8 00000064')).toBe(-1);
    expect(read('4004 fde8 4cee6b28')).toBe(125_000_000);
    expect(read('0004 fde8 4cee6b28 0002 fde8 00000064 4004 fde8 4b989680')).toBe(2e7);
    expect(read('0004 fde8 00000000')).toBe(0);
    // Negative, infinite, and no number at all.
    expect(read('0004 fde8 ccee6b28 0004 fde8 7f800000 0004 fde8 7fc00000')).toBe(-1);
  });

  it('hold a link bandwidth as it was written, as far as a float can', () => {
    const float = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(float, fc.integer({ min: 1, max: 0xffff }), fc.boolean(), (bandwidth, asn, transitive) => {
        const out = new ByteWriter();
        writeExtendedCommunity(linkBandwidth(asn, bandwidth, transitive), out);
        expect(readLinkBandwidth(out.bytes, 0, out.length)).toBe(bandwidth === 0 ? 0 : bandwidth);
        expect([out.bytes[0], out.bytes[1]]).toEqual([transitive ? 0 : 0x40, 4]);
        const text = formatExtendedCommunity(readExtendedCommunity(out.bytes, 0));
        expect(text).toBe(`link-bandwidth:${asn}:${bandwidth === 0 ? 0 : bandwidth}`);
      }),
      { numRuns: 100 },
    );
    expect(formatExtendedCommunity(linkBandwidth(4_200_000_000, 1, true))).toBe('link-bandwidth:23456:1');
  });

  it.each([
    ['0002 20010db8000000000000000000000001 0064', 'rt:2001:db8::1:100'],
    ['4003 20010db8000000000000000000000001 0064', 'soo:2001:db8::1:100'],
    ['000b 20010db8000000000000000000000001 0064', '0x000b20010db80000000000000000000000010064'],
  ])('IPv6: %s is %s', (wire, text) => {
    expect(formatIpv6ExtendedCommunity(hex(wire))).toBe(text);
  });
});
