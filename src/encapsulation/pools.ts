/** IPPools by how the traffic to their addresses crosses the network. */
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { ResourceOf } from '../resources/kinds.ts';

export type PoolKind = 'vxlan' | 'ipip' | 'plain';

export const POOL_KINDS: readonly PoolKind[] = ['vxlan', 'ipip', 'plain'];

/** Pools of a kind, as a sentence names them. */
export const POOL_KIND_WORDS: Readonly<Record<PoolKind, string>> = {
  vxlan: 'VXLAN pools',
  ipip: 'IPIP pools',
  plain: 'pools without encapsulation',
};

export interface Pool {
  readonly name: string;
  readonly prefix: Prefix;
  readonly kind: PoolKind;
  /** Whether packets are wrapped only on their way out of a node's own subnets. */
  readonly crossSubnet: boolean;
  /** The field of the pool that says so, with its value. */
  readonly mode: string;
}

/** All pools, the most specific first, then by name. */
export function poolsOf(view: ClusterView): readonly Pool[] {
  return view
    .list('IPPool')
    .map(describe)
    .sort((a, b) => b.prefix.length - a.prefix.length);
}

function describe({ metadata: { name }, spec }: ResourceOf<'IPPool'>): Pool {
  const { cidr, ipipMode, vxlanMode } = spec;
  const prefix = parsePrefix(cidr);
  if (vxlanMode !== 'Never') {
    return { name, prefix, kind: 'vxlan', crossSubnet: vxlanMode === 'CrossSubnet', mode: `vxlanMode: ${vxlanMode}` };
  }
  if (ipipMode !== 'Never') {
    return { name, prefix, kind: 'ipip', crossSubnet: ipipMode === 'CrossSubnet', mode: `ipipMode: ${ipipMode}` };
  }
  return { name, prefix, kind: 'plain', crossSubnet: false, mode: 'no encapsulation' };
}
