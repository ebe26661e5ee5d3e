/** What rules ask of packets, as what nft compares. */
import { widestPrefixes } from '../net/widest-prefixes.ts';
import { mergedRanges } from '../policy/port-match.ts';
import type { IcmpMatch, IpVersion, PortMatch, Rule, RuleEnd, SetSpec } from '../policy/rule.ts';
import { HEADERS, addressMatch, versionOfPrefix } from './families.ts';

/** What is known of the sets when rules are written. */
export interface SetsInUse {
  /** Whether any set has a member of the family. Without, sets of the family are not declared. */
  hasFamily(version: IpVersion): boolean;
  /** Whether a set has prefixes beside addresses. */
  hasPrefixes(set: SetSpec, version: IpVersion): boolean;
}

/** What is asked of packets of one family: all must hold. Each is a list of which one must hold; of an empty one, none can. */
export type Criteria = readonly (readonly string[])[];

const ICMP = 1;
const ICMPV6 = 58;

/** IP protocols whose headers begin with ports, and nft's keywords for them. */
const PORT_HEADERS: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

const WITH_PORTS = `{ ${[...PORT_HEADERS.keys()].join(', ')} }`;

/** How the two ends of a packet are called. */
const ENDS = {
  source: { address: 'saddr', port: 'sport' },
  destination: { address: 'daddr', port: 'dport' },
} as const;

type End = (typeof ENDS)[keyof typeof ENDS];

/** Most lines that a rule becomes by lists that are written item by item. */
const MOST_CHOICES = 64;

/** What `rule` asks of packets of a family, cheap comparisons before searches in sets. */
export function criteriaOf(rule: Rule, version: IpVersion, sets: SetsInUse): Criteria {
  const criteria = criteriaWith(rule, version, sets, SHORT);
  const choices = criteria.reduce((product, texts) => product * texts.length, 1);
  return choices <= MOST_CHOICES ? criteria : criteriaWith(rule, version, sets, 1);
}

/** `short` is the length of lists up to which they are written item by item. */
function criteriaWith(rule: Rule, version: IpVersion, sets: SetsInUse, short: number): Criteria {
  const ends = [
    { of: rule.source, end: ENDS.source },
    { of: rule.destination, end: ENDS.destination },
  ];
  const addresses = ends.flatMap(({ of, end }) => [...netCriteria(of, end, version, short)]);
  const members = ends.flatMap(({ of, end }) => [...setCriteria(of, end, version, sets)]);
  const ports = ends.flatMap(({ of, end }) => [
    ...portCriteria(of.ports, end, version, { protocol: rule.protocol, sets, short }),
    ...notPortCriteria(of.notPorts, end, version, rule.protocol, sets),
  ]);
  return [...protocolCriteria(rule), ...icmpCriteria(rule, version), ...ports, ...addresses, ...members];
}

function* protocolCriteria({ protocol, notProtocol }: Rule): Iterable<readonly string[]> {
  if (protocol !== undefined) yield [`meta l4proto ${protocol}`];
  if (notProtocol !== undefined) yield [`meta l4proto != ${notProtocol}`];
}

/** Types and codes of ICMP, or of ICMPv6 where the rule is for that or the packet of that family. */
function* icmpCriteria({ protocol, icmp, notIcmp }: Rule, version: IpVersion): Iterable<readonly string[]> {
  const own = protocol ?? (version === 4 ? ICMP : ICMPV6);
  const isIcmp = own === ICMP || own === ICMPV6;
  // nft refuses a table in which a rule asks ICMP of another protocol.
  if (!isIcmp) {
    if (icmp !== undefined) yield [];
    return;
  }
  const header = own === ICMP ? 'icmp' : 'icmpv6';
  const isProtocol = `meta l4proto ${own}`;
  if (icmp !== undefined) {
    const asked = positiveIcmp(header, icmp);
    if (protocol === undefined) asked.unshift(isProtocol);
    for (const text of asked) yield [text];
  }
  if (notIcmp === undefined) return;
  const negated = negativeIcmp(header, notIcmp);
  if (protocol !== undefined) yield negated;
  else yield [`meta l4proto != ${own}`, ...negated.map((text) => `${isProtocol} ${text}`)];
}

function positiveIcmp(header: string, { type, code }: IcmpMatch): string[] {
  return [
    ...(type === undefined ? [] : [`${header} type ${type}`]),
    ...(code === undefined ? [] : [`${header} code ${code}`]),
  ];
}

/** Of these one holds where not both are as named; nothing does where nothing is named. */
function negativeIcmp(header: string, { type, code }: IcmpMatch): string[] {
  return [
    ...(type === undefined ? [] : [`${header} type != ${type}`]),
    ...(code === undefined ? [] : [`${header} code != ${code}`]),
  ];
}

/**
 * Length of lists up to which they are written item by item: a set without a name that stands in a rule costs the kernel a walk over
 * all sets when it is made, seconds where thousands of rules have one.
 */
