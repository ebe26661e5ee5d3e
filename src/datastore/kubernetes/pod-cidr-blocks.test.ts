import { describe, expect, it } from 'vitest';
import { parseResource } from '../../resources/parse-resource.ts';
import { podCidrBlocks } from './pod-cidr-blocks.ts';

const node = (spec: object) => ({
  key: 'node-1',
  place: 'Node/node-1',
  value: { apiVersion: 'v1', kind: 'Node', spec },
});

describe('podCidrBlocks', () => {
  it('makes a confirmed block of each pod CIDR', () => {
    const blocks = podCidrBlocks(node({ podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'] }));
    expect(blocks.map(({ value }) => parseResource(value))).toMatchObject([
      {
        ok: true,
        problems: [],
        resource: {
          kind: 'BlockAffinity',
          metadata: { name: 'node-1-10-244-1-0-24' },
          spec: { node: 'node-1', cidr: '10.244.1.0/24', state: 'confirmed', type: 'host' },
        },
      },
      { ok: true, problems: [], resource: { spec: { cidr: 'fd00:1::/64' } } },
    ]);
  });

  it('takes the one of an older Node, and none of a Node without', () => {
    expect(podCidrBlocks(node({ podCIDR: '10.244.1.0/24' }))).toHaveLength(1);
    expect(podCidrBlocks(node({}))).toEqual([]);
  });
});
