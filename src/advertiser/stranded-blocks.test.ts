import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { strandedBlocks } from './stranded-blocks.ts';

function pool(name: string, cidr: string, nodeSelector?: string) {
  const spec = { cidr, ...(nodeSelector !== undefined && { nodeSelector }) };
  const result = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name }, spec });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

const POOLS = clusterView([
  pool('everywhere', '10.244.0.0/16'),
  pool('rack-a', '10.244.64.0/18', 'rack == "a"'),
  pool('rack-a6', 'fd00:64::/64', 'rack == "a"'),
]);

function stranded(labels: Record<string, string>, ...blocks: string[]) {
  const own = blocks.map((text) => ({ prefix: parsePrefix(text), aggregate: true }));
  return strandedBlocks(POOLS, { name: 'n1', labels }, own).map(({ resource, message }) => [resource, message]);
}

describe('blocks of a pool for other nodes', () => {
  it.each([
    ['of a pool for all nodes', { rack: 'b' }, '10.244.1.0/26'],
    ['of the pool of its rack', { rack: 'a' }, '10.244.64.0/26'],
    ['in no pool', {}, '10.0.0.0/26'],
  ])('are none where the node has one %s', (_what, labels, block) => {
    expect(stranded(labels, block)).toEqual([]);
  });

  it('are named, with what becomes of them', () => {
    const [[resource, message], [six]] = stranded({ rack: 'b' }, '10.244.1.0/26', '10.244.64.64/26', 'fd00:64::40/122');
    expect(resource).toBe('IPPool rack-a');
    expect(message).toMatch(
      /^rack == "a" does not pick this node, which holds block 10\.244\.64\.64\/26 of the pool all the same and announces/,
    );
    expect(six).toBe('IPPool rack-a6');
  });

  it('are named together, three of them at most', () => {
    const [[, message], ...others] = stranded({}, ...[0, 64, 128, 192].map((host) => `10.244.65.${host}/26`));
    expect(message).toContain('holds blocks 10.244.65.0/26, 10.244.65.64/26, 10.244.65.128/26 and 1 more of the pool');
    expect(others).toEqual([]);
  });
});
