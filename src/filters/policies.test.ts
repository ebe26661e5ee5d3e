import { describe, expect, it } from 'vitest';
import { accepts, ask, exportPolicy, importPolicy, judge } from '../../test/support/policy-asking.ts';
import { parsePrefix } from '../net/prefix.ts';
import { SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_LOCAL, SOURCE_SERVICE, SOURCE_WORKLOAD } from '../rib/policy.ts';
import type { FilterRule, NamedFilter } from './bgp-filter.ts';

function importing(...rules: FilterRule[]): NamedFilter {
  return { name: 'f', spec: { importV4: rules, importV6: rules } };
}

describe('an import policy', () => {
  it('accepts everything without filters, whatever the prefix', () => {
    const policy = importPolicy([]);
    expect(policy.perPrefix).toBe(false);
    expect(ask(policy, '0.0.0.0/0')).toBe('accepted by default: no import rule of a BGPFilter matches it');
    expect(accepts(policy, '2001:db8::/32')).toBe(true);
  });

  it('asks rules and filters in order, the first match deciding', () => {
    const policy = importPolicy([
      {
        name: 'lab',
        spec: {
          importV4: [
            { cidr: '10.1.0.0/16', matchOperator: 'In', prefixLength: { max: 24 }, action: 'Accept' },
            { cidr: '10.0.0.0/8', matchOperator: 'In', action: 'Reject' },
          ],
        },
      },
      { name: 'no-default', spec: { importV4: [{ cidr: '0.0.0.0/0', matchOperator: 'Equal', action: 'Reject' }] } },
    ]);
    expect(policy.perPrefix).toBe(true);
    expect(ask(policy, '10.1.2.0/24')).toBe('accepted by BGPFilter "lab" importV4 rule 1 (In 10.1.0.0/16 to /24)');
    expect(ask(policy, '10.1.2.0/25')).toBe('rejected by BGPFilter "lab" importV4 rule 2 (In 10.0.0.0/8)');
    expect(ask(policy, '0.0.0.0/0')).toBe('rejected by BGPFilter "no-default" importV4 rule 1 (Equal 0.0.0.0/0)');
    expect(accepts(policy, '192.0.2.0/24')).toBe(true);
    expect(accepts(policy, '::/0')).toBe(true);
  });

  it('answers by family without looking at prefixes', () => {
    const policy = importPolicy([{ name: 'f', spec: { importV6: [{ action: 'Reject' }] } }]);
    expect(policy.perPrefix).toBe(false);
    expect(accepts(policy, '10.0.0.0/8')).toBe(true);
    expect(ask(policy, '2001:db8::/32')).toBe('rejected by BGPFilter "f" importV6 rule 1 (any route)');
  });

  it('has a key that stands for what it does', () => {
    const filter = importing({ cidr: '10.0.0.0/8', matchOperator: 'In', action: 'Reject' });
    const same = importing({ cidr: '10.0.0.0/8', matchOperator: 'In', prefixLength: {}, action: 'Reject' });
    const other = importing({ cidr: '10.0.0.0/8', matchOperator: 'NotIn', action: 'Reject' });
    const key = importPolicy([filter]).key;
    expect(importPolicy([same]).key).toBe(key);
    expect(importPolicy([other]).key).not.toBe(key);
    expect(importPolicy([{ ...filter, name: 'g' }]).key).not.toBe(key);
  });
});

