/** Blocks of pools that are not for this node: where a pool is one rack's, they break what the rack's prefix stands for. */
import { formatPrefix, parsePrefix, prefixContains } from '../net/prefix.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Labels } from '../resources/selector.ts';
import type { AdvertisementProblem, OwnBlock } from './originations.ts';

/**
 * Names the pools whose `nodeSelector` picks this node no more, or never did, though it holds blocks of them. The selector says
 * who may take blocks; Calico's IPAM takes one back only when it is empty. A block counts for the most specific pool around it.
 */
export function strandedBlocks(
  view: ClusterView,
  node: { readonly name: string; readonly labels: Labels },
  blocks: readonly OwnBlock[],
): readonly AdvertisementProblem[] {
  const pools = view
    .list('IPPool')
    .map(({ metadata: { name }, spec }) => ({ name, prefix: parsePrefix(spec.cidr), selector: spec.nodeSelector }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const stranded = new Map<(typeof pools)[number], string[]>();
  for (const { prefix } of blocks) {
    const pool = pools.find((one) => prefixContains(one.prefix, prefix));
    if (pool === undefined || parseSelector(pool.selector).matches(node.labels)) continue;
    stranded.set(pool, [...(stranded.get(pool) ?? []), formatPrefix(prefix)]);
  }
  return [...stranded].map(([{ name, selector }, held]) => ({
    resource: `IPPool ${name}`,
    field: 'nodeSelector',
    message: `${selector} does not pick this node, which holds ${inWords(held)} of the pool all the same and announces what it holds. Workloads keep such addresses until they are made anew; Calico takes a block back when it is empty. Until then, a route for the pool as a whole, as of a rack, does not lead here.`,
  }));
}

function inWords(blocks: readonly string[]): string {
  if (blocks.length === 1) return `block ${blocks[0]}`;
  const more = blocks.length - 3;
  return `blocks ${blocks.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
