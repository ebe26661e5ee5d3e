import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes4, attributes6 } from '../../../../test/support/message-arbitraries.ts';
import { hex } from '../../../../test/support/wire.ts';
import { formatAddress, parseU32 } from '../../../net/address.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../../net/family.ts';
import { encodeAttributes } from './attribute-codec.ts';
import * as summary from './attribute-summary.ts';
import { AttributeSummary, hasClusterId, summarise } from './attribute-summary.ts';

function summaryOf(block: Uint8Array): AttributeSummary {
  const out = new AttributeSummary();
  summarise(block, 0, block.length, out);
  return out;
}

describe('summarise', () => {
  it('reads an IPv4 route', () => {
    const block = hex(`
      40 01 01 02
      40 02 14 02 02 fa56ea00 0000fde8 01 02 00000001 00000002
      40 03 04 c0000201
      80 04 04 00000064
      40 05 04 000000c8
      80 09 04 c0000209
      80 0a 08 0000000100000002`);
    // The offset of the next hop is that of its address.
    expect(summaryOf(block)).toMatchObject({
      origin: 2,
      pathLength: 3,
      neighbourAs: 4_200_000_000,
      hasMed: true,
      med: 100,
      hasLocalPref: true,
      localPref: 200,
      nextHopOffset: 30,
      nextHopLength: 4,
      originatorId: 0xc0000209,
      clusterListLength: 2,
      wellKnown: 0,
      hasAsSet: true,
    });
  });

  it('counts the next hop from the start of the block, wherever that is', () => {
    const block = hex('ffff 80 0e 15 0002 01 10 20010db8000000000000000000000001 00 40 01 01 00 40 02 00');
    const out = new AttributeSummary();
    summarise(block, 2, block.length, out);
    expect(out).toMatchObject({ nextHopOffset: 7, nextHopLength: 16, pathLength: 0, neighbourAs: 0 });
    expect(formatAddress(block, 2 + out.nextHopOffset, 16)).toBe('2001:db8::1');
  });

  it('does not count confederation segments, and finds no neighbour behind one', () => {
    const block = hex('40 02 10 03 02 0000fc00 0000fc01 02 01 0000fde8');
    expect(summaryOf(block)).toMatchObject({ pathLength: 1, neighbourAs: 0 });
  });

  it.each([
    ['ffffff01', summary.NO_EXPORT],
    ['ffffff02', summary.NO_ADVERTISE],
    ['ffffff03', summary.NO_EXPORT_SUBCONFED],
    ['ffff0000', summary.GRACEFUL_SHUTDOWN],
    ['ffff0006', summary.LLGR_STALE],
    ['ffff0007', summary.NO_LLGR],
    ['ffff029a', summary.BLACKHOLE],
    ['ffff0001', 0],
    ['fffeff01', 0],
  ])('knows community %s', (community, bit) => {
    expect(summaryOf(hex(`c0 08 08 fde80001 ${community}`)).wellKnown).toBe(bit);
  });

  it('says what the attributes say, and forgets the route before', () => {
    const out = new AttributeSummary();
    const routes = fc.oneof(
      attributes4.map((attributes) => ({ attributes, family: IPV4_UNICAST })),
      attributes6.map((attributes) => ({ attributes, family: IPV6_UNICAST })),
    );
    fc.assert(
      fc.property(routes, ({ attributes, family }) => {
        const block = encodeAttributes(attributes, family);
        summarise(block, 0, block.length, out);
        const [first] = attributes.asPath;
        expect(out).toMatchObject({
          origin: ['igp', 'egp', 'incomplete'].indexOf(attributes.origin),
          pathLength: attributes.asPath.reduce((n, { type, asns }) => n + (type === 'set' ? 1 : asns.length), 0),
          neighbourAs: first?.type === 'sequence' ? first.asns[0] : 0,
          hasMed: attributes.med !== undefined,
          med: attributes.med ?? 0,
          hasLocalPref: attributes.localPref !== undefined,
          localPref: attributes.localPref ?? 0,
          originatorId: attributes.originatorId === undefined ? 0 : parseU32(attributes.originatorId),
          clusterListLength: attributes.clusterList.length,
          hasAsSet: attributes.asPath.some(({ type }) => type === 'set'),
        });
        const length = family === IPV4_UNICAST ? 4 : 16;
        expect(formatAddress(block, out.nextHopOffset, length)).toBe(attributes.nextHop);
      }),
      { numRuns: 100 },
    );
  });
});

describe('hasClusterId', () => {
  it('looks through the CLUSTER_LIST', () => {
    const block = hex('40 01 01 00 80 0a 08 c0000201 c0000202');
    const has = (id: number) => hasClusterId(block, 0, block.length, id);
    expect([0xc0000201, 0xc0000202, 0xc0000203].map(has)).toEqual([true, true, false]);
    expect(hasClusterId(block, 0, 4, 0xc0000201)).toBe(false);
  });
});
