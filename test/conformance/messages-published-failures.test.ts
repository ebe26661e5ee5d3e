/** Messages that have brought down, or confused, other BGP implementations: what Starling does with each. */
import { describe, expect, it } from 'vitest';
import { formatAsPath } from '../../src/bgp/messages/attributes/as-path.ts';
import { decodeAttributes, formatAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import { AttributeSummary, summarise } from '../../src/bgp/messages/attributes/attribute-summary.ts';
import { CanonicalBlock, canonicalise } from '../../src/bgp/messages/attributes/canonical-block.ts';
import { MESSAGE_NOTIFICATION, MESSAGE_OPEN, MESSAGE_UPDATE } from '../../src/bgp/messages/framing.ts';
import { describeNotification } from '../../src/bgp/messages/notification.ts';
import { decodeBody } from '../support/message-decoders.ts';
import { hex, updateBody } from '../support/wire.ts';

const FIXED = '04 fde8 00b4 c0000201';
const ORIGIN = '40 01 01 00';
const AS_PATH = '40 02 06 02 01 0000fde8';
const NEXT_HOP = '40 03 04 c0000201';
const BASE = ORIGIN + AS_PATH + NEXT_HOP;
const PREFIX = '18 c63364';

function open(parameters: string): string {
  return decodeBody(MESSAGE_OPEN, hex(FIXED + parameters));
}

function update(attributes: string, nlri = PREFIX): string {
  return decodeBody(MESSAGE_UPDATE, updateBody(hex(''), hex(attributes), hex(nlri)));
}

function canonical(attributes: string, fourOctetAs = true): Uint8Array {
  const bytes = hex(attributes);
  const out = new CanonicalBlock();
  canonicalise(bytes, 0, bytes.length, { fourOctetAs, external: true }, out);
  return out.finish();
}

describe('OPEN', () => {
  it.each([
    ['a parameter header of one octet', '01 02'],
    ['extended parameters that end within a header of three octets', 'ff ff 0002 02 00'],
    ['an extended parameter longer than the message', 'ff ff 0004 02 ffff 00'],
    ['a capability of 255 octets in a parameter of two', '04 02 02 41 ff'],
  ])('FRR CVE-2022-40302: %s', (_name, parameters) => {
    expect(open(parameters)).toBe('2/0');
  });

  it.each([
    ['extended parameters with one octet of length', 'ff ff 00'],
    ['extended parameters longer than the message', 'ff ff ffff 02 0000'],
  ])('FRR CVE-2022-40318: %s', (_name, parameters) => {
    expect(open(parameters)).toBe('2/0');
  });

  it('FRR CVE-2022-43681: a message that ends after a length of 255', () => {
    expect(open('ff')).toBe('2/0');
    expect(open('ff ff')).toBe('2/0');
  });
});

describe('NOTIFICATION', () => {
  it('BIRD CVE-2025-59688: any code, subcode and length of a communication gets words', () => {
    for (let code = 0; code < 12; code++) {
      for (let subcode = 0; subcode < 12; subcode++) {
        for (const data of ['', '00', 'ff', '80 61', '01 61', '02 61', 'fe'.repeat(300)]) {
          expect(describeNotification({ code, subcode, data: hex(data) })).not.toBe('');
        }
      }
    }
    expect(decodeBody(MESSAGE_NOTIFICATION, hex('06 02'))).toBe('ok');
  });
});

describe('UPDATE', () => {
  it.each(['', '00', '01 ff ffff', '04 00', '02 00ff 00', '00'.repeat(64)])(
    'FRR CVE-2023-38802, CVE-2024-44070: a tunnel encapsulation of "%s" is passed on untouched',
    (value) => {
      const length = hex(value).length.toString(16).padStart(2, '0');
      expect(update(`${BASE} e0 17 ${length} ${value}`)).toBe('ok');
      expect(canonical(`${BASE} c0 17 ${length} ${value}`)).toEqual(hex(`${BASE} e0 17 ${length} ${value}`));
    },
  );

  it.each([
    ['80 0e 00', '3/9'],
    ['80 0e 04 0002 01 00', '3/9'],
    ['80 0e 05 0002 01 ff 00', '3/9'],
    ['80 0e 06 0001 01 01 c0 00', '3/9'],
    ['c0 0e 05 0002 01 00 00', '3/4'],
    ['80 0e 7f 0002 01 10', '3/1'],
  ])('FRR CVE-2023-46752: MP_REACH_NLRI %s resets the session with %s', (reach, fate) => {
    expect(update(reach)).toBe(fate);
  });

  it.each([
    ['nothing but an unknown attribute', 'c0 d5 02 beef'],
    ['no ORIGIN', AS_PATH + NEXT_HOP],
    ['no AS_PATH', ORIGIN + NEXT_HOP],
    ['no NEXT_HOP', ORIGIN + AS_PATH],
    ['no attribute at all', ''],
  ])('FRR CVE-2023-46753: routes with %s are withdrawn', (_name, attributes) => {
    expect(update(attributes)).toBe('withdraw');
  });

  it('BIRD CVE-2026-49943: a path of 16,065 AS numbers is read, counted and written', () => {
    const segments = `02 ff ${'0000fde8'.repeat(255)}`.repeat(63);
    const length = (63 * 1022).toString(16).padStart(4, '0');
    const block = canonical(`${ORIGIN} 50 02 ${length} ${segments} ${NEXT_HOP}`);
    const summary = new AttributeSummary();
    summarise(block, 0, block.length, summary);
    expect(summary.pathLength).toBe(16_065);
    expect(formatAsPath(decodeAttributes(block, 0, block.length).asPath)).toHaveLength(16_065 * 6 - 1);
  });

  it.each([
    ['COMMUNITIES', 'c0 08 00'],
    ['CLUSTER_LIST beside it', 'c0 08 00 80 0a 00'],
    ['EXTENDED_COMMUNITIES', 'c0 10 00'],
    ['LARGE_COMMUNITY', 'c0 20 00'],
    ['ONLY_TO_CUSTOMER', 'c0 23 00'],
  ])('OpenBGPD CVE-2023-38283: an empty %s withdraws the routes and leaves the session', (_name, attribute) => {
    expect(update(BASE + attribute)).toBe('withdraw');
  });

  it('GoBGP CVE-2026-30405: a NEXT_HOP of 3 octets withdraws', () => {
    expect(update(`${ORIGIN} ${AS_PATH} 40 03 03 c00002`)).toBe('withdraw');
  });

  it.each([1, 2, 8, 19, 21])('GoBGP CVE-2026-37461: an IPv6 extended community of %i octets withdraws', (length) => {
    expect(update(`${BASE} c0 19 ${length.toString(16).padStart(2, '0')} ${'00'.repeat(length)}`)).toBe('withdraw');
  });

  it.each(['0003 0000', 'ffff 0000', '0001 00 00', '0002 0000', '0000 ffff', '0001 08 0001'])(
    'GoBGP CVE-2026-37462: lengths that pass the message reset the session: %s',
    (body) => {
      expect(decodeBody(MESSAGE_UPDATE, hex(body))).toBe('3/1');
    },
  );

  it('GoBGP CVE-2026-41643: AS4_PATH before AS_PATH shifts nothing', () => {
    const block = canonical(
      `c0 11 06 02 01 fa56ea00 ${ORIGIN} 80 04 04 00000007 40 02 06 02 02 fde8 5ba0 ${NEXT_HOP}`,
      false,
    );
    expect(
      formatAttributes(decodeAttributes(block, 0, block.length)).map(({ name, text }) => `${name} ${text}`),
    ).toEqual(['ORIGIN igp', 'AS_PATH 65000 4200000000', 'NEXT_HOP 192.0.2.1', 'MULTI_EXIT_DISC 7']);
  });

  it('May 2025: a malformed Prefix-SID neither resets the session nor is changed', () => {
    const attribute = 'e0 28 08 01 0007 00 0000 0000';
    expect(update(BASE + attribute)).toBe('ok');
    expect(canonical(BASE + attribute)).toEqual(hex(BASE + attribute));
  });

  it('thousands of attributes take no more than their share of time and words', () => {
    const bytes = hex(BASE + '40 06 00'.repeat(21_000));
    const out = new CanonicalBlock();
    canonicalise(bytes, 0, bytes.length, { fourOctetAs: true, external: true }, out);
    expect(out.finish()).toEqual(hex(`${BASE} 40 06 00`));
    expect(out.faults).toHaveLength(16);
  });
});
