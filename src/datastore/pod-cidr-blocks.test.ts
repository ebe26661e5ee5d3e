import { describe, expect, it } from 'vitest';
import { parseResource } from '../resources/parse-resource.ts';
import { keyOf } from './contents.ts';
import { podCidrBlocks, withPodCidrBlocks } from './pod-cidr-blocks.ts';

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

describe('withPodCidrBlocks', () => {
  const parsed = (manifest: object) => {
    const result = parseResource(manifest);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return result.resource;
  };
  const resources = [
    parsed({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'a' },
      spec: { podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'] },
    }),
    parsed({
      apiVersion: 'projectcalico.org/v3',
      kind: 'Node',
      metadata: { name: 'b' },
      spec: {},
      status: { podCIDRs: ['10.244.2.0/24'] },
    }),
    parsed({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name: 'c' }, spec: {} }),
    parsed({
      apiVersion: 'projectcalico.org/v3',
      kind: 'BlockAffinity',
      metadata: { name: 'of-ipam' },
      spec: { node: 'a', cidr: '10.0.0.0/26', state: 'confirmed' },
    }),
  ];
  const blocks = [...withPodCidrBlocks(new Map(resources.map((resource) => [keyOf(resource), resource])))].filter(
    ([, { kind }]) => kind === 'BlockAffinity',
  );

  it("makes the blocks of all Nodes, Kubernetes' and Calico's, and leaves out those of IPAM", () => {
    expect(blocks.map(([, { spec }]) => spec)).toMatchObject([
      { node: 'a', cidr: '10.244.1.0/24', state: 'confirmed', type: 'host' },
      { node: 'a', cidr: 'fd00:1::/64' },
      { node: 'b', cidr: '10.244.2.0/24' },
    ]);
  });

  it('finds each by its key', () => {
    expect(blocks.map(([key, block]) => key === keyOf(block))).toEqual([true, true, true]);
  });
});
