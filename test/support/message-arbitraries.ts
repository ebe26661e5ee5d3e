/** Arbitrary capabilities, attributes and messages for property tests. */
import fc from 'fast-check';
import type { AsSegment, Attributes, UnknownAttribute } from '../../src/bgp/messages/attributes/attributes.ts';
import type { Capability } from '../../src/bgp/messages/capabilities/capability.ts';
import { formatAddress, formatU32 } from '../../src/net/address.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const asn = fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffffffff }));
const name = fc.string({ maxLength: 40 });

const familyFields = { afi: u16, safi: u8 };
const few = { maxLength: 5 };

/** Any capability that survives the wire unchanged. */
export const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ name: fc.constant('multiprotocol' as const), ...familyFields }),
  fc.record({ name: fc.constant('route-refresh' as const) }),
  fc.record({
    name: fc.constant('extended-next-hop' as const),
    entries: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { minLength: 1, maxLength: 5 }),
  }),
  fc.record({ name: fc.constant('extended-message' as const) }),
  fc.record({ name: fc.constant('role' as const), role: u8 }),
  fc.record({
    name: fc.constant('graceful-restart' as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTime: fc.integer({ min: 0, max: 4095 }),
    families: fc.array(fc.record({ ...familyFields, forwarding: fc.boolean() }), few),
  }),
  fc.record({ name: fc.constant('four-octet-as' as const), asn }),
  fc.record({
    name: fc.constant('add-path' as const),
    families: fc.array(
      fc
        .record({ ...familyFields, send: fc.boolean(), receive: fc.boolean() })
        .filter(({ send, receive }) => send || receive),
      few,
    ),
  }),
  fc.record({ name: fc.constant('enhanced-route-refresh' as const) }),
  fc.record({
    name: fc.constant('long-lived-graceful-restart' as const),
    families: fc.array(
      fc.record({ ...familyFields, forwarding: fc.boolean(), staleTime: fc.integer({ min: 0, max: 0xffffff }) }),
      few,
    ),
  }),
  fc.record({ name: fc.constant('fqdn' as const), hostname: name, domain: name }),
  fc.record({ name: fc.constant('software-version' as const), version: name }),
  fc.record({
    name: fc.constant('unknown' as const),
    code: fc.integer({ min: 128, max: 255 }),
    value: fc.uint8Array({ maxLength: 20 }),
  }),
);

/** An IPv4 address that may be a next hop. */
export const hostAddress4 = fc
  .tuple(fc.integer({ min: 1, max: 126 }), fc.uint8Array({ minLength: 3, maxLength: 3 }))
  .map(([first, rest]) => formatAddress(Uint8Array.of(first, ...rest)));

/** A global IPv6 address. */
export const hostAddress6 = fc
  .uint8Array({ minLength: 14, maxLength: 14 })
  .map((rest) => formatAddress(Uint8Array.of(0x20, 0x01, ...rest)));

const linkLocal = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((rest) => formatAddress(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...rest)));

const dotted = u32.map(formatU32);

const segment: fc.Arbitrary<AsSegment> = fc.record({
  type: fc.constantFrom('sequence' as const, 'sequence' as const, 'set' as const),
  asns: fc.array(asn, { minLength: 1, maxLength: 6 }),
});

const unknownAttribute: fc.Arbitrary<UnknownAttribute> = fc.record({
  code: fc.integer({ min: 200, max: 254 }),
  flags: fc.constant(0xe0),
  value: fc.uint8Array({ maxLength: 300 }),
});

const common = {
  origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
  asPath: fc.array(segment, { maxLength: 4 }),
  atomicAggregate: fc.boolean(),
  communities: fc.array(fc.oneof(u32, fc.integer({ min: 0xffff0000, max: 0xffff0010 })), { maxLength: 70 }),
  clusterList: fc.array(dotted, few),
  extendedCommunities: fc.array(fc.record({ high: u32, low: u32 }), few),
  ipv6ExtendedCommunities: fc.array(fc.uint8Array({ minLength: 20, maxLength: 20 }), few),
  largeCommunities: fc.array(fc.record({ globalAdministrator: u32, localData1: u32, localData2: u32 }), few),
  unknown: fc.uniqueArray(unknownAttribute, { ...few, selector: ({ code }) => code }),
};

const optional = {
  med: u32,
  localPref: u32,
  aggregator: fc.record({ asn, routerId: dotted }),
  originatorId: dotted,
  aigp: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  onlyToCustomer: u32,
};

const mandatoryNames = [
  'origin',
  'asPath',
  'atomicAggregate',
  'communities',
  'clusterList',
  'extendedCommunities',
  'ipv6ExtendedCommunities',
  'largeCommunities',
  'unknown',
  'nextHop',
] as const;

/** Attributes of an IPv4 route with an IPv4 next hop. */
export const attributes4: fc.Arbitrary<Attributes> = fc.record(
  { ...common, ...optional, nextHop: hostAddress4 },
  { requiredKeys: [...mandatoryNames] },
);

/** Attributes of an IPv6 route. */
export const attributes6: fc.Arbitrary<Attributes> = fc.record(
  { ...common, ...optional, nextHop: hostAddress6, linkLocalNextHop: linkLocal },
  { requiredKeys: [...mandatoryNames] },
);
