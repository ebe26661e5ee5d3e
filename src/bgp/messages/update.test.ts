import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorOf, hex, inSurroundings, outcome, updateBody } from '../../../test/support/wire.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import {
  FAMILY_ABSENT,
  FAMILY_UNSUPPORTED,
  UpdateView,
  hasReachableNlri,
  isEndOfRib,
  parseUpdate,
  rawBlock,
} from './update.ts';

const ORIGIN = '40 01 01 00';
const AS_PATH = '40 02 06 02 01 0000fde8';
const NEXT_HOP = '40 03 04 c0000201';
const MED = '80 04 04 00000064';
const NEXT_HOP_6 = '20010db8 00000000 00000000 00000001';
const REACH_6 = `80 0e 1a 0002 01 10 ${NEXT_HOP_6} 00 20 20010db8`;
const STUB_6 = `80 0e 15 0002 01 10 ${NEXT_HOP_6} 00`;
const UNREACH_6 = '80 0f 08 0002 01 20 20010db9';
const PREFIX = '18 c63364';

function parse(withdrawn: string, attributes: string, nlri: string): { view: UpdateView; body: Uint8Array } {
  const body = updateBody(hex(withdrawn), hex(attributes), hex(nlri));
  const view = new UpdateView();
  parseUpdate(body, 0, body.length, view);
  return { view, body };
}

function raw(withdrawn: string, attributes: string, nlri: string, multiprotocol: boolean): Uint8Array {
  const { view, body } = parse(withdrawn, attributes, nlri);
  const scratch = new Uint8Array(200);
  return scratch.slice(0, rawBlock(body, view, scratch, multiprotocol));
}

describe('parseUpdate', () => {
  it('finds withdrawn routes, attributes and NLRI', () => {
    const { view } = parse('08 0a', ORIGIN + AS_PATH + NEXT_HOP, PREFIX);
    expect(view).toMatchObject({
      withdrawnStart: 2,
      withdrawnEnd: 4,
      attributesStart: 6,
      attributesEnd: 26,
      nlriStart: 26,
      nlriEnd: 30,
      reachFamily: FAMILY_ABSENT,
      unreachFamily: FAMILY_ABSENT,
      malformed: undefined,
    });
  });

  it('finds MP_REACH_NLRI and MP_UNREACH_NLRI wherever they stand', () => {
    const { view, body } = parse('', ORIGIN + REACH_6 + AS_PATH + UNREACH_6, '');
    expect([view.reachFamily, view.unreachFamily]).toEqual([IPV6_UNICAST, IPV6_UNICAST]);
    expect(body.slice(view.reachTlvStart, view.reachTlvEnd)).toEqual(hex(REACH_6));
    expect(body.slice(view.reachNextHopStart, view.reachNextHopStart + view.reachNextHopLength)).toEqual(
      hex(NEXT_HOP_6),
    );
    expect(body.slice(view.reachNlriStart, view.reachNlriEnd)).toEqual(hex('20 20010db8'));
    expect(body.slice(view.unreachTlvStart, view.unreachTlvEnd)).toEqual(hex(UNREACH_6));
    expect(body.slice(view.unreachNlriStart, view.unreachNlriEnd)).toEqual(hex('20 20010db9'));
  });

  it('reads attributes with two octets of length', () => {
    const { view } = parse('', `${ORIGIN} 90 0e 0009 0001 01 04 c0000201 00`, '');
    expect([view.reachFamily, view.reachNextHopLength]).toEqual([IPV4_UNICAST, 4]);
  });

  it.each([
    ['VPN-IPv4', '80 0e 15 0001 80 0c 0000000000000000c0000201 00 00000000'],
    ['link state', '80 0e 0a 4004 47 04 c0000201 00 00'],
  ])('sets aside a family it does not speak: %s', (_name, reach) => {
    const { view } = parse('', ORIGIN + reach, PREFIX);
    expect(view.reachFamily).toBe(FAMILY_UNSUPPORTED);
  });

  it('forgets what it parsed before', () => {
    const view = new UpdateView();
    const first = updateBody(hex(''), hex(NEXT_HOP + REACH_6 + UNREACH_6 + '4001'), hex(PREFIX));
    parseUpdate(first, 0, first.length, view);
    expect(view.malformed).toBeDefined();
    const empty = updateBody(hex(''), hex(''), hex(''));
    parseUpdate(empty, 0, empty.length, view);
    expect(isEndOfRib(view)).toBe(IPV4_UNICAST);
    expect([hasReachableNlri(view), view.malformed, view.nextHopTlvEnd]).toEqual([false, undefined, 0]);
  });
});

