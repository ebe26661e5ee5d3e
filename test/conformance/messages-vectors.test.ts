/** What Starling makes of the messages that other implementations test with. */
import { describe, expect, it } from 'vitest';
import { formatExtendedCommunity } from '../../src/bgp/messages/attributes/extended-communities.ts';
import { decodeAttributes, encodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import {
  CanonicalBlock,
  canonicalise,
  checkUnusedAttributes,
} from '../../src/bgp/messages/attributes/canonical-block.ts';
import { describeCapability } from '../../src/bgp/messages/capabilities/capability-codec.ts';
import { countNlri } from '../../src/bgp/messages/nlri.ts';
import { decodeOpen, encodeOpen } from '../../src/bgp/messages/open.ts';
import { Framer, HEADER_LENGTH } from '../../src/bgp/messages/framing.ts';
import {
  FAMILY_ABSENT,
  FAMILY_UNSUPPORTED,
  UpdateView,
  hasReachableNlri,
  parseUpdate,
  rawBlock,
} from '../../src/bgp/messages/update.ts';
import { formatU32 } from '../../src/net/address.ts';
import { IPV4_UNICAST } from '../../src/net/family.ts';
import { EXABGP_VECTORS, GOBGP_VECTORS, exabgpVectors, gobgpVectors } from '../support/message-vectors.ts';
import type { ExabgpVector } from '../support/message-vectors.ts';
import { requireOrSkip } from '../support/skip.ts';
import { concat, errorOf, hex, readPrefixes, updateBody } from '../support/wire.ts';

const INTERNAL = { fourOctetAs: true, external: false };

/** An UPDATE that ExaBGP's JSON describes. */
interface ExabgpUpdate {
  readonly attribute?: Readonly<Record<string, unknown>>;
  readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly { readonly nlri?: string }[]>>>>;
}

function updateOf({ json }: ExabgpVector): ExabgpUpdate {
  const { neighbor } = JSON.parse(json) as { neighbor: { message: { update: ExabgpUpdate } } };
  return neighbor.message.update;
}

/** Attributes under ExaBGP's names, those that hold 64-bit numbers and unknown ones aside. */
function asExabgp(attributes: Attributes): Record<string, unknown> {
  const { asPath, med, localPref, atomicAggregate, aggregator } = attributes;
  const path = asPath.map(({ type, asns }) => ({ element: `as-${type}`, value: asns }));
  return {
    origin: attributes.origin,
    ...(path.length > 0 ? { 'as-path': Object.fromEntries(path.entries()) } : {}),
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { 'local-preference': localPref }),
    ...(atomicAggregate ? { 'atomic-aggregate': true } : {}),
    ...(aggregator ? { aggregator: `${aggregator.asn}:${aggregator.routerId}` } : {}),
  };
}

const SET_ASIDE = ['extended-community', 'bgp-prefix-sid'];

/** Parses an UPDATE and decodes the attributes of its IPv4 half, or those of an UPDATE without routes we speak. */
function decodeUpdate(body: Uint8Array): {
  view: UpdateView;
  raw: Uint8Array;
  block: Uint8Array;
  attributes: Attributes;
} {
  const view = new UpdateView();
  parseUpdate(body, 0, body.length, view);
  const scratch = new Uint8Array(body.length);
  const raw = scratch.subarray(0, rawBlock(body, view, scratch, false));
  const out = new CanonicalBlock();
  checkUnusedAttributes(raw, 0, raw.length, INTERNAL, out);
  const block = out.finish();
  return { view, raw, block, attributes: decodeAttributes(block, 0, block.length) };
}

