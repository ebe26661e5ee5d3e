/** Whether this node drops packets to addresses of services that nobody serves, and which. Pure. */
import { felixSettings } from '../encapsulation/felix-settings.ts';
import type { FelixPresence } from '../encapsulation/felix-settings.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { LoopAction } from '../nftables/loop-rules.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';

export interface LoopPreventionPlan {
  /** Undefined: packets go where they go. */
  readonly action: LoopAction | undefined;
  /** Why there is no action, as a sentence; empty where there is one. */
  readonly why: string;
  /** The ranges of services in BGPConfiguration, single addresses among them. */
  readonly ranges: readonly Prefix[];
}

export interface LoopPreventionSettings {
  readonly mode: 'auto' | 'off';
  readonly felix: FelixPresence;
}

/** Ranges, and what becomes of packets, as Felix takes them: from the BGPConfiguration for all nodes, and its own for the node. */
export function loopPreventionPlan(
  view: ClusterView,
  node: string,
  { mode, felix: presence }: LoopPreventionSettings,
): LoopPreventionPlan {
  const felix = felixSettings(view, node, presence);
  const { serviceClusterIPs, serviceExternalIPs, serviceLoadBalancerIPs } = bgpSettings(view);
  const ranges = [...serviceClusterIPs, ...serviceExternalIPs, ...serviceLoadBalancerIPs].map(parsePrefix);
  const off = (why: string) => ({ action: undefined, why, ranges });
  if (mode === 'off') return off('services.loopPrevention is off.');
  if (felix.present) return off(`Felix drops them: ${felix.presence}.`);
  const action = felix.spec.serviceLoopPrevention ?? 'Drop';
  if (action !== 'Disabled') return { action, why: '', ranges };
  const object = felix.objectOf('serviceLoopPrevention');
  return off(`FelixConfiguration "${object}" has serviceLoopPrevention: Disabled.`);
}
