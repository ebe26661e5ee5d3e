import { describe, expect, it } from 'vitest';
import { accepts, ask, exportPolicy, importPolicy, judge } from '../../test/support/policy-asking.ts';
import type { AskedRoute } from '../../test/support/policy-asking.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import type { AsSegment } from '../bgp/messages/attributes/attributes.ts';
import { AttributeSets } from '../rib/attribute-sets.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_LOCAL } from '../rib/policy.ts';
import type { RouteView } from '../rib/policy.ts';
import { filterProblems } from './bgp-filter.ts';
import type { FilterRule, NamedFilter } from './bgp-filter.ts';
import type { Operation } from './operations.ts';

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

  it('does not match what is wider than the CIDR and begins with the same address, whatever prefixLength says', () => {
    const rule = { cidr: '10.0.0.0/16', prefixLength: { min: 8 }, action: 'Reject' } as const;
    for (const matchOperator of ['In', 'Equal'] as const) {
      const policy = importPolicy([importing({ ...rule, matchOperator })]);
      expect([8, 15, 16].map((length) => accepts(policy, `10.0.0.0/${length}`))).toEqual([true, true, false]);
    }
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

describe('conditions on attributes', () => {
  const path = (...segments: AsSegment[]) => ({ attributes: { asPath: segments } });
  const rejecting = (rule: Partial<FilterRule>) => importPolicy([importing({ ...rule, action: 'Reject' })]);
  const matches = (rule: Partial<FilterRule>, route: AskedRoute) =>
    !judge(rejecting(rule), '10.0.0.0/8', route).accepted;

  it('communities: the route carries it, as a plain or a large one', () => {
    const attributes = {
      communities: [0xfde8_0001, 0xfde8_0002],
      largeCommunities: [{ globalAdministrator: 65_000, localData1: 1, localData2: 2 }],
    };
    expect(matches({ communities: { values: ['65000:2'] } }, { attributes })).toBe(true);
    expect(matches({ communities: { values: ['65000:3'] } }, { attributes })).toBe(false);
    expect(matches({ communities: { values: ['65000:1:2'] } }, { attributes })).toBe(true);
    // Two communities one behind the other are no large one.
    expect(matches({ communities: { values: ['1:2:65000'] } }, { attributes })).toBe(false);
    expect(matches({ communities: { values: ['65000:1'] } }, {})).toBe(false);
  });

  it('asPathPrefix: the path begins with these, over the segments of a sequence, up to a set', () => {
    const [a, b]: AsSegment[] = [
      { type: 'sequence', asns: [65_001, 65_002] },
      { type: 'sequence', asns: [65_003] },
    ];
    expect(matches({ asPathPrefix: [65_001] }, path(a, b))).toBe(true);
    expect(matches({ asPathPrefix: [65_001, 65_002, 65_003] }, path(a, b))).toBe(true);
    expect(matches({ asPathPrefix: [65_002] }, path(a, b))).toBe(false);
    expect(matches({ asPathPrefix: [65_001, 65_002, 65_003, 65_004] }, path(a, b))).toBe(false);
    expect(matches({ asPathPrefix: [65_001, 65_002, 65_003] }, path(a, { type: 'set', asns: [65_003] }))).toBe(false);
    expect(matches({ asPathPrefix: [65_001] }, path())).toBe(false);
  });

  it('priority: the metric that LOCAL_PREF stands for, 1024 where it is 100 or absent', () => {
    const localPref = (value: number) => ({ attributes: { localPref: value } });
    expect(matches({ priority: 1024 }, {})).toBe(true);
    expect(matches({ priority: 1024 }, localPref(2_147_482_623))).toBe(true);
    expect(matches({ priority: 512 }, localPref(2_147_483_135))).toBe(true);
    expect(matches({ priority: 924 }, localPref(200))).toBe(true);
    expect(matches({ priority: 1024 }, localPref(200))).toBe(false);
  });

  it('interface: a glob over the name, which nothing matches where it is not known', () => {
    expect(matches({ interface: 'eth*' }, { interface: 'eth0' })).toBe(true);
    expect(matches({ interface: '*.cali' }, { interface: 'wireguard.cali' })).toBe(true);
    expect(matches({ interface: '*.cali' }, { interface: 'wireguardxcali' })).toBe(false);
    expect(matches({ interface: 'eth0' }, { interface: 'eth01' })).toBe(false);
    expect(matches({ interface: 'eth*' }, {})).toBe(false);
  });

  it('peerType: rules are for neighbours of that type alone', () => {
    const filter = importing({ peerType: 'eBGP', action: 'Reject' });
    expect(accepts(importPolicy([filter], true), '10.0.0.0/8')).toBe(false);
    expect(accepts(importPolicy([filter], false), '10.0.0.0/8')).toBe(true);
    // Where it makes no difference, neighbours of both types share their work.
    const [inside, outside] = [false, true].map((external) => exportPolicy({ external }));
    expect(inside.key).toBe(outside.key);
  });

  it('all of them must hold', () => {
    const both: Partial<FilterRule> = { priority: 1024, asPathPrefix: [65_001] };
    expect(matches(both, {})).toBe(false);
    expect(matches(both, path({ type: 'sequence', asns: [65_001] }))).toBe(true);
  });
});

describe('operations', () => {
  const operating = (...operations: Operation[]) => importPolicy([importing({ action: 'Accept', operations })]);

  it('change the route in their order, and say so', () => {
    const policy = operating(
      { addCommunity: { value: '65000:1' } },
      { addCommunity: { value: '65000:1:2' } },
      { prependASPath: { prefix: [65_010, 65_011] } },
      { prependASPath: { prefix: [65_012] } },
      { setPriority: { value: 512 } },
    );
    const asPath = [{ type: 'sequence' as const, asns: [65_001] }];
    const { why, attributes } = judge(policy, '10.0.0.0/8', { attributes: { asPath, med: 7, nextHop: '192.0.2.1' } });
    expect(attributes).toMatchObject({
      asPath: [{ type: 'sequence', asns: [65_012, 65_010, 65_011, 65_001] }],
      communities: [0xfde8_0001],
      largeCommunities: [{ globalAdministrator: 65_000, localData1: 1, localData2: 2 }],
      localPref: 2_147_483_135,
      med: 7,
      nextHop: '192.0.2.1',
    });
    expect(why).toBe(
      'accepted by BGPFilter "f" importV4 rule 1 (any route), which adds community 65000:1, adds community 65000:1:2, puts 65010 65011 in front of AS_PATH, puts 65012 in front of AS_PATH, sets priority 512 (LOCAL_PREF 2147483135)',
    );
  });

  it('add no community twice', () => {
    const carried = { communities: [0xfde8_0001], nextHop: '192.0.2.1' };
    const { attributes } = judge(operating({ addCommunity: { value: '65000:1' } }), '10.0.0.0/8', {
      attributes: carried,
    });
    expect(attributes?.communities).toEqual([0xfde8_0001]);
    const large = [{ globalAdministrator: 65_000, localData1: 1, localData2: 2 }];
    const again = judge(operating({ addCommunity: { value: '65000:01:2' } }), '10.0.0.0/8', {
      attributes: { ...carried, largeCommunities: large },
    });
    expect(again.attributes?.largeCommunities).toEqual(large);
  });

  it('begin another segment where the first one is a set, or full', () => {
    const policy = operating({ prependASPath: { prefix: [1, 2] } });
    for (const first of [
      { type: 'set' as const, asns: [3] },
      { type: 'sequence' as const, asns: Array.from({ length: 254 }, (_, i) => i + 3) },
    ]) {
      const { attributes } = judge(policy, '10.0.0.0/8', { attributes: { asPath: [first] } });
      expect(attributes?.asPath).toEqual([{ type: 'sequence', asns: [1, 2] }, first]);
    }
  });

  it('take a route that they make too long to be told for rejected', () => {
    const communities = Array.from({ length: 16_370 }, (_, i) => i + 1);
    const sets = new AttributeSets();
    const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, communities }, 0);
    const set = sets.acquire(block, 0, block.length);
    const asns = Array.from({ length: 10 }, () => 65_001);
    const policy = operating(...Array.from({ length: 10 }, () => ({ prependASPath: { prefix: asns } })));
    const nowhere = { a0: 0, a1: 0, a2: 0, a3: 0, length: 0, interface: '' };
    const view: RouteView = { ...nowhere, family: 0, source: SOURCE_EXTERNAL, attributes: sets, set };
    expect(policy.apply(view)).toBe(0);
    sets.release(set);
    expect(sets.count).toBe(0);
  });
});
