/** Routes that between them carry every attribute in many combinations, and what becomes of them on their way. */
import type { PathAttributes, RawAttribute } from './bgp/attributes.ts';
import type { TestRoute } from './neighbour.ts';

/** Who announces the routes, and which ones. */
export interface TestRouteOptions {
  readonly asn: number;
  readonly nextHop: string;
  readonly nextHop6: string;
  /** First octet of the IPv4 prefixes, last group but one of the IPv6 ones; tells two neighbours' routes apart. */
  readonly block: number;
  readonly ipv4: number;
  readonly ipv6: number;
}

/** An attribute code that is not assigned. */
const UNKNOWN_CODE = 213;
const OPTIONAL_TRANSITIVE = 0xc0;
const PARTIAL = 0x20;

function attributesOf(i: number, options: TestRouteOptions, nextHop: string): PathAttributes {
  const prepends = Array.from({ length: i % 4 }, () => options.asn);
  return {
    origin: i % 3,
    asPath: [options.asn, ...prepends, 64_496 + (i % 7), 4_200_000_100 + (i % 50), 65_400 + (i % 11)],
    nextHop,
    med: i,
    ...(i % 5 === 0 ? { atomicAggregate: true } : {}),
    ...(i % 7 === 0 ? { aggregator: { asn: 4_200_000_007, address: '192.0.2.7' } } : {}),
    ...(i % 2 === 0 ? { communities: communities(i) } : {}),
    // A route target and a route origin, two-octet AS specific (RFC 4360 section 4).
    ...(i % 3 === 0 ? { extendedCommunities: [`0002fde8${hex32(i)}`, `0003fde8${hex32(i + 1)}`] } : {}),
    ...(i % 4 === 0 ? { largeCommunities: [`4200000001:${i}:1`, `4200000001:${i}:2`] } : {}),
    ...(i % 11 === 0 ? { others: [unknown(i)] } : {}),
  };
}

function communities(i: number): string[] {
  return Array.from({ length: 1 + (i % 6) }, (_, k) => `${64_500 + k}:${i % 1000}`);
}

function unknown(i: number): RawAttribute {
  return { flags: OPTIONAL_TRANSITIVE, code: UNKNOWN_CODE, value: `c0ffee${hex32(i)}` };
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** Makes the routes. */
export function makeTestRoutes(options: TestRouteOptions): TestRoute[] {
  const { block, ipv4, ipv6, nextHop, nextHop6 } = options;
  const four = Array.from({ length: ipv4 }, (_, i) => ({
    prefix: `${block}.${i >> 8}.${i & 255}.0/24`,
    attributes: attributesOf(i, options, nextHop),
  }));
  const six = Array.from({ length: ipv6 }, (_, i) => ({
    prefix: `2001:db8:${block}:${(i + 1).toString(16)}::/64`,
    attributes: attributesOf(i, options, nextHop6),
  }));
  return [...four, ...six];
}

/** What a route looks like at its last receiver. */
export interface Journey {
  /** AS numbers added on the way, nearest to the receiver first. */
  readonly asns: readonly number[];
  /** Next hops the last router sets. */
  readonly nextHop: string;
  readonly nextHop6: string;
}

/**
 * The attributes after a journey that ends with an eBGP session: AS numbers prepended, next hop set, MED gone
 * (RFC 4271 section 5.1.4), attributes that the routers do not know marked as partial (section 9).
 */
export function afterJourney(route: TestRoute, journey: Journey): PathAttributes {
  const { med: _, others, asPath = [], ...rest } = route.attributes;
  return {
    ...rest,
    asPath: [...journey.asns, ...asPath],
    nextHop: route.prefix.includes(':') ? journey.nextHop6 : journey.nextHop,
    ...(others === undefined ? {} : { others: others.map((other) => ({ ...other, flags: other.flags | PARTIAL })) }),
  };
}

/** A received set of attributes in which the order of communities does not matter. */
function normalised(attributes: PathAttributes | undefined): string {
  const sorted = Object.entries(attributes ?? {})
    .map(([key, value]) => [key, /communities$/i.test(key) ? (value as string[]).toSorted() : value] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(sorted);
}

/** How what was received differs from what was expected, one line a prefix, at most three; empty where all is well. */
export function differences(
  received: ReadonlyMap<string, PathAttributes>,
  expected: ReadonlyMap<string, PathAttributes>,
): string[] {
  const lines: string[] = [];
  for (const [prefix, attributes] of expected) {
    const [is, should] = [normalised(received.get(prefix)), normalised(attributes)];
    if (is !== should) lines.push(`${prefix}: is ${is}, should be ${should}`);
  }
  return lines.slice(0, 3);
}