describe("ExaBGP's decoder tests", () => {
  it('has the same attributes of UPDATEs', (ctx) => {
    requireOrSkip(ctx, { vectors: EXABGP_VECTORS });
    const updates = exabgpVectors().filter(({ type, name }) => type === 'update' && !name.startsWith('bgp-evpn'));
    expect(updates.length).toBeGreaterThan(7);
    for (const vector of updates) {
      const { attributes } = decodeUpdate(vector.body);
      const named = Object.entries(updateOf(vector).attribute ?? {}).filter(([name]) => !SET_ASIDE.includes(name));
      expect([vector.name, asExabgp(attributes)]).toEqual([vector.name, Object.fromEntries(named)]);
      const communities = [...vector.json.matchAll(/"value": (\d{10,})/g)].map((match) => BigInt(match[1]));
      expect(attributes.extendedCommunities.map(({ high, low }) => (BigInt(high) << 32n) | BigInt(low))).toEqual(
        communities,
      );
    }
  });

  it('gives the same bytes back', (ctx) => {
    requireOrSkip(ctx, { vectors: EXABGP_VECTORS });
    for (const { name, body } of exabgpVectors().filter(({ name }) => name.startsWith('ipv4'))) {
      const { raw, block, attributes } = decodeUpdate(body);
      expect([name, block]).toEqual([name, raw]);
      const again = encodeAttributes(attributes, IPV4_UNICAST);
      expect([name, decodeAttributes(again, 0, again.length)]).toEqual([name, attributes]);
    }
  });

  it('has the same routes', (ctx) => {
    requireOrSkip(ctx, { vectors: EXABGP_VECTORS });
    for (const vector of exabgpVectors().filter(({ name }) => name.startsWith('ipv4'))) {
      const { view, attributes } = decodeUpdate(vector.body);
      const count = countNlri(vector.body, view.nlriStart, view.nlriEnd, IPV4_UNICAST, false);
      const prefixes = readPrefixes(vector.body, view.nlriStart, view.nlriEnd, IPV4_UNICAST);
      const announced = updateOf(vector).announce?.['ipv4 unicast'] ?? {};
      const theirs = Object.entries(announced).flatMap(([nextHop, routes]) =>
        routes.map(({ nlri }) => [nextHop, nlri]),
      );
      expect(prefixes.map((prefix) => [attributes.nextHop, prefix])).toEqual(theirs);
      expect(count).toBe(theirs.length);
    }
  });

  it('sets routes of other families aside', (ctx) => {
    requireOrSkip(ctx, { vectors: EXABGP_VECTORS });
    const others = exabgpVectors().filter(({ name }) => /^(bgp-flow|bgp-evpn|vpnv4)/.test(name));
    expect(others.length).toBeGreaterThan(6);
    for (const { name, body } of others) {
      const { view } = decodeUpdate(body);
      expect([name, view.reachFamily === FAMILY_UNSUPPORTED || view.unreachFamily === FAMILY_UNSUPPORTED]).toEqual([
        name,
        true,
      ]);
      expect(view.nlriStart).toBe(view.nlriEnd);
    }
  });

  it('has the same OPEN, both ways', (ctx) => {
    requireOrSkip(ctx, { vectors: EXABGP_VECTORS });
    const [{ body, json }] = exabgpVectors().filter(({ type }) => type === 'open');
    const theirs = (JSON.parse(json) as { neighbor: { open: Record<string, unknown> } }).neighbor.open;
    const open = decodeOpen(body, 0, body.length);
    expect({ asn: open.asn, hold_time: open.holdTime, router_id: formatU32(open.routerId) }).toEqual({
      asn: theirs['asn'],
      hold_time: theirs['hold_time'],
      router_id: theirs['router_id'],
    });
    expect(open.capabilities.map(describeCapability)).toEqual([
      'ipv4-unicast',
      '4-octet AS 65533',
      'software ExaBGP/main-c2a2ea8ebd-20240715',
    ]);
    const own = encodeOpen(open).subarray(HEADER_LENGTH);
    expect(decodeOpen(own, 0, own.length)).toEqual(open);
  });
});

/** The bytes in one of GoBGP's test functions. */
function literals(func: string): Uint8Array[] {
  return gobgpVectors()
    .filter((literal) => literal.func === func)
    .map((literal) => hex(literal.hex));
}

/** What becomes of an UPDATE from an external peer with 4-octet AS numbers, in a word. */
function verdictOf(body: Uint8Array): string {
  const view = new UpdateView();
  let verdict = 'ok';
  const error = errorOf(() => {
    parseUpdate(body, 0, body.length, view);
    if (view.malformed !== undefined) {
      verdict = 'withdraw';
      return;
    }
    const scratch = new Uint8Array(body.length + 8);
    const multiprotocol = view.reachFamily >= 0;
    const length = rawBlock(body, view, scratch, multiprotocol);
    const out = new CanonicalBlock();
    const check = hasReachableNlri(view) ? canonicalise : checkUnusedAttributes;
    check(scratch, 0, length, { fourOctetAs: true, external: true }, out);
    countNlri(body, view.nlriStart, view.nlriEnd, IPV4_UNICAST, false);
    verdict = out.verdict;
  });
  return error === 'none' ? verdict : error;
}

