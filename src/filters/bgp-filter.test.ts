import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accepts, ask, exportPolicy, importPolicy } from '../../test/support/policy-asking.ts';
import { addressBits } from '../net/family.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_LOCAL, SOURCE_WORKLOAD } from '../rib/policy.ts';
import type { RouteSource } from '../rib/policy.ts';
import { filterProblems } from './bgp-filter.ts';
import type { FilterRule, NamedFilter } from './bgp-filter.ts';

function importing(...rules: FilterRule[]): NamedFilter {
  return { name: 'f', spec: { importV4: rules, importV6: rules } };
}

describe('a rule of a BGPFilter', () => {
  // Each row: operator, prefixLength, the lengths at which 10.1.0.0/L (2001:db8::/L) matches 10.1.0.0/16 (2001:db8::/32),
  // and whether a prefix outside matches. The lengths asked for are 8, 16, 17, 24 and 32, or twice that for IPv6.
  const table: [FilterRule['matchOperator'], FilterRule['prefixLength'], number[], boolean][] = [
    ['Equal', undefined, [16], false],
    ['Equal', { min: 8 }, [16], false],
    ['Equal', { min: 16, max: 16 }, [16], false],
    ['Equal', { min: 17 }, [], false],
    ['Equal', { max: 8 }, [], false],
    ['NotEqual', undefined, [8, 17, 24, 32], true],
    ['NotEqual', { min: 17 }, [8, 16, 17, 24, 32], true],
    ['NotEqual', { max: 24 }, [8, 17, 24, 32], true],
    ['In', undefined, [16, 17, 24, 32], false],
    ['In', {}, [16, 17, 24, 32], false],
    ['In', { min: 17 }, [17, 24, 32], false],
    ['In', { min: 8 }, [16, 17, 24, 32], false],
    ['In', { max: 24 }, [16, 17, 24], false],
    ['In', { min: 17, max: 24 }, [17, 24], false],
    ['In', { min: 24, max: 17 }, [], false],
    ['In', { max: 8 }, [], false],
    ['NotIn', undefined, [8], true],
    ['NotIn', { min: 24 }, [8, 16, 17], true],
    ['NotIn', { max: 16 }, [8, 17, 24, 32], true],
    ['NotIn', { min: 24, max: 17 }, [8, 16, 17, 24, 32], true],
  ];

  it.each(table)('IPv4: %s with prefixLength %o', (matchOperator, prefixLength, lengths, outside) => {
    const policy = importPolicy([importing({ cidr: '10.1.0.0/16', matchOperator, prefixLength, action: 'Reject' })]);
    const matched = [8, 16, 17, 24, 32].filter((length) => !accepts(policy, `10.1.0.0/${length}`));
    expect(matched).toEqual(lengths);
    expect(!accepts(policy, '10.2.0.0/16')).toBe(outside);
  });

  it.each(table)('IPv6: %s with prefixLength %o', (matchOperator, prefixLength, lengths, outside) => {
    const { min, max } = prefixLength ?? {};
    const twice = prefixLength && { min: min && min * 2, max: max && max * 2 };
    const rule = { cidr: '2001:db8::/32', matchOperator, prefixLength: twice, action: 'Reject' } as const;
    const policy = importPolicy([importing(rule)]);
    const matched = [8, 16, 17, 24, 32].filter((length) => !accepts(policy, `2001:db8::/${length * 2}`));
    expect(matched).toEqual(lengths);
    expect(!accepts(policy, '2001:db9::/32')).toBe(outside);
  });

  it('compares host prefixes of IPv6 in all their words', () => {
    const rule = { cidr: '2001:db8::1:2:3/128', matchOperator: 'Equal', action: 'Reject' } as const;
    const policy = importPolicy([importing(rule)]);
    expect(accepts(policy, '2001:db8::1:2:3/128')).toBe(false);
    expect(accepts(policy, '2001:db8::1:2:4/128')).toBe(true);
    expect(accepts(policy, '2001:db8::8001:2:3/128')).toBe(true);
  });

  it('matches learned routes alone with source RemotePeers, when exporting', () => {
    const exportV4: FilterRule[] = [
      { source: 'RemotePeers', action: 'Reject' },
      { cidr: '0.0.0.0/0', matchOperator: 'In', action: 'Accept' },
    ];
    const policy = exportPolicy({ filters: [{ name: 'own', spec: { exportV4 } }], pools: [], blocks: [] });
    expect(ask(policy, '10.0.0.0/8', SOURCE_LOCAL)).toBe('accepted by BGPFilter "own" exportV4 rule 2 (In 0.0.0.0/0)');
    for (const source of [SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_CLIENT] as const) {
      expect(ask(policy, '10.0.0.0/8', source)).toBe(
        'rejected by BGPFilter "own" exportV4 rule 1 (source RemotePeers)',
      );
    }
  });

  it('matches every imported route with source RemotePeers, without looking at prefixes', () => {
    const policy = importPolicy([importing({ source: 'RemotePeers', action: 'Reject' })]);
    expect(accepts(policy, '10.0.0.0/8')).toBe(false);
    expect(policy.perPrefix).toBe(false);
  });
});

