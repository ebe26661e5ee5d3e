import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes4, attributes6 } from '../../../../test/support/message-arbitraries.ts';
import { errorOf, hex, inSurroundings } from '../../../../test/support/wire.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../../net/family.ts';
import { decodeAttributes, encodeAttributes, formatAttributes } from './attribute-codec.ts';
import type { DecodeContext } from './attribute-row.ts';
import { AttributeSummary, summarise } from './attribute-summary.ts';
import { CanonicalBlock, canonicalise, checkUnusedAttributes } from './canonical-block.ts';

const EXTERNAL: DecodeContext = { fourOctetAs: true, external: true };
const INTERNAL: DecodeContext = { fourOctetAs: true, external: false };

const ORIGIN = '40 01 01 00';
const AS_PATH = '40 02 06 02 01 0000fde8';
const NEXT_HOP = '40 03 04 c0000201';
const BASE = ORIGIN + AS_PATH + NEXT_HOP;
const NEXT_HOP_6 = '20010db8 00000000 00000000 00000001';
const STUB_6 = `80 0e 15 0002 01 10 ${NEXT_HOP_6} 00`;

interface Result {
  readonly bytes: Uint8Array;
  readonly unchanged: boolean;
  readonly verdict: string;
  readonly faults: readonly string[];
}

function result(out: CanonicalBlock): Result {
  return { bytes: out.finish(), unchanged: out.unchanged, verdict: out.verdict, faults: [...out.faults] };
}

function run(text: string, context: DecodeContext): Result {
  const bytes = hex(text);
  const out = new CanonicalBlock();
  canonicalise(bytes, 0, bytes.length, context, out);
  return result(out);
}