describe("byte strings of GoBGP's tests", () => {
  it('malformed UPDATEs have their RFC 7606 verdict', (ctx) => {
    requireOrSkip(ctx, { vectors: GOBGP_VECTORS });
    expect(literals('Test_MalformedUpdateMsg').map(verdictOf)).toEqual([
      'withdraw', // AS_PATH passes the list (§4)
      'ok', // AGGREGATOR of 5 bytes (§7.7)
      '3/9', // next hop of 15 bytes (§7.11)
      '3/1', // flags of ORIGIN, and no NLRI (§5.2)
      'withdraw', // AGGREGATOR and MED of 5 bytes (§7.4)
    ]);
  });

  it('MP_REACH_NLRI and MP_UNREACH_NLRI', (ctx) => {
    requireOrSkip(ctx, { vectors: GOBGP_VECTORS });
    const described = (func: string) => {
      const body = updateBody(hex(''), literals(func)[0], hex(''));
      const view = new UpdateView();
      parseUpdate(body, 0, body.length, view);
      return view;
    };
    const v6 = described('Test_MpReachNLRIWithIPv6');
    expect([v6.reachFamily, v6.reachNextHopLength]).toEqual([1, 16]);
    expect(described('Test_MpReachNLRIWithIPv6PrefixWithLinkLocalNexthop').reachNextHopLength).toBe(32);
    expect(described('Test_MpReachNLRIWithIPv4PrefixWithIPv6Nexthop')).toMatchObject({
      reachFamily: 0,
      reachNextHopLength: 16,
    });
    expect(described('Test_MpReachNLRIWithVPNv4Prefix').reachFamily).toBe(FAMILY_UNSUPPORTED);
    expect(described('Test_MpReachNLRIWithVPNv6Prefix').reachFamily).toBe(FAMILY_UNSUPPORTED);
    expect(described('Test_MpUnreachNLRIWithIPv6')).toMatchObject({ reachFamily: FAMILY_ABSENT, unreachFamily: 1 });
  });

  it('a NEXT_HOP of any length but 4 withdraws', (ctx) => {
    requireOrSkip(ctx, { vectors: GOBGP_VECTORS });
    const verdicts = literals('Test_PathAttributeNextHop_InvalidLength').map((nextHop) =>
      verdictOf(updateBody(hex(''), concat(hex('40 01 01 00 40 02 00'), nextHop), hex('18 c63364'))),
    );
    expect(verdicts).toEqual(['ok', ...Array.from({ length: 7 }, () => 'withdraw')]);
  });

  it('an unknown IPv6 extended community is kept as it is', (ctx) => {
    requireOrSkip(ctx, { vectors: GOBGP_VECTORS });
    const [attribute] = literals('Test_UnknownIP6Extended_PathAttribute_RoundTrip');
    const { ipv6ExtendedCommunities } = decodeAttributes(attribute, 0, attribute.length);
    expect(ipv6ExtendedCommunities).toEqual([attribute.slice(3)]);
    expect(formatExtendedCommunity({ high: 0x99770102, low: 3 })).toBe('0x9977010200000003');
  });

  it('an OPEN with capabilities', (ctx) => {
    requireOrSkip(ctx, { vectors: GOBGP_VECTORS });
    const [body] = literals('Test_BGPOpenDecodeCapabilities');
    expect(decodeOpen(body, 0, body.length).capabilities.map(describeCapability)).toEqual([
      'extended next hop (ipv4-unicast over AFI 2)',
      'ADD-PATH (ipv4-unicast send)',
      'long-lived graceful restart (ipv4-unicast 3600 s)',
    ]);
  });

  it('whole messages that must not stop the daemon', (ctx) => {
    requireOrSkip(ctx, { vectors: GOBGP_VECTORS });
    const feed = (message: Uint8Array) => {
      const verdicts: string[] = [];
      const error = errorOf(() =>
        new Framer().feed(message, (_type, buffer, start, end) => verdicts.push(verdictOf(buffer.slice(start, end)))),
      );
      return [error, ...verdicts];
    };
    expect(feed(literals('TestRecvMessageWithError_MalformedNextHop')[0])).toEqual(['none', 'withdraw']);
    expect(feed(literals('TestRecvMessageWithError_UnknownMessageType')[0])).toEqual(['1/3']);
  });
});
