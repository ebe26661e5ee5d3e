import { describe, expect, it } from 'vitest';
import { addressSet, portSet, prefixes, ruleOf } from '../../test/support/ruleset-model.ts';
import type { IpVersion, Rule } from '../policy/rule.ts';
import { ruleLines } from './rule-text.ts';

const WEB = addressSet('web');
const HTTP = portSet('web');

/** Rules where sets have members of both families, and no prefixes but where said. */
function text(
  rule: Partial<Rule>,
  { families = [4, 6], withPrefixes = [] }: { families?: IpVersion[]; withPrefixes?: IpVersion[] } = {},
) {
  const sets = {
    hasFamily: (version: IpVersion) => families.includes(version),
    hasPrefixes: (_: unknown, version: IpVersion) => withPrefixes.includes(version),
  };
  return ruleLines(ruleOf(rule, 3), 'accept', sets).map((line) => line.replace(' comment "rule 3"', ''));
}

const ports = (...ranges: [number, number][]) => ({ ranges, sets: [] });
const V4 = { families: [4] as const };

describe('rules', () => {
  it('do not become a line for each combination where there are many', () => {
    const nets = prefixes('10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8', '13.0.0.0/8');
    const end = { nets, ports: ports([1, 1], [3, 3], [5, 9]) };
    expect(text({ protocol: 6, ...V4, source: end })).toHaveLength(12);
    const set = '{ 10.0.0.0/8 . 0-255, 11.0.0.0/8 . 0-255, 12.0.0.0/8 . 0-255, 13.0.0.0/8 . 0-255 }';
    expect(text({ protocol: 6, ...V4, source: end, destination: end })).toEqual([
      'meta l4proto 6 meta l4proto . th sport { 6 . 1, 6 . 3, 6 . 5-9 } meta l4proto . th dport { 6 . 1, 6 . 3, 6 . 5-9 } ' +
        `ip saddr . meta l4proto ${set} ip daddr . meta l4proto ${set} accept`,
    ]);
  });

  it('say their number', () => {
    const sets = { hasFamily: () => true, hasPrefixes: () => false };
    expect(ruleLines(ruleOf({}, 7), 'drop', sets)).toEqual(['drop comment "rule 7"']);
  });

  it.each<[string, Partial<Rule>, string[]]>([
    ['of both families', { protocol: 6 }, ['meta l4proto 6 accept']],
    ['of one family', { protocol: 6, families: [6] }, ['meta nfproto ipv6 meta l4proto 6 accept']],
    ['of a protocol that is not', { notProtocol: 17 }, ['meta l4proto != 17 accept']],
    ['of a port', { protocol: 6, destination: { ports: ports([80, 80]) } }, ['meta l4proto 6 tcp dport 80 accept']],
    ['of a range', { protocol: 17, source: { ports: ports([5, 9]) } }, ['meta l4proto 17 udp sport 5-9 accept']],
    [
      'of ports',
      { protocol: 132, destination: { ports: ports([80, 80], [443, 443]) } },
      ['meta l4proto 132 sctp dport 80 accept', 'meta l4proto 132 sctp dport 443 accept'],
    ],
    [
      'of ports and ranges that overlap',
      { protocol: 6, destination: { ports: ports([80, 90], [85, 99], [443, 443]) } },
      ['meta l4proto 6 tcp dport 80-99 accept', 'meta l4proto 6 tcp dport 443 accept'],
    ],
    [
      'of neither port, which nft must not put together',
      { protocol: 6, source: { notPorts: ports([1, 1]) }, destination: { notPorts: ports([2, 2]) } },
      ['meta l4proto 6 tcp sport != 1-1 tcp dport != 2-2 accept'],
    ],
    ['of no port at all', { protocol: 6, destination: { ports: ports() } }, []],
    ['of a port where there are none', { protocol: 47, destination: { ports: ports([80, 80]) } }, []],
    [
      'of an ICMP type',
      { protocol: 1, ...V4, icmp: { type: 8 } },
      ['meta nfproto ipv4 meta l4proto 1 icmp type 8 accept'],
    ],
    [
      'of an ICMP type and code that are not both so',
      { protocol: 58, families: [6], notIcmp: { type: 128, code: 0 } },
      [
        'meta nfproto ipv6 meta l4proto 58 icmpv6 type != 128 accept',
        'meta nfproto ipv6 meta l4proto 58 icmpv6 code != 0 accept',
      ],
    ],
    [
      'of an ICMP type that is not so, of any protocol',
      { ...V4, notIcmp: { type: 8 } },
      ['meta nfproto ipv4 meta l4proto != 1 accept', 'meta nfproto ipv4 meta l4proto 1 icmp type != 8 accept'],
    ],
    [
      'of no port where there are none',
      { protocol: 47, destination: { notPorts: ports([80, 80]) } },
      ['meta l4proto 47 accept'],
    ],
    [
      'of no port, of any protocol',
      { destination: { notPorts: ports([80, 80]) } },
      [
        'meta l4proto != { 6, 17, 33, 132, 136 } accept',
        'meta l4proto { 6, 17, 33, 132, 136 } th dport != 80-80 accept',
      ],
    ],
    ['of ICMP in another protocol', { protocol: 6, icmp: { type: 8 } }, []],
    ['of a network', { ...V4, source: { nets: prefixes('10.0.0.0/8') } }, ['ip saddr 10.0.0.0/8 accept']],
    ['of all networks', { ...V4, source: { nets: prefixes('10.0.0.0/8', '0.0.0.0/0') } }, ['meta nfproto ipv4 accept']],
    ['of no network of the family', { ...V4, source: { nets: prefixes('fd00::/8') } }, []],
    ['of everything but all', { ...V4, source: { notNets: prefixes('0.0.0.0/0') } }, []],
    [
      'of networks without some',
      {
        ...V4,
        source: { nets: prefixes('10.0.0.0/8', '10.1.0.0/16', '192.0.2.1/32'), notNets: prefixes('10.2.0.0/16') },
      },
      ['ip saddr 10.0.0.0/8 ip saddr != 10.2.0.0/16 accept', 'ip saddr 192.0.2.1 ip saddr != 10.2.0.0/16 accept'],
    ],
    [
      'of addresses',
      { ...V4, source: { nets: prefixes('10.0.0.1/32', '10.0.0.2/32') } },
      ['ip saddr 10.0.0.1 accept', 'ip saddr 10.0.0.2 accept'],
    ],
    [
      'of a set, in either family',
      { source: { in: WEB }, destination: { notIn: WEB } },
      [
        `ip saddr @s4_${WEB.id} ip daddr != @s4_${WEB.id} accept`,
        `ip6 saddr @s6_${WEB.id} ip6 daddr != @s6_${WEB.id} accept`,
      ],
    ],
    [
      'of a named port, or a number',
      { protocol: 6, ...V4, destination: { ports: { ranges: [[80, 80]], sets: [HTTP] } } },
      [
        'meta nfproto ipv4 meta l4proto 6 tcp dport 80 accept',
        `meta l4proto 6 ip daddr . meta l4proto . th dport @p4_${HTTP.id} accept`,
      ],
    ],
    [
      'of no named port',
      { protocol: 6, ...V4, source: { notPorts: { ranges: [], sets: [HTTP] } } },
      [`meta l4proto 6 ip saddr . meta l4proto . th sport != @p4_${HTTP.id} accept`],
    ],
  ])('%s', (_, rule, lines) => {
    expect(text(rule)).toEqual(lines);
  });

  it('have sets for long lists', () => {
    const single = [1, 3, 5, 7, 9].map((port): [number, number] => [port, port]);
    const list = '1, 3, 5, 7, 9';
    expect(text({ protocol: 6, destination: { ports: ports(...single) } })).toEqual([
      `meta l4proto 6 tcp dport { ${list} } accept`,
    ]);
    expect(text({ protocol: 6, destination: { notPorts: ports(...single) } })).toEqual([
      `meta l4proto 6 tcp dport != { ${list} } accept`,
    ]);
    expect(text({ protocol: 6, destination: { ports: ports(...single, [20, 30]) } })).toEqual([
      'meta l4proto 6 meta l4proto . th dport { 6 . 1, 6 . 3, 6 . 5, 6 . 7, 6 . 9, 6 . 20-30 } accept',
    ]);
    const nets = prefixes('10.0.0.0/24', '10.2.0.0/24', '10.4.0.0/24', '10.6.0.0/24', '10.8.0.1/32');
    const members =
      '10.0.0.0/24 . 0-255, 10.2.0.0/24 . 0-255, 10.4.0.0/24 . 0-255, 10.6.0.0/24 . 0-255, 10.8.0.1 . 0-255';
    expect(text({ ...V4, source: { nets } })).toEqual([`ip saddr . meta l4proto { ${members} } accept`]);
    expect(text({ ...V4, source: { notNets: nets } })).toEqual([`ip saddr . meta l4proto != { ${members} } accept`]);
  });

  it('are asked twice of sets with prefixes, and at once of what is not in them', () => {
    const rule = { ...V4, source: { in: WEB }, destination: { notIn: WEB } };
    const outside = `ip daddr != @s4_${WEB.id} ip daddr . meta l4proto != @c4_${WEB.id}`;
    expect(text(rule, { withPrefixes: [4] })).toEqual([
      `ip saddr @s4_${WEB.id} ${outside} accept`,
      `ip saddr . meta l4proto @c4_${WEB.id} ${outside} accept`,
    ]);
  });

  it('of sets match nothing, and everything but, in a family without members', () => {
    expect(text({ source: { in: WEB } }, { families: [4] })).toEqual([`ip saddr @s4_${WEB.id} accept`]);
    expect(text({ source: { notIn: WEB } }, { families: [4] })).toEqual([
      `ip saddr != @s4_${WEB.id} accept`,
      'meta nfproto ipv6 accept',
    ]);
    expect(text({ destination: { notPorts: { ranges: [], sets: [HTTP] } } }, { families: [] })).toEqual(['accept']);
  });
});