describe('a filter that is not there', () => {
  it('rejects everything that reaches a filter that is missing', () => {
    const first = importing({ cidr: '10.0.0.0/8', matchOperator: 'In', action: 'Accept' });
    const gone = { name: 'gone', spec: undefined };
    const policy = importPolicy([first, gone]);
    expect(accepts(policy, '10.0.0.0/8')).toBe(true);
    expect(ask(policy, '192.0.2.0/24')).toBe('rejected: BGPFilter "gone" is missing or invalid');
    expect(filterProblems(gone)).toEqual([
      {
        resource: 'BGPFilter gone',
        field: '',
        message:
          'The filter is missing or invalid, and every route that reaches it is rejected. Create or correct it, or remove it from the BGPPeers.',
      },
    ]);
  });
});

describe('random policies', () => {
  it('answer as a plain reading of the rules does, and explain as they answer', () => {
    fc.assert(
      fc.property(arbitraryCase, ({ rules, route, source }) => {
        const filter: NamedFilter = { name: 'f', spec: { exportV4: rules.ipv4, exportV6: rules.ipv6 } };
        const policy = exportPolicy({ filters: [filter], pools: [], blocks: [] });
        const list = route.family === 0 ? rules.ipv4 : rules.ipv6;
        const first = list.find((rule) => plainMatch(rule, route, source));
        const wanted = first === undefined ? source === SOURCE_LOCAL : first.action === 'Accept';
        expect(accepts(policy, formatPrefix(route), source)).toBe(wanted);
      }),
      { numRuns: 300 },
    );
  });
});

/** The rules' semantics on strings of bits, for comparison. */
function plainMatch(rule: FilterRule, route: Prefix, source: RouteSource): boolean {
  if (rule.source === 'RemotePeers' && source <= SOURCE_WORKLOAD) return false;
  if (rule.cidr === undefined) return true;
  const cidr = bitsOf(parsePrefix(rule.cidr));
  const bits = bitsOf(route);
  const low = Math.max(cidr.length, rule.prefixLength?.min ?? 0);
  const high = Math.min(addressBits(route.family), rule.prefixLength?.max ?? 128);
  const inside = bits.startsWith(cidr) && bits.length >= low && bits.length <= high;
  const equal = inside && bits === cidr;
  return { Equal: equal, NotEqual: !equal, In: inside, NotIn: !inside }[rule.matchOperator ?? 'In'];
}

function bitsOf(prefix: Prefix): string {
  return prefix.words
    .map((word) => word.toString(2).padStart(32, '0'))
    .join('')
    .slice(0, prefix.length);
}

/** Few distinct bits, so that rules and routes meet often. */
function arbitraryPrefix(family: 0 | 1): fc.Arbitrary<string> {
  const lengths = family === 0 ? [0, 1, 8, 9, 31, 32] : [0, 1, 32, 33, 64, 65, 97, 127, 128];
  const addresses = family === 0 ? ['0.0.0.0', '128.0.0.1', '128.255.255.255'] : ['::', '8000::1', '8000::ffff:0:ffff'];
  return fc
    .tuple(fc.constantFrom(...addresses), fc.constantFrom(...lengths))
    .map(([address, length]) => formatPrefix(parsePrefix(`${address}/${length}`)));
}

function arbitraryRule(family: 0 | 1): fc.Arbitrary<FilterRule> {
  const length = fc.option(fc.constantFrom(0, 1, 8, 31, 32), { nil: undefined });
  const where = fc.record({
    cidr: arbitraryPrefix(family),
    matchOperator: fc.constantFrom('Equal', 'NotEqual', 'In', 'NotIn'),
    prefixLength: fc.option(fc.record({ min: length, max: length }), { nil: undefined }),
  });
  return fc
    .tuple(
      fc.oneof({ weight: 5, arbitrary: where }, { weight: 1, arbitrary: fc.constant({}) }),
      fc.constantFrom('RemotePeers', undefined),
      fc.constantFrom('Accept', 'Reject'),
    )
    .map(([match, source, action]) => ({ ...match, source, action }));
}

const arbitraryCase = fc.record({
  rules: fc.record({
    ipv4: fc.array(arbitraryRule(0), { maxLength: 5 }),
    ipv6: fc.array(arbitraryRule(1), { maxLength: 5 }),
  }),
  route: fc.oneof(arbitraryPrefix(0), arbitraryPrefix(1)).map(parsePrefix),
  source: fc.constantFrom(SOURCE_LOCAL, SOURCE_WORKLOAD, SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_CLIENT),
});