const SHORT = 4;

function* netCriteria(
  { nets, notNets }: RuleEnd,
  { address }: End,
  version: IpVersion,
  short: number,
): Iterable<readonly string[]> {
  const ofFamily = (list: RuleEnd['nets']) =>
    list && widestPrefixes(list.filter((net) => versionOfPrefix(net) === version));
  const within = ofFamily(nets);
  const without = ofFamily(notNets) ?? [];
  // A prefix of length 0 is all of the family.
  if (within !== undefined && within.every(({ length }) => length > 0)) {
    yield within.length <= short
      ? within.map((net) => addressMatch(version, address, [net]))
      : [addressMatch(version, address, within)];
  }
  if (without.some(({ length }) => length === 0)) yield [];
  else if (without.length > SHORT) yield [addressMatch(version, address, without, true)];
  else for (const net of without) yield [addressMatch(version, address, [net], true)];
}

function* setCriteria(
  { in: within, notIn }: RuleEnd,
  { address }: End,
  version: IpVersion,
  sets: SetsInUse,
): Iterable<readonly string[]> {
  const key = `${HEADERS[version]} ${address}`;
  if (within !== undefined) {
    const known = sets.hasFamily(version) ? [`${key} @s${version}_${within.id}`] : [];
    const prefixes = sets.hasPrefixes(within, version) ? [`${key} . meta l4proto @c${version}_${within.id}`] : [];
    yield [...known, ...prefixes];
  }
  if (notIn === undefined) return;
  if (sets.hasFamily(version)) yield [`${key} != @s${version}_${notIn.id}`];
  if (sets.hasPrefixes(notIn, version)) yield [`${key} . meta l4proto != @c${version}_${notIn.id}`];
}

function* portCriteria(
  ports: PortMatch | undefined,
  end: End,
  version: IpVersion,
  {
    protocol,
    sets,
    short,
  }: { readonly protocol: number | undefined; readonly sets: SetsInUse; readonly short: number },
): Iterable<readonly string[]> {
  if (ports === undefined) return;
  // nft 1.0.6 fails to list a table in which a rule looks for ports in GRE, for example.
  if (!mayHavePorts(protocol)) {
    yield [];
    return;
  }
  const named = sets.hasFamily(version)
    ? ports.sets.map((set) => `${portKey(end, version)} @p${version}_${set.id}`)
    : [];
  const numbers = ports.ranges.length === 0 ? [] : rangeTexts(ports, end, protocol, short);
  const guard = protocol === undefined ? `meta l4proto ${WITH_PORTS} ` : '';
  yield [...numbers.map((text) => guard + text), ...named];
}

function* notPortCriteria(
  ports: PortMatch | undefined,
  end: End,
  version: IpVersion,
  protocol: number | undefined,
  sets: SetsInUse,
): Iterable<readonly string[]> {
  // Who has no ports has none of these.
  if (ports === undefined || !mayHavePorts(protocol)) return;
  if (protocol === undefined && ports.ranges.length > 0) {
    const none = rangeTexts(ports, end, protocol, SHORT, '!= ').join(' ');
    yield [`meta l4proto != ${WITH_PORTS}`, `meta l4proto ${WITH_PORTS} ${none}`];
  } else for (const text of rangeTexts(ports, end, protocol, SHORT, '!= ')) yield [text];
  if (!sets.hasFamily(version)) return;
  for (const set of ports.sets) yield [`${portKey(end, version)} != @p${version}_${set.id}`];
}

/** Whether headers of the protocol, if one is named, begin with ports. */
function mayHavePorts(protocol: number | undefined): boolean {
  return protocol === undefined || PORT_HEADERS.has(protocol);
}

function portKey({ address, port }: End, version: IpVersion): string {
  return `${HEADERS[version]} ${address} . meta l4proto . th ${port}`;
}

/**
 * Comparisons with the ranges: one must hold or, with the operator `!= `, all. Sets with ranges are of concatenations, for the
 * reason that {@link addressMatch} has.
 */
function rangeTexts(
  ports: PortMatch,
  { port }: End,
  protocol: number | undefined,
  short: number,
  operator = '',
): string[] {
  const ranges = mergedRanges(ports.ranges);
  const key = `${protocol === undefined ? 'th' : PORT_HEADERS.get(protocol)} ${port} ${operator}`;
  const texts = ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
  // nft 1.0.6 compares `sport != 1 dport != 2` at once, as if one that differs were enough; not so ranges.
  if (ranges.length <= short)
    return operator === '' ? texts.map((text) => key + text) : ranges.map((range) => key + range.join('-'));
  if (texts.every((text) => !text.includes('-'))) return [`${key}{ ${texts.join(', ')} }`];
  const of = protocol ?? '0-255';
  return [`meta l4proto . th ${port} ${operator}{ ${texts.map((text) => `${of} . ${text}`).join(', ')} }`];
}