describe('parseUpdate where the session must be reset', () => {
  it.each([
    ['no length of the attributes', '0000 00', '3/1'],
    ['withdrawn routes that pass the end', '0003 0000', '3/1'],
    ['withdrawn routes that leave no room for a length', '0001 0000', '3/1'],
    ['withdrawn routes of 65535 bytes', 'ffff 0000', '3/1'],
    ['attributes that pass the end', '0000 0001', '3/1'],
  ])('%s', (_name, body, error) => {
    expect(errorOf(() => parseUpdate(hex(body), 0, hex(body).length, new UpdateView()))).toBe(error);
  });

  it.each([
    ['MP_REACH_NLRI twice (RFC 7606 §3 g)', REACH_6 + REACH_6, PREFIX, '3/1'],
    ['MP_UNREACH_NLRI twice (RFC 7606 §3 g)', UNREACH_6 + UNREACH_6, PREFIX, '3/1'],
    ['MP_REACH_NLRI as transitive (RFC 7606 §5.3)', `c0${REACH_6.slice(2)}`, '', '3/4'],
    ['MP_UNREACH_NLRI as well-known (RFC 7606 §5.3)', `40${UNREACH_6.slice(2)}`, '', '3/4'],
    ['MP_REACH_NLRI of 4 bytes (RFC 7606 §5.3)', '80 0e 04 0002 01 00', '', '3/9'],
    ['MP_UNREACH_NLRI of 2 bytes (RFC 7606 §5.3)', '80 0f 02 0002', '', '3/9'],
    ['a next hop that passes MP_REACH_NLRI', '80 0e 05 0002 01 10 00', '', '3/9'],
    ['an IPv6 next hop of 4 bytes (RFC 7606 §7.11)', '80 0e 09 0002 01 04 c0000201 00', '', '3/9'],
    ['an IPv4 next hop of 0 bytes (RFC 7606 §7.11)', '80 0e 05 0001 01 00 00', '', '3/9'],
    ['MP_REACH_NLRI that passes the list', '80 0e 30 0002 01 10', PREFIX, '3/1'],
    ['MP_UNREACH_NLRI that passes the list', '80 0f 30 0002 01', PREFIX, '3/1'],
    ['a cut list without NLRI (RFC 7606 §5.2)', `${ORIGIN} 40 02 06 02`, '', '3/1'],
    ['a cut list with withdrawn routes only', `${UNREACH_6} 40`, '', '3/1'],
  ])('%s', (_name, attributes, nlri, error) => {
    expect(errorOf(() => parse('', attributes, nlri))).toBe(error);
  });

  it('sends the attribute back', () => {
    const reach = '80 0e 09 0002 01 04 c0000201 00';
    expect(outcome(() => parse('', reach, ''))).toMatchObject({ error: { data: hex(reach) } });
  });
});

describe('parseUpdate where routes are treated as withdrawn (RFC 7606 §4)', () => {
  it.each([
    ['an attribute that passes the list', `${ORIGIN} 40 02 20 02 01`, 'attribute 2'],
    ['one octet after the attributes', `${ORIGIN} 40`, 'an attribute'],
    ['two octets after the attributes', `${ORIGIN} 40 05`, 'attribute 5'],
    ['three octets of an attribute that needs four', `${ORIGIN} 50 05 00`, 'attribute 5'],
    ['an extended length that passes the list', `${ORIGIN} d0 08 ffff 00`, 'attribute 8'],
  ])('%s', (_name, attributes, where) => {
    const { view, body } = parse('', attributes, PREFIX);
    expect(view.malformed).toBe(`the attribute list ends within ${where}`);
    expect(body.slice(view.nlriStart, view.nlriEnd)).toEqual(hex(PREFIX));
  });

  it('also when the routes stand in MP_REACH_NLRI', () => {
    const { view } = parse('', `${REACH_6} 40 01`, '');
    expect([view.reachFamily, view.malformed]).toEqual([IPV6_UNICAST, 'the attribute list ends within attribute 1']);
  });
});

describe('isEndOfRib', () => {
  it.each([
    ['an empty UPDATE', '', '', '', IPV4_UNICAST],
    ['an empty MP_UNREACH_NLRI of IPv6', '', '80 0f 03 0002 01', '', IPV6_UNICAST],
    ['an empty MP_UNREACH_NLRI of IPv4', '', '80 0f 03 0001 01', '', IPV4_UNICAST],
    ['an empty MP_UNREACH_NLRI with two octets of length', '', '90 0f 0003 0002 01', '', IPV6_UNICAST],
    ['an empty MP_UNREACH_NLRI of another family', '', '80 0f 03 0001 80', '', undefined],
    ['an MP_UNREACH_NLRI with routes', '', UNREACH_6, '', undefined],
    ['an empty MP_UNREACH_NLRI beside other attributes', '', `80 0f 03 0002 01 ${ORIGIN}`, '', undefined],
    ['withdrawn routes', '08 0a', '', '', undefined],
    ['announced routes', '', ORIGIN, PREFIX, undefined],
  ])('%s', (_name, withdrawn, attributes, nlri, family) => {
    expect(isEndOfRib(parse(withdrawn, attributes, nlri).view)).toBe(family);
  });
});