describe('an export policy', () => {
  const pools = [
    { name: 'pods', prefix: parsePrefix('10.244.0.0/16'), disableBGPExport: false },
    { name: 'hidden', prefix: parsePrefix('10.9.0.0/16'), disableBGPExport: true },
    { name: 'pods6', prefix: parsePrefix('fd00:244::/48'), disableBGPExport: false },
  ];
  const blocks = [
    { prefix: parsePrefix('10.244.1.0/26'), aggregate: true },
    { prefix: parsePrefix('10.244.2.0/26'), aggregate: false },
    { prefix: parsePrefix('10.9.1.0/26'), aggregate: true },
    { prefix: parsePrefix('fd00:244::40/122'), aggregate: true },
  ];
  const policy = exportPolicy({ filters: [], pools, blocks });

  it.each([
    ['a block', '10.244.1.0/26', SOURCE_LOCAL, 'accepted: 10.244.1.0/26 is a block of this node'],
    ['a block of IPv6', 'fd00:244::40/122', SOURCE_LOCAL, 'accepted: fd00:244::40/122 is a block of this node'],
    ['a block without aggregation', '10.244.2.0/26', SOURCE_LOCAL, 'accepted: 10.244.2.0/26 is a block of this node'],
    [
      'a block that must not be exported',
      '10.9.1.0/26',
      SOURCE_LOCAL,
      'rejected: IPPool "hidden" (10.9.0.0/16) has disableBGPExport set',
    ],
    ['a route added by hand', '192.0.2.0/24', SOURCE_LOCAL, 'accepted: route added by hand'],
    ['a host added by hand inside a block', '10.244.1.7/32', SOURCE_LOCAL, 'accepted: route added by hand'],
    ['a workload in a pool', '10.244.3.7/32', SOURCE_WORKLOAD, 'accepted: it is inside IPPool "pods" (10.244.0.0/16)'],
    [
      'a workload inside a block',
      '10.244.1.7/32',
      SOURCE_WORKLOAD,
      "rejected: it is inside this node's block 10.244.1.0/26, which stands for it",
    ],
    [
      'a workload of a pool that must not be exported',
      '10.9.7.7/32',
      SOURCE_WORKLOAD,
      'rejected: IPPool "hidden" (10.9.0.0/16) has disableBGPExport set',
    ],
    [
      'a workload in no pool',
      'fd00:9::7/128',
      SOURCE_WORKLOAD,
      'rejected by default: no BGPFilter accepts it and it is in no IPPool',
    ],
    [
      'a host inside a block',
      '10.244.1.7/32',
      SOURCE_INTERNAL,
      "rejected: it is inside this node's block 10.244.1.0/26, which stands for it",
    ],
    [
      'a host of IPv6 inside a block',
      'fd00:244::41/128',
      SOURCE_INTERNAL,
      "rejected: it is inside this node's block fd00:244::40/122, which stands for it",
    ],
    [
      'a host inside a block without aggregation',
      '10.244.2.7/32',
      SOURCE_INTERNAL,
      'accepted: it is inside IPPool "pods" (10.244.0.0/16)',
    ],
    ["another node's block", '10.244.3.0/26', SOURCE_INTERNAL, 'accepted: it is inside IPPool "pods" (10.244.0.0/16)'],
    [
      'a route of a pool that must not be exported',
      '10.9.0.0/16',
      SOURCE_EXTERNAL,
      'rejected: IPPool "hidden" (10.9.0.0/16) has disableBGPExport set',
    ],
    [
      'a route that covers a pool',
      '10.0.0.0/8',
      SOURCE_EXTERNAL,
      'rejected by default: no BGPFilter accepts it and it is in no IPPool',
    ],
    [
      'a default route',
      '0.0.0.0/0',
      SOURCE_EXTERNAL,
      'rejected by default: no BGPFilter accepts it and it is in no IPPool',
    ],
    [
      'a default route of IPv6',
      '::/0',
      SOURCE_EXTERNAL,
      'rejected by default: no BGPFilter accepts it and it is in no IPPool',
    ],
  ] as const)('decides on %s', (_what, prefix, source, words) => {
    expect(ask(policy, prefix, source)).toBe(words);
  });

  it('asks the filters before all else', () => {
    const exportV4: FilterRule[] = [
      { cidr: '10.9.1.0/26', matchOperator: 'Equal', action: 'Accept' },
      { cidr: '10.244.1.0/26', matchOperator: 'Equal', action: 'Reject' },
    ];
    const filtered = exportPolicy({ filters: [{ name: 'f', spec: { exportV4 } }], pools, blocks });
    expect(accepts(filtered, '10.9.1.0/26', SOURCE_LOCAL)).toBe(true);
    expect(accepts(filtered, '10.244.1.0/26', SOURCE_LOCAL)).toBe(false);
  });

  it('lets a filter accept a workload in no pool, but not as something that was learned by BGP', () => {
    const workload = { cidr: '192.0.2.0/24', matchOperator: 'In' } as const;
    const [learned, any] = [{ ...workload, source: 'RemotePeers' as const }, workload].map((rule) =>
      exportPolicy({
        filters: [{ name: 'f', spec: { exportV4: [{ ...rule, action: 'Accept' }] } }],
        pools,
        blocks,
      }),
    );
    expect(accepts(learned, '192.0.2.7/32', SOURCE_EXTERNAL)).toBe(true);
    expect(accepts(learned, '192.0.2.7/32', SOURCE_WORKLOAD)).toBe(false);
    expect(accepts(any, '192.0.2.7/32', SOURCE_WORKLOAD)).toBe(true);
  });

  it('advertises a block that lies inside another', () => {
    const nested = [parsePrefix('10.244.0.0/20'), parsePrefix('10.244.1.0/26')];
    const outerFirst = exportPolicy({
      filters: [],
      pools,
      blocks: nested.map((prefix) => ({ prefix, aggregate: true })),
    });
    expect(accepts(outerFirst, '10.244.1.0/26', SOURCE_INTERNAL)).toBe(true);
    expect(accepts(outerFirst, '10.244.1.64/26', SOURCE_INTERNAL)).toBe(false);
  });

  it('is the same whatever the order of pools and blocks, and not that of filters', () => {
    const filters: NamedFilter[] = ['a', 'b'].map((name) => ({ name, spec: { exportV4: [{ action: 'Reject' }] } }));
    const turned = { filters, pools: pools.toReversed(), blocks: blocks.toReversed() };
    const key = exportPolicy({ filters, pools, blocks }).key;
    expect(exportPolicy(turned).key).toBe(key);
    expect(exportPolicy({ ...turned, filters: filters.toReversed() }).key).not.toBe(key);
  });

  it('lets out what is inside a block with a metric that is better than that of normal routes', () => {
    const inside = (localPref: number) =>
      judge(policy, '10.244.1.7/32', { source: SOURCE_INTERNAL, attributes: { localPref } });
    expect(inside(2_147_483_135).why).toBe(
      "accepted: it is inside this node's block 10.244.1.0/26, and its metric is better than that of normal routes",
    );
    expect([2_147_482_623, 100, 2_147_481_599].map((localPref) => inside(localPref).accepted)).toEqual([
      false,
      false,
      false,
    ]);
    const lower = exportPolicy({ pools, blocks, normalMetric: [512, 512] });
    expect(judge(lower, '10.244.1.7/32', { attributes: { localPref: 2_147_483_135 } }).accepted).toBe(false);
  });

  const servicePrefixes = [
    { prefix: parsePrefix('10.96.0.0/12'), setting: 'serviceClusterIPs', reflected: true, passedOn: false },
    { prefix: parsePrefix('fd00:96::/112'), setting: 'serviceClusterIPs', reflected: true, passedOn: false },
    { prefix: parsePrefix('10.244.9.0/24'), setting: 'IPPool "lb"', reflected: false, passedOn: false },
  ];

  it('lets services through where the node is a route reflector, whatever they come from', () => {
    const inputs = { pools, blocks, servicePrefixes, external: false };
    const reflector = exportPolicy({ ...inputs, reflects: true });
    for (const source of [SOURCE_INTERNAL, SOURCE_EXTERNAL, SOURCE_WORKLOAD] as const) {
      expect(ask(reflector, '10.96.0.10/32', source)).toBe(
        'accepted: it is inside 10.96.0.0/12 of serviceClusterIPs, and this node is a route reflector',
      );
      expect(accepts(reflector, 'fd00:96::a/128', source)).toBe(true);
      expect(accepts(exportPolicy(inputs), '10.96.0.10/32', source)).toBe(false);
    }
  });

  it('tells other ASes nothing that was learned about services, but what a filter lets out', () => {
    const inputs = { pools, servicePrefixes, reflects: true };
    const why = (prefix: string) => `it was learned and is inside ${prefix}: each node tells its own to other ASes`;
    for (const source of [SOURCE_INTERNAL, SOURCE_EXTERNAL] as const) {
      expect(ask(exportPolicy(inputs), '10.96.0.10/32', source)).toBe(
        `rejected: ${why('10.96.0.0/12 of serviceClusterIPs')}`,
      );
      expect(ask(exportPolicy(inputs), '10.244.9.1/32', source)).toBe(
        `rejected: ${why('10.244.9.0/24 of IPPool "lb"')}`,
      );
      expect(accepts(exportPolicy({ ...inputs, keepsNextHop: true }), '10.96.0.10/32', source)).toBe(true);
      expect(accepts(exportPolicy({ ...inputs, strict: true }), '10.96.0.10/32', source)).toBe(true);
      const filters = [{ name: 'f', spec: { exportV4: [{ action: 'Accept' }] } }] as const;
      expect(accepts(exportPolicy({ ...inputs, filters }), '10.96.0.10/32', source)).toBe(true);
    }
    expect(accepts(exportPolicy(inputs), '10.244.9.1/32', SOURCE_WORKLOAD)).toBe(true);
    expect(ask(exportPolicy(inputs), '10.96.0.10/32', SOURCE_SERVICE)).toBe('accepted: own service route');
  });

  it('adds communities to what the defaults accept within a prefix, those of all prefixes around it', () => {
    const communities = [
      { prefix: parsePrefix('10.244.0.0/16'), communities: ['65000:1', '65000:1:2'] },
      { prefix: parsePrefix('10.244.1.0/24'), communities: ['65000:2'] },
    ];
    const filters: NamedFilter[] = [
      { name: 'f', spec: { exportV4: [{ cidr: '10.244.9.0/24', matchOperator: 'In', action: 'Accept' }] } },
    ];
    const adding = exportPolicy({ filters, pools, blocks, communities });
    const { why, attributes } = judge(adding, '10.244.1.0/26', { source: SOURCE_LOCAL });
    expect(attributes?.communities).toEqual([0xfde8_0001, 0xfde8_0002]);
    expect(attributes?.largeCommunities).toHaveLength(1);
    expect(why).toBe(
      'accepted: 10.244.1.0/26 is a block of this node; adds community 65000:1, 65000:1:2, 65000:2 (prefixAdvertisements of 10.244.0.0/16 and 10.244.1.0/24)',
    );
    expect(judge(adding, '10.244.3.0/26').attributes?.communities).toEqual([0xfde8_0001]);
    // A filter that accepts a route has the last word, and the communities of other prefixes are none of its.
    expect(judge(adding, '10.244.9.0/26').attributes?.communities).toEqual([]);
    expect(judge(adding, '192.0.2.0/24', { source: SOURCE_LOCAL }).attributes?.communities).toEqual([]);
  });
});