describe('canonicalise', () => {
  it.each([
    ['the mandatory attributes', BASE],
    ['an empty AS_PATH', `${ORIGIN} 40 02 00 ${NEXT_HOP}`],
    ['any order', NEXT_HOP + AS_PATH + ORIGIN],
    ['two octets of length where one does', `${ORIGIN} 50 02 0006 02 01 0000fde8 ${NEXT_HOP}`],
    ['MED, ATOMIC_AGGREGATE, AGGREGATOR', `${BASE} 80 04 04 00000064 40 06 00 c0 07 08 0000fde8 c0000209`],
    ['communities', `${BASE} c0 08 08 fde80001 ffffff01 c0 10 08 0002fde800000064`],
    ['large and IPv6 communities', `${BASE} c0 20 0c 000000010000000200000003 c0 19 14 ${'0002'.repeat(10)}`],
    ['ONLY_TO_CUSTOMER', `${BASE} c0 23 04 0000fde8`],
    ['an unknown attribute that somebody passed on', `${BASE} e0 d5 02 beef`],
    ['Prefix-SID, which the daemon does not know', `${BASE} e0 28 0a 01 0007 00 0000 00000001`],
    ['a stub of MP_REACH_NLRI', STUB_6 + ORIGIN + AS_PATH],
    ['an AS_SET', `${ORIGIN} 40 02 0c 02 01 0000fde8 01 01 0000fde9 ${NEXT_HOP}`],
  ])('keeps byte for byte: %s', (_name, block) => {
    expect(run(block, EXTERNAL)).toEqual({ bytes: hex(block), unchanged: true, verdict: 'ok', faults: [] });
  });

  it('keeps what only internal peers send', () => {
    const internal = '40 05 04 00000064 80 09 04 c0000201 80 0a 08 0000000100000002';
    const aigp = '80 1a 0b 01 000b 0000000000000064';
    const block = BASE + internal + aigp;
    expect(run(block, INTERNAL)).toEqual({ bytes: hex(block), unchanged: true, verdict: 'ok', faults: [] });
  });

  it.each([
    ['MP_UNREACH_NLRI', '80 0f 03 0002 01', []],
    ['an unknown optional attribute that is not transitive', '80 d5 02 beef', []],
    ['what has the code of the label of own routes', '80 fe 04 00000007', []],
    ['MP_REACH_NLRI of a family the daemon does not speak', '80 0e 0a 4004 47 04 c0000201 00 00', []],
    ['LOCAL_PREF', '40 05 04 00000064', ['LOCAL_PREF from an external peer: attribute discarded']],
    ['LOCAL_PREF of a wrong length', '40 05 01 00', ['LOCAL_PREF from an external peer: attribute discarded']],
    ['ORIGINATOR_ID', 'c0 09 04 c0000201', ['ORIGINATOR_ID from an external peer: attribute discarded']],
    ['CLUSTER_LIST', '80 0a 03 c00002', ['CLUSTER_LIST from an external peer: attribute discarded']],
    ['AIGP', '80 1a 0b 01 000b 0000000000000064', ['AIGP from an external peer: attribute discarded']],
    [
      'ATOMIC_AGGREGATE with a value',
      '40 06 01 00',
      ['ATOMIC_AGGREGATE: it has 1 bytes instead of 0: attribute discarded'],
    ],
    [
      'AGGREGATOR of 6 bytes',
      'c0 07 06 fde8 c0000201',
      ['AGGREGATOR: it has 6 bytes instead of 8: attribute discarded'],
    ],
    ['AGGREGATOR with AS 0', 'c0 07 08 00000000 c0000201', ['AGGREGATOR: its AS is 0: attribute discarded']],
    ['AS4_PATH', 'c0 11 06 02 01 0000fde9', ['AS4_PATH from a peer with 4-octet AS numbers: attribute discarded']],
    [
      'AS4_AGGREGATOR',
      'c0 12 08 0000fde9 c0000201',
      ['AS4_AGGREGATOR from a peer with 4-octet AS numbers: attribute discarded'],
    ],
    ['a second ORIGIN', '40 01 01 02', ['ORIGIN repeated: attribute discarded']],
    ['a second ORIGIN that is malformed', '40 01 02 0909', ['ORIGIN repeated: attribute discarded']],
  ])('discards from an external peer: %s', (_name, attribute, faults) => {
    const expected = { bytes: hex(BASE), unchanged: false, verdict: 'ok', faults };
    expect(run(BASE + attribute, EXTERNAL)).toEqual(expected);
    // In front it must not shift anything; a repeated attribute is the later one.
    const first = faults[0]?.includes('repeated') ? BASE + attribute : attribute + BASE;
    expect(run(first, EXTERNAL)).toEqual(expected);
  });

  it.each([
    ['AIGP without a metric', '80 1a 03 02 0003', 'it holds no metric'],
    ['AIGP with a short metric', '80 1a 0a 01 000a 00000000000064', 'the metric TLV has 10 bytes'],
    ['AIGP with a TLV that passes the end', '80 1a 0b 01 000c 0000000000000064', 'a TLV does not fit'],
    ['AIGP with a TLV of no length', '80 1a 0b 01 0000 0000000000000064', 'a TLV does not fit'],
    ['AIGP with a cut TLV', '80 1a 0c 01 000b 0000000000000064 01', 'a TLV is cut'],
    ['transitive AIGP (RFC 7311 §3)', 'c0 1a 0b 01 000b 0000000000000064', 'flags 0xc0'],
  ])('discards from an internal peer: %s', (_name, attribute, what) => {
    const faults = [`AIGP: ${what}: attribute discarded`];
    expect(run(BASE + attribute, INTERNAL)).toEqual({ bytes: hex(BASE), unchanged: false, verdict: 'ok', faults });
  });

  it('sets the Partial bit of an unknown transitive attribute (RFC 4271 §9)', () => {
    expect(run(`c0 d5 02 beef ${BASE}`, EXTERNAL).bytes).toEqual(hex(`e0 d5 02 beef ${BASE}`));
    expect(run(`d0 d5 0002 beef ${BASE}`, EXTERNAL).bytes).toEqual(hex(`f0 d5 0002 beef ${BASE}`));
  });

  it('clears flag bits that have no meaning (RFC 4271 §4.3)', () => {
    expect(run(`4f 01 01 00 ${AS_PATH} ${NEXT_HOP} ef d5 01 00`, EXTERNAL)).toEqual({
      bytes: hex(`${BASE} e0 d5 01 00`),
      unchanged: false,
      verdict: 'ok',
      faults: [],
    });
  });

  it('makes a stub of a whole MP_REACH_NLRI, and ignores NEXT_HOP beside it (RFC 4760 §3)', () => {
    const reach = `90 0e 001a 0002 01 10 ${NEXT_HOP_6} 07 20 20010db8`;
    expect(run(reach + BASE, EXTERNAL).bytes).toEqual(hex(STUB_6 + ORIGIN + AS_PATH));
  });

  it('grows with a long path', () => {
    const path = `02 ff ${'0000fde8'.repeat(255)}`.repeat(16);
    const block = `50 02 ${(16 * 1022).toString(16)} ${path} ${ORIGIN} ${NEXT_HOP}`;
    expect(run(block, EXTERNAL)).toMatchObject({ bytes: hex(block), unchanged: true, verdict: 'ok' });
  });
});

