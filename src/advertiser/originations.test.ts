import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { originations } from './originations.ts';

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
  return originations(clusterView(resources), { name: 'n1' });
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
