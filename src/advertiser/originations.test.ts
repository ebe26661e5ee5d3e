import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { originations, withWorkloads } from './originations.ts';

type Fields = Readonly<Record<string, unknown>>;

function resource(kind: string, name: string, spec: Fields) {
  const result = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

function affinity(name: string, spec: Fields) {
  return resource('BlockAffinity', name, { state: 'confirmed', node: 'n1', cidr: '10.244.1.0/26', ...spec });
}

function advertised(...resources: readonly ReturnType<typeof resource>[]) {
  return originations(clusterView(resources), { name: 'n1' }, []);
}

describe('a block affinity', () => {
  it.each([
    ['confirmed', {}],
    ['without a state', { state: '' }],
    ['without a type', { type: '' }],
    ['that is not deleted, as text', { deleted: 'false' }],
  ])('%s makes its node originate the block', (_what, spec) => {
    const { routes, blocks } = advertised(affinity('a', spec));
    const prefix = parsePrefix('10.244.1.0/26');
    expect(routes).toEqual([
      { prefix, kind: 'block', reason: 'Block 10.244.1.0/26 belongs to this node (BlockAffinity "a").' },
    ]);
    expect(blocks).toEqual([{ prefix, aggregate: true }]);
  });

  it.each([
    ['of another node', { node: 'n2' }],
    ['pending', { state: 'pending' }],
    ['deleted', { deleted: true }],
    ['deleted, as text', { deleted: 'true' }],
    ['virtual', { type: 'virtual' }],
  ])('%s does not', (_what, spec) => {
    expect(advertised(affinity('a', spec))).toMatchObject({ routes: [], blocks: [], problems: [] });
  });

  it('that is being given up makes its node originate the block, but not in place of what is within', () => {
    const { routes, blocks } = advertised(affinity('a', { state: 'pendingDeletion' }));
    expect(routes.map(({ reason }) => reason)).toEqual([
      'Block 10.244.1.0/26 still belongs to this node, which is giving it up (BlockAffinity "a" is pendingDeletion).',
    ]);
    expect(blocks).toMatchObject([{ aggregate: false }]);
  });

  it('counts once for a block, and best as a confirmed one', () => {
    const { routes, blocks } = advertised(
      affinity('a', { state: 'pendingDeletion' }),
      affinity('b', {}),
      affinity('c', {}),
    );
    expect(routes.map(({ reason }) => reason)).toEqual([
      'Block 10.244.1.0/26 belongs to this node (BlockAffinity "b").',
    ]);
    expect(blocks).toMatchObject([{ aggregate: true }]);
  });

  it('of another node for the same block is a problem', () => {
    const { routes, problems } = advertised(affinity('a', {}), affinity('b', { node: 'n2' }));
    expect(routes).toHaveLength(1);
    expect(problems).toEqual([
      {
        resource: 'BlockAffinity a',
        field: 'cidr',
        message:
          'Block 10.244.1.0/26 belongs to this node and, by BlockAffinity "b", to node "n2" as well: both advertise it. Delete the affinity that is wrong.',
      },
    ]);
  });
});

describe('a workload of the node', () => {
  const blocks = [
    affinity('own', {}),
    affinity('leaving', { cidr: '10.244.4.0/26', state: 'pendingDeletion' }),
    affinity('other', { node: 'n2', cidr: '10.244.2.0/26' }),
    affinity('within-other', { node: 'n3', cidr: '10.244.2.32/28' }),
    affinity('virtual', { node: 'n2', cidr: '10.244.5.0/26', type: 'virtual' }),
    affinity('other6', { node: 'n2', cidr: 'fd00:244::40/122' }),
  ];

  function reasons(resources: readonly ReturnType<typeof resource>[], ...workloads: readonly string[]) {
    const { routes } = originations(clusterView(resources), { name: 'n1' }, workloads.map(parsePrefix));
    return routes.filter(({ kind }) => kind === 'workload').map(({ reason }) => reason);
  }

  it.each([
    ['borrowed', '10.244.2.7', ' with an address borrowed from block 10.244.2.0/26 of node "n2".'],
    [
      'in the smaller of two blocks',
      '10.244.2.33',
      ' with an address borrowed from block 10.244.2.32/28 of node "n3".',
    ],
    ['of IPv6', 'fd00:244::41', ' with an address borrowed from block fd00:244::40/122 of node "n2".'],
    ['in a block that is being given up', '10.244.4.7', ', which is giving up block 10.244.4.0/26 that it is in.'],
    ['in no block', '10.244.3.7', ', and its address is in no block.'],
    ['in a block of load balancers', '10.244.5.7', ', and its address is in no block.'],
  ])('%s is a route of its own', (_what, address, words) => {
    expect(reasons(blocks, address)).toEqual([`Workload ${address} runs on this node${words}`]);
  });

  it('is a route of its own where there are no blocks', () => {
    expect(reasons([], '10.244.3.7')).toEqual([
      'Workload 10.244.3.7 runs on this node, and the cluster has no blocks.',
    ]);
  });

  it('is stood for by the block of the node that it is in', () => {
    expect(reasons(blocks, '10.244.1.7')).toEqual([]);
    const host = affinity('host', { cidr: '10.244.6.6/32' });
    expect(originations(clusterView([host]), { name: 'n1' }, [parsePrefix('10.244.6.6/32')]).routes).toMatchObject([
      { kind: 'block' },
    ]);
  });

  it('is a route of its own, with the metric that the kernel has, while that is better than the normal one', () => {
    const moving = (metric: number, normal = 1024) => {
      const settings = resource('BGPConfiguration', 'default', { ipv4NormalRoutePriority: normal });
      const workload = { ...parsePrefix('10.244.1.7'), interface: 'cali1', metric };
      return withWorkloads(originations(clusterView([...blocks, settings]), { name: 'n1' }, []), [
        workload,
      ]).routes.filter(({ kind }) => kind === 'workload');
    };
    expect(moving(512)).toEqual([
      {
        prefix: parsePrefix('10.244.1.7'),
        kind: 'workload',
        interface: 'cali1',
        metric: 512,
        reason: 'Workload 10.244.1.7 runs on this node, inside its block 10.244.1.0/26. Its route has the metric 512.',
      },
    ]);
    for (const metric of [0, 1024, 2048]) expect(moving(metric)).toEqual([]);
    expect(moving(512, 512)).toEqual([]);
  });

  it('comes and goes without the resources being read again', () => {
    const view = clusterView(blocks);
    const none = originations(view, { name: 'n1' }, []);
    const workloads = ['10.244.3.7', '10.0.0.1', '10.244.3.7', 'fd00:244::41', '10.244.1.7'].map(parsePrefix);
    const some = withWorkloads(none, workloads);
    expect(some).toEqual(originations(view, { name: 'n1' }, workloads));
    expect(some.routes.map(({ prefix }) => formatPrefix(prefix))).toEqual([
      '10.0.0.1/32',
      '10.244.1.0/26',
      '10.244.3.7/32',
      '10.244.4.0/26',
      'fd00:244::41/128',
    ]);
    expect(withWorkloads(some, [])).toEqual(none);
  });
});

describe('what a node advertises', () => {
  it('comes sorted, whatever the names', () => {
    const cidrs = ['fd00:244::40/122', '10.244.1.64/26', '10.244.1.0/26', '9.0.0.0/26', 'fd00:244::/122'];
    const resources = cidrs.map((cidr, i) => affinity(`${9 - i}`, { cidr }));
    const sorted = ['9.0.0.0/26', '10.244.1.0/26', '10.244.1.64/26', 'fd00:244::/122', 'fd00:244::40/122'];
    const { routes, blocks } = advertised(...resources);
    expect(routes.map(({ prefix }) => formatPrefix(prefix))).toEqual(sorted);
    expect(blocks.map(({ prefix }) => formatPrefix(prefix))).toEqual(sorted);
  });

  it('includes the pools, those that give out no more addresses too', () => {
    const { pools } = advertised(
      resource('IPPool', 'b', { cidr: '10.9.0.0/16', disableBGPExport: true }),
      resource('IPPool', 'a', { cidr: '10.244.0.0/16', disabled: true }),
    );
    expect(pools).toEqual([
      { name: 'a', prefix: parsePrefix('10.244.0.0/16'), disableBGPExport: false },
      { name: 'b', prefix: parsePrefix('10.9.0.0/16'), disableBGPExport: true },
    ]);
  });
});