describe('canonicalise, where routes are treated as withdrawn (RFC 7606)', () => {
  it.each([
    ['§3 d', 'ORIGIN is missing', AS_PATH + NEXT_HOP],
    ['§3 d', 'AS_PATH is missing', ORIGIN + NEXT_HOP],
    ['§3 d', 'NEXT_HOP is missing', ORIGIN + AS_PATH],
    ['§3 d', 'NEXT_HOP is missing', `80 0e 0a 4004 47 04 c0000201 00 00 ${ORIGIN} ${AS_PATH}`],
    ['§3 c', 'ORIGIN: flags 0xc0', `c0 01 01 00 ${AS_PATH} ${NEXT_HOP}`],
    ['§3 c', 'COMMUNITIES: flags 0x80', `${BASE} 80 08 04 fde80001`],
    ['§3 c', 'ATOMIC_AGGREGATE: flags 0xc0', `${BASE} c0 06 00`],
    ['§4', 'the attribute list ends within an attribute', `${BASE} 80 04 05 00000000`],
    ['§4', 'the attribute list ends within an attribute', `${BASE} 80`],
    ['§7.1', 'ORIGIN: value 3', `40 01 01 03 ${AS_PATH} ${NEXT_HOP}`],
    ['§7.1', 'ORIGIN: it has 0 bytes instead of 1', `40 01 00 ${AS_PATH} ${NEXT_HOP}`],
    ['§7.1', 'ORIGIN: it has 2 bytes instead of 1', `40 01 02 0000 ${AS_PATH} ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: segment type 5 is unknown', `${ORIGIN} 40 02 06 05 01 0000fde8 ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: segment type 0 is unknown', `${ORIGIN} 40 02 06 00 01 0000fde8 ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: a segment is empty', `${ORIGIN} 40 02 02 02 00 ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: a segment is empty', `${ORIGIN} 40 02 07 02 01 0000fde8 02 ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: a segment passes the end', `${ORIGIN} 40 02 06 02 02 0000fde8 ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: it holds AS 0', `${ORIGIN} 40 02 06 02 01 00000000 ${NEXT_HOP}`],
    ['§7.2', 'AS_PATH: it holds a confederation segment', `${ORIGIN} 40 02 06 03 01 0000fde8 ${NEXT_HOP}`],
    ['§7.3', 'NEXT_HOP: it has 3 bytes instead of 4', `${ORIGIN} ${AS_PATH} 40 03 03 c00002`],
    ['§7.3', 'NEXT_HOP: it has 16 bytes instead of 4', `${ORIGIN} ${AS_PATH} 40 03 10 ${NEXT_HOP_6}`],
    ['§7.3', 'NEXT_HOP: 0.0.0.0 is no host address', `${ORIGIN} ${AS_PATH} 40 03 04 00000000`],
    ['§7.3', 'NEXT_HOP: 127.0.0.1 is no host address', `${ORIGIN} ${AS_PATH} 40 03 04 7f000001`],
    ['§7.3', 'NEXT_HOP: 224.0.0.1 is no host address', `${ORIGIN} ${AS_PATH} 40 03 04 e0000001`],
    ['§7.3', 'NEXT_HOP: 255.255.255.255 is no host address', `${ORIGIN} ${AS_PATH} 40 03 04 ffffffff`],
    ['§7.4', 'MULTI_EXIT_DISC: it has 3 bytes instead of 4', `${BASE} 80 04 03 000000`],
    ['§7.8', 'COMMUNITIES: its 3 bytes are not a positive multiple of 4', `${BASE} c0 08 03 fde800`],
    ['§7.8', 'COMMUNITIES: its 0 bytes are not a positive multiple of 4', `${BASE} c0 08 00`],
    ['§7.14', 'EXTENDED_COMMUNITIES: its 4 bytes are not a positive multiple of 8', `${BASE} c0 10 04 0002fde8`],
    [
      '§7.15',
      'IPV6_EXTENDED_COMMUNITIES: its 8 bytes are not a positive multiple of 20',
      `${BASE} c0 19 08 ${'00'.repeat(8)}`,
    ],
    [
      'RFC 8092',
      'LARGE_COMMUNITY: its 11 bytes are not a positive multiple of 12',
      `${BASE} c0 20 0b ${'00'.repeat(11)}`,
    ],
    ['RFC 9234', 'ONLY_TO_CUSTOMER: it has 2 bytes instead of 4', `${BASE} c0 23 02 fde8`],
    [
      '§7.11',
      'MP_REACH_NLRI: ff02::1 is no host address',
      `80 0e 15 0002 01 10 ff020000000000000000000000000001 00 ${ORIGIN} ${AS_PATH}`,
    ],
    ['§7.11', 'MP_REACH_NLRI: :: is no host address', `80 0e 15 0002 01 10 ${'00'.repeat(16)} 00 ${ORIGIN} ${AS_PATH}`],
    [
      '§7.11',
      'MP_REACH_NLRI: ::1 is no host address',
      `80 0e 15 0002 01 10 ${'00'.repeat(15)}01 00 ${ORIGIN} ${AS_PATH}`,
    ],
  ])('%s: %s', (_section, fault, block) => {
    const { verdict, faults } = run(block, EXTERNAL);
    expect({ verdict, faults }).toEqual({ verdict: 'withdraw', faults: [`${fault}: routes treated as withdrawn`] });
  });

  it.each([
    ['§7.5', 'LOCAL_PREF: it has 3 bytes instead of 4', '40 05 03 000000'],
    ['§7.9', 'ORIGINATOR_ID: it has 5 bytes instead of 4', '80 09 05 0000000000'],
    ['§7.10', 'CLUSTER_LIST: its 5 bytes are not a positive multiple of 4', '80 0a 05 0000000000'],
    ['§7.10', 'CLUSTER_LIST: its 0 bytes are not a positive multiple of 4', '80 0a 00'],
  ])('from an internal peer, %s: %s', (_section, fault, attribute) => {
    const { verdict, faults } = run(BASE + attribute, INTERNAL);
    expect({ verdict, faults }).toEqual({ verdict: 'withdraw', faults: [`${fault}: routes treated as withdrawn`] });
  });

  it('tells all that is wrong', () => {
    expect(run('40 01 01 09 40 06 01 00', EXTERNAL).faults).toEqual([
      'ORIGIN: value 9: routes treated as withdrawn',
      'ATOMIC_AGGREGATE: it has 1 bytes instead of 0: attribute discarded',
      'AS_PATH is missing: routes treated as withdrawn',
      'NEXT_HOP is missing: routes treated as withdrawn',
    ]);
  });

  it('starts afresh', () => {
    const out = new CanonicalBlock();
    const bad = hex('40 01 01 09');
    canonicalise(bad, 0, bad.length, EXTERNAL, out);
    const good = hex(BASE);
    canonicalise(good, 0, good.length, EXTERNAL, out);
    expect(result(out)).toEqual({ bytes: good, unchanged: true, verdict: 'ok', faults: [] });
  });
});

