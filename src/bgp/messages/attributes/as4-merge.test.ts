import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes4 } from '../../../../test/support/message-arbitraries.ts';
import { hex } from '../../../../test/support/wire.ts';
import { IPV4_UNICAST } from '../../../net/family.ts';
import { formatAsPath } from './as-path.ts';
import { decodeAttributes, encodeAttributes } from './attribute-codec.ts';
import type { Attributes } from './attributes.ts';
import { CanonicalBlock, canonicalise } from './canonical-block.ts';
import { toTwoOctetAs } from './two-octet-as.ts';

const ORIGIN = '40 01 01 00';
const NEXT_HOP = '40 03 04 c0000201';

/** What a route from a peer with 2-octet AS numbers becomes. */
function fromOldSpeaker(attributes: string | Uint8Array): {
  attributes: Attributes;
  block: Uint8Array;
  faults: string[];
} {
  const bytes = typeof attributes === 'string' ? hex(attributes) : attributes;
  const out = new CanonicalBlock();
  canonicalise(bytes, 0, bytes.length, { fourOctetAs: false, external: false }, out);
  const block = out.finish();
  return { attributes: decodeAttributes(block, 0, block.length), block, faults: out.faults };
}

function pathOf(...attributes: readonly string[]): string {
  return formatAsPath(fromOldSpeaker(ORIGIN + attributes.join('') + NEXT_HOP).attributes.asPath);
}

const AGGREGATOR_TRANS = 'c0 07 06 5ba0 c0000209';
const AS4_AGGREGATOR = 'c0 12 08 fa56ea07 c0000207';

describe('a route from a peer with 2-octet AS numbers (RFC 6793 §4.2.3)', () => {
  it.each([
    ['no AS4_PATH', ['40 02 08 02 03 fde8 5ba0 fde9'], '65000 23456 65001'],
    ['AS4_PATH as long', ['40 02 06 02 02 5ba0 fde9', 'c0 11 0a 02 02 fa56ea00 0000fde9'], '4200000000 65001'],
    [
      'AS4_PATH shorter',
      ['40 02 08 02 03 fde8 5ba0 fde9', 'c0 11 0a 02 02 fa56ea00 0000fde9'],
      '65000 4200000000 65001',
    ],
    [
      'AS4_PATH before AS_PATH',
      ['c0 11 0a 02 02 fa56ea00 0000fde9', '40 02 08 02 03 fde8 5ba0 fde9'],
      '65000 4200000000 65001',
    ],
    ['AS4_PATH longer', ['40 02 04 02 01 5ba0', 'c0 11 0a 02 02 fa56ea00 0000fde9'], '23456'],
    [
      'an AS_SET in both, counted as one',
      ['40 02 0a 02 01 fde8 01 02 5ba0 5ba0', 'c0 11 0a 01 02 fa56ea00 fa56ea01'],
      '65000 {4200000000,4200000001}',
    ],
    ['an AS_SET of the surplus', ['40 02 08 01 01 fde8 02 01 5ba0', 'c0 11 06 02 01 fa56ea00'], '{65000} 4200000000'],
    [
      'leading confederation segments',
      ['40 02 0c 03 01 fc00 02 01 fde8 02 01 5ba0', 'c0 11 06 02 01 fa56ea00'],
      '(64512) 65000 4200000000',
    ],
    [
      'confederation segments in AS4_PATH, left out',
      ['40 02 06 02 02 fde8 5ba0', 'c0 11 0c 03 01 0000fc00 02 01 fa56ea00'],
      '65000 4200000000',
    ],
    ['AS4_PATH of confederation segments only', ['40 02 04 02 01 5ba0', 'c0 11 06 03 01 0000fc00'], '23456'],
    ['a malformed AS4_PATH', ['40 02 04 02 01 5ba0', 'c0 11 05 02 01 fa56ea'], '23456'],
    ['an empty AS4_PATH', ['40 02 04 02 01 5ba0', 'c0 11 00'], '23456'],
    ['AS4_PATH with AS 0 (RFC 7607)', ['40 02 04 02 01 5ba0', 'c0 11 06 02 01 00000000'], '23456'],
    [
      'AGGREGATOR that is AS_TRANS',
      ['40 02 04 02 01 5ba0', AGGREGATOR_TRANS, 'c0 11 06 02 01 fa56ea00', AS4_AGGREGATOR],
      '4200000000',
    ],
    [
      'AGGREGATOR that is not, with AS4_AGGREGATOR',
      ['40 02 04 02 01 5ba0', 'c0 07 06 fde8 c0000209', 'c0 11 06 02 01 fa56ea00', AS4_AGGREGATOR],
      '23456',
    ],
    [
      'AGGREGATOR that is not, without AS4_AGGREGATOR',
      ['40 02 04 02 01 5ba0', 'c0 07 06 fde8 c0000209', 'c0 11 06 02 01 fa56ea00'],
      '4200000000',
    ],
    ['an empty path', ['40 02 00'], ''],
  ])('%s', (_name, attributes, path) => {
    expect(pathOf(...attributes)).toBe(path);
  });

  it('joins the sequences and keeps no AS4 attribute', () => {
    const path = '40 02 08 02 03 fde8 5ba0 fde9 c0 11 0a 02 02 fa56ea00 0000fde9';
    expect(fromOldSpeaker(ORIGIN + path + NEXT_HOP).block).toEqual(
      hex(`${ORIGIN} 40 02 0e 02 03 0000fde8 fa56ea00 0000fde9 ${NEXT_HOP}`),
    );
  });

  it('takes the aggregator from AS4_AGGREGATOR where AGGREGATOR is AS_TRANS', () => {
    const path = '40 02 04 02 01 fde8';
    const aggregatorOf = (text: string) => fromOldSpeaker(ORIGIN + path + text + NEXT_HOP).attributes.aggregator;
    expect(aggregatorOf(AGGREGATOR_TRANS + AS4_AGGREGATOR)).toEqual({ asn: 4_200_000_007, routerId: '192.0.2.7' });
    expect(aggregatorOf(AGGREGATOR_TRANS)).toEqual({ asn: 23456, routerId: '192.0.2.9' });
    expect(aggregatorOf(`c0 07 06 fde8 c0000209 ${AS4_AGGREGATOR}`)).toEqual({ asn: 65000, routerId: '192.0.2.9' });
    expect(aggregatorOf(AS4_AGGREGATOR)).toBeUndefined();
  });

  it('tells of a malformed AS4_PATH', () => {
    const { faults } = fromOldSpeaker(`${ORIGIN} 40 02 04 02 01 5ba0 ${NEXT_HOP} c0 11 03 02 01 fa`);
    expect(faults).toEqual(['AS4_PATH: a segment passes the end: attribute discarded']);
  });

  it('needs two octets of length where the path grows beyond 255 bytes', () => {
    const path = `40 02 a2 02 50 ${'fde8'.repeat(80)}`;
    const { block } = fromOldSpeaker(ORIGIN + path + NEXT_HOP);
    expect(block).toEqual(hex(`${ORIGIN} 50 02 0142 02 50 ${'0000fde8'.repeat(80)} ${NEXT_HOP}`));
  });
});