describe('rawBlock', () => {
  it.each([
    ['MP_REACH_NLRI first', REACH_6 + ORIGIN + AS_PATH + MED],
    ['MP_REACH_NLRI last', ORIGIN + AS_PATH + MED + REACH_6],
    ['MP_REACH_NLRI in between, with MP_UNREACH_NLRI', ORIGIN + REACH_6 + AS_PATH + UNREACH_6 + MED],
    ['MP_UNREACH_NLRI before it, and NEXT_HOP', UNREACH_6 + ORIGIN + NEXT_HOP + AS_PATH + REACH_6 + MED],
    ['NEXT_HOP last', ORIGIN + AS_PATH + MED + REACH_6 + NEXT_HOP],
  ])('puts a stub of MP_REACH_NLRI first: %s', (_name, attributes) => {
    expect(raw('', attributes, '', true)).toEqual(hex(STUB_6 + ORIGIN + AS_PATH + MED));
  });

  it('splits an UPDATE with routes in both places', () => {
    const attributes = REACH_6 + ORIGIN + AS_PATH + NEXT_HOP + MED;
    expect(raw('', attributes, PREFIX, true)).toEqual(hex(STUB_6 + ORIGIN + AS_PATH + MED));
    expect(raw('', attributes, PREFIX, false)).toEqual(hex(ORIGIN + AS_PATH + NEXT_HOP + MED));
  });

  it('keeps a next hop of 32 bytes, and clears the reserved octet', () => {
    const linkLocal = 'fe800000 00000000 00000000 00000002';
    const reach = `90 0e 002a 0002 01 20 ${NEXT_HOP_6} ${linkLocal} 07 20 20010db8`;
    expect(raw('', reach + ORIGIN, '', true)).toEqual(
      hex(`80 0e 25 0002 01 20 ${NEXT_HOP_6} ${linkLocal} 00 ${ORIGIN}`),
    );
  });
});

describe('parseUpdate with arbitrary bytes', () => {
  it('throws nothing but BgpError, and finds nothing outside of its input', () => {
    const attribute = fc
      .tuple(
        fc.constantFrom(0x40, 0x80, 0xc0, 0x90, 0x50),
        fc.constantFrom(1, 2, 3, 14, 15, 200),
        fc.uint8Array({ maxLength: 30 }),
      )
      .map(([flags, code, value]) => [flags, code, ...(flags & 0x10 ? [0] : []), value.length, ...value]);
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .tuple(fc.array(attribute, { maxLength: 4 }), fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 3 }))
        .map(([attributes, nlri, rest]) => updateBody(hex(''), Uint8Array.from([...attributes.flat(), ...rest]), nlri)),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const result = inSurroundings(body, (buffer, start, end) => {
          const view = new UpdateView();
          parseUpdate(buffer, start, end, view);
          const scratch = new Uint8Array(body.length + 8);
          const lengths = [false, true]
            .filter((multiprotocol) => !multiprotocol || view.reachFamily >= 0)
            .map((multiprotocol) => rawBlock(buffer, view, scratch, multiprotocol));
          return { found: found(view, start), scratch, lengths, endOfRib: isEndOfRib(view) };
        });
        const offsets = 'error' in result ? [] : result.value.found;
        expect(offsets.every((offset) => offset >= 0 && offset <= body.length)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

/** Every offset in a view that means something, relative to `start`. */
function found(view: UpdateView, start: number): number[] {
  const reach = [view.reachTlvStart, view.reachTlvEnd, view.reachNextHopStart, view.reachNlriStart, view.reachNlriEnd];
  const unreach = [view.unreachTlvStart, view.unreachTlvEnd, view.unreachNlriStart, view.unreachNlriEnd];
  const fixed = [view.withdrawnStart, view.withdrawnEnd, view.attributesStart, view.attributesEnd, view.nlriStart];
  const parts = [
    ...fixed,
    view.nlriEnd,
    ...(view.reachFamily === FAMILY_ABSENT ? [] : reach),
    ...(view.unreachFamily === FAMILY_ABSENT ? [] : unreach),
  ];
  return parts.map((offset) => offset - start);
}