describe('canonicalise, where the session must be reset', () => {
  it.each([
    ['an unknown well-known attribute (RFC 4271 §6.3)', `${BASE} 40 d5 01 00`, '3/2'],
    ['the same after a fault that withdraws', `40 01 01 09 ${AS_PATH} 40 d5 01 00`, '3/2'],
    ['MP_REACH_NLRI twice', STUB_6 + STUB_6 + ORIGIN + AS_PATH, '3/1'],
    ['MP_UNREACH_NLRI twice', `${BASE} 80 0f 03 0002 01 80 0f 03 0002 01`, '3/1'],
    ['MP_REACH_NLRI that is too short', '80 0e 04 0002 01 10', '3/9'],
    ['MP_REACH_NLRI whose next hop passes its end', '80 0e 05 0002 01 10 00', '3/9'],
    ['MP_REACH_NLRI with a next hop of 4 bytes for IPv6', '80 0e 09 0002 01 04 c0000201 00', '3/9'],
  ])('%s', (_name, block, error) => {
    expect(errorOf(() => run(block, EXTERNAL))).toBe(error);
  });
});

describe('checkUnusedAttributes (RFC 7606 §5.2)', () => {
  const check = (text: string) => {
    const bytes = hex(text);
    checkUnusedAttributes(bytes, 0, bytes.length, EXTERNAL, new CanonicalBlock());
  };

  it.each([
    ['sound attributes', ORIGIN, 'none'],
    ['an attribute to be discarded', '40 06 01 00', 'none'],
    ['an attribute that would withdraw', '40 01 01 09', '3/1'],
    ['a cut list', '40 01', '3/1'],
  ])('%s', (_name, block, error) => {
    expect(errorOf(() => check(block))).toBe(error);
  });
});

