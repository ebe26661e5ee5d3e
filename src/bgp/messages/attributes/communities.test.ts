import { describe, expect, it } from 'vitest';
import { hex } from '../../../../test/support/wire.ts';
import { formatCommunity, parseCommunity } from './communities.ts';
import { formatExtendedCommunity, formatIpv6ExtendedCommunity, readExtendedCommunity } from './extended-communities.ts';
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

  it.each([
    ['0002 20010db8000000000000000000000001 0064', 'rt:2001:db8::1:100'],
    ['4003 20010db8000000000000000000000001 0064', 'soo:2001:db8::1:100'],
    ['000b 20010db8000000000000000000000001 0064', '0x000b20010db80000000000000000000000010064'],
  ])('IPv6: %s is %s', (wire, text) => {
    expect(formatIpv6ExtendedCommunity(hex(wire))).toBe(text);
  });
});