describe('toTwoOctetAs (RFC 6793 §4.2.2)', () => {
  it('narrows path and aggregator, and adds nothing where all AS numbers fit', () => {
    const block = hex(`${ORIGIN} 40 02 06 02 01 0000fde8 ${NEXT_HOP} c0 07 08 0000fde9 c0000209`);
    expect(toTwoOctetAs(block, 0, block.length)).toEqual(
      hex(`${ORIGIN} 40 02 04 02 01 fde8 ${NEXT_HOP} c0 07 06 fde9 c0000209`),
    );
  });

  it('puts AS_TRANS and the AS4 attributes where one does not fit', () => {
    const block = hex(`${ORIGIN}
      40 02 12 03 01 0000fc00 02 01 0000fde8 02 01 fa56ea00
      c0 07 08 fa56ea07 c0000207`);
    expect(toTwoOctetAs(block, 0, block.length)).toEqual(
      hex(`${ORIGIN}
        40 02 0c 03 01 fc00 02 01 fde8 02 01 5ba0
        c0 07 06 5ba0 c0000207
        c0 11 0c 02 01 0000fde8 02 01 fa56ea00
        c0 12 08 fa56ea07 c0000207`),
    );
  });

  it('keeps a path of confederation segments to itself', () => {
    const block = hex('40 02 06 03 01 fa56ea00');
    expect(toTwoOctetAs(block, 0, block.length)).toEqual(hex('40 02 04 03 01 5ba0'));
  });

  it('is undone by the peer', () => {
    fc.assert(
      fc.property(attributes4, (attributes) => {
        const block = encodeAttributes(attributes, IPV4_UNICAST);
        const { attributes: read, faults } = fromOldSpeaker(toTwoOctetAs(block, 0, block.length));
        expect(faults).toEqual([]);
        // An AGGREGATOR of a small AS next to a large path makes no AS4_AGGREGATOR, so nothing is lost.
        expect(read).toEqual(attributes);
      }),
      { numRuns: 200 },
    );
  });
});
