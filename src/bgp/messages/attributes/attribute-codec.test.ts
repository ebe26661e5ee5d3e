import { describe, expect, it } from 'vitest';
import { hex } from '../../../../test/support/wire.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../../net/family.ts';
import { decodeAttributes, encodeAttributes, formatAttributes } from './attribute-codec.ts';
import { OWN_LABEL } from './attribute-codes.ts';
import { AttributeSummary, summarise } from './attribute-summary.ts';
import type { Attributes } from './attributes.ts';

const EMPTY: Attributes = {
  origin: 'igp',
  asPath: [],
  atomicAggregate: false,
  communities: [],
  clusterList: [],
  extendedCommunities: [],
  ipv6ExtendedCommunities: [],
  largeCommunities: [],
  unknown: [],
};

const FULL: Attributes = {
  origin: 'egp',
  asPath: [{ type: 'sequence', asns: [65000, 4_200_000_000] }],
  nextHop: '192.0.2.1',
  med: 5,
  localPref: 200,
  atomicAggregate: true,
  aggregator: { asn: 65001, routerId: '192.0.2.9' },
  communities: [0xfde80001, 0xffffff01],
  originatorId: '192.0.2.2',
  clusterList: ['192.0.2.3', '192.0.2.4'],
  extendedCommunities: [{ high: 0x0002fde8, low: 100 }],
  ipv6ExtendedCommunities: [hex('0002 20010db8000000000000000000000001 0064')],
  aigp: 0x1_0000_0002n,
  largeCommunities: [{ globalAdministrator: 65000, localData1: 1, localData2: 2 }],
  onlyToCustomer: 65000,
  unknown: [{ code: 213, flags: 0xe0, value: hex('beef') }],
};

const FULL_BLOCK = hex(`
  40 01 01 01
  40 02 0a 02 02 0000fde8 fa56ea00
  40 03 04 c0000201
  80 04 04 00000005
  40 05 04 000000c8
  40 06 00
  c0 07 08 0000fde9 c0000209
  c0 08 08 fde80001 ffffff01
  80 09 04 c0000202
  80 0a 08 c0000203 c0000204
  c0 10 08 0002fde8 00000064
  c0 19 14 0002 20010db8000000000000000000000001 0064
  80 1a 0b 01 000b 0000000100000002
  c0 20 0c 0000fde8 00000001 00000002
  c0 23 04 0000fde8
  e0 d5 02 beef`);

describe('encodeAttributes and decodeAttributes', () => {
  it('write and read every attribute', () => {
    expect(encodeAttributes(FULL, IPV4_UNICAST)).toEqual(FULL_BLOCK);
    expect(decodeAttributes(FULL_BLOCK, 0, FULL_BLOCK.length)).toEqual(FULL);
  });

  it('leave out what a route does not have', () => {
    expect(encodeAttributes(EMPTY, IPV4_UNICAST)).toEqual(hex('40 01 01 00 40 02 00'));
    expect(decodeAttributes(hex('40 01 01 00 40 02 00'), 0, 7)).toEqual(EMPTY);
  });

  it.each([
    ['IPv6', IPV6_UNICAST, { nextHop: '2001:db8::1' }, '15 0002 01 10 20010db8000000000000000000000001'],
    [
      'IPv6 with a link-local address',
      IPV6_UNICAST,
      { nextHop: '2001:db8::1', linkLocalNextHop: 'fe80::2' },
      '25 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000002',
    ],
    [
      'IPv4 over IPv6 (RFC 8950)',
      IPV4_UNICAST,
      { nextHop: 'fe80::2' },
      '15 0001 01 10 fe800000000000000000000000000002',
    ],
  ])('put the next hop of %s into a stub of MP_REACH_NLRI, first', (_name, family, nextHop, stub) => {
    const block = encodeAttributes({ ...EMPTY, ...nextHop }, family);
    expect(block).toEqual(hex(`80 0e ${stub} 00 40 01 01 00 40 02 00`));
    expect(decodeAttributes(block, 0, block.length)).toEqual({ ...EMPTY, ...nextHop });
  });

  it('use two octets of length where one does not do', () => {
    const communities = Array.from({ length: 64 }, (_, i) => i);
    const block = encodeAttributes({ ...EMPTY, communities }, IPV4_UNICAST);
    expect([...block.subarray(7, 11)]).toEqual([0xd0, 8, 1, 0]);
    expect(decodeAttributes(block, 0, block.length).communities).toEqual(communities);
  });

  it('keep the label of an own route, which nobody is shown', () => {
    const labelled = { ...EMPTY, label: 70_000 };
    const block = encodeAttributes(labelled, IPV4_UNICAST);
    expect(decodeAttributes(block, 0, block.length)).toEqual(labelled);
    expect(formatAttributes(labelled)).toEqual(formatAttributes(EMPTY));
    expect(encodeAttributes({ ...EMPTY, label: 0 }, IPV4_UNICAST)).toEqual(encodeAttributes(EMPTY, IPV4_UNICAST));
  });

  it('take an attribute with the code of the label that a peer sent for an unknown one', () => {
    const unknown = [{ code: OWN_LABEL, flags: 0xe0, value: hex('00000007') }];
    const block = encodeAttributes({ ...EMPTY, unknown }, IPV4_UNICAST);
    expect(decodeAttributes(block, 0, block.length)).toEqual({ ...EMPTY, unknown });
    const summary = new AttributeSummary();
    summarise(block, 0, block.length, summary);
    expect(summary.label).toBe(0);
  });

  it('find the metric of AIGP behind other TLVs', () => {
    const block = hex('80 1a 10 07 0005 beef 01 000b 0000000000000064');
    expect(decodeAttributes(block, 0, block.length).aigp).toBe(100n);
  });
});

describe('formatAttributes', () => {
  it('words every attribute', () => {
    expect(formatAttributes(FULL).map(({ name, text }) => `${name} ${text}`)).toEqual([
      'ORIGIN egp',
      'AS_PATH 65000 4200000000',
      'NEXT_HOP 192.0.2.1',
      'MULTI_EXIT_DISC 5',
      'LOCAL_PREF 200',
      'ATOMIC_AGGREGATE yes',
      'AGGREGATOR AS 65001 192.0.2.9',
      'COMMUNITIES 65000:1 no-export',
      'ORIGINATOR_ID 192.0.2.2',
      'CLUSTER_LIST 192.0.2.3 192.0.2.4',
      'EXTENDED_COMMUNITIES rt:65000:100',
      'IPV6_EXTENDED_COMMUNITIES rt:2001:db8::1:100',
      'AIGP 4294967298',
      'LARGE_COMMUNITY 65000:1:2',
      'ONLY_TO_CUSTOMER 65000',
      'attribute 213 flags 0xe0 beef',
    ]);
  });

  it('words a next hop with a link-local address', () => {
    const texts = formatAttributes({ ...EMPTY, nextHop: '2001:db8::1', linkLocalNextHop: 'fe80::2' });
    expect(texts).toContainEqual({ name: 'NEXT_HOP', text: '2001:db8::1 fe80::2' });
  });
});