describe('canonical blocks', () => {
  it('are what encodeAttributes makes, and read back as they were', () => {
    const routes = fc.oneof(
      attributes4.map((attributes) => ({ attributes, family: IPV4_UNICAST })),
      attributes6.map((attributes) => ({ attributes, family: IPV6_UNICAST })),
    );
    fc.assert(
      fc.property(routes, ({ attributes, family }) => {
        const block = encodeAttributes(attributes, family);
        const out = new CanonicalBlock();
        canonicalise(block, 0, block.length, INTERNAL, out);
        expect(result(out)).toEqual({ bytes: block, unchanged: true, verdict: 'ok', faults: [] });
        expect(decodeAttributes(block, 0, block.length)).toEqual(attributes);
      }),
      { numRuns: 200 },
    );
  });

  const codes = fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 25, 26, 32, 35, 200, 254);
  const attribute = fc
    .tuple(codes, fc.constantFrom(0x40, 0x80, 0xc0, 0xd0, 0x45), fc.uint8Array({ maxLength: 24 }))
    .map(([code, flags, value]) => [flags, code, ...(flags & 0x10 ? [0] : []), value.length, ...value]);
  const sound = fc.constantFrom(
    ORIGIN,
    AS_PATH,
    NEXT_HOP,
    STUB_6,
    '40 02 04 02 01 fde8',
    'c0 07 06 5ba0 c0000201',
    'c0 11 06 02 01 fa56ea00',
    'c0 12 08 fa56ea00 c0000201',
  );
  const blocks = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(fc.oneof({ weight: 2, arbitrary: sound.map((text) => [...hex(text)]) }, attribute), { maxLength: 7 })
      .map((attributes) => Uint8Array.from(attributes.flat())),
    fc.array(attribute, { maxLength: 4 }).map((attributes) => Uint8Array.from([...hex(BASE), ...attributes.flat()])),
  );

  it('of arbitrary bytes: nothing but BgpError is thrown, and what is accepted is canonical and readable', () => {
    fc.assert(
      fc.property(blocks, fc.boolean(), fc.boolean(), (bytes, fourOctetAs, external) => {
        const first = inSurroundings(bytes, (buffer, start, end) => {
          const out = new CanonicalBlock();
          canonicalise(buffer, start, end, { fourOctetAs, external }, out);
          return result(out);
        });
        const accepted = 'error' in first || first.value.verdict === 'withdraw' ? [] : [first.value];
        for (const { bytes: block } of accepted) {
          const again = new CanonicalBlock();
          canonicalise(block, 0, block.length, { fourOctetAs: true, external }, again);
          expect(result(again)).toEqual({ bytes: block, unchanged: true, verdict: 'ok', faults: [] });
          expect(formatAttributes(decodeAttributes(block, 0, block.length)).length).toBeGreaterThan(2);
          summarise(block, 0, block.length, new AttributeSummary());
        }
      }),
      { numRuns: 1000 },
    );
  });
});
