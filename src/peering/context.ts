/** What every rule of peering needs to know, whatever the neighbour. */
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { BGPSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { Labels } from '../resources/selector.ts';
import type { Neighbour } from './neighbour.ts';
import { readProfiles } from './profiles.ts';
import type { Profile } from './profiles.ts';
import type { LocalWorkload, NodeIdentity, Self } from './self.ts';
import type { Trace } from './step.ts';

export interface PeeringContext {
  /** Read for BGPConfigurations, Secrets and BGPPeers; its Nodes may be of the past. */
  readonly view: ClusterView;
  readonly self: Self;
  /** Labels of this node. */
  readonly labels: Labels;
  /** Settings of the cluster. */
  readonly cluster: BGPSettings;
  /** By name. */
  readonly profiles: readonly Profile[];
  readonly workloads: readonly LocalWorkload[];
  readonly trace: Trace | undefined;
  /** An equal description that is in use already, or the same again. */
  readonly intern: (neighbour: Neighbour) => Neighbour;
}

/** Reads what the rules need for this node. */
export function peeringContext(
  view: ClusterView,
  identity: NodeIdentity,
  node: Node,
  self: Self,
  { trace, intern }: Pick<PeeringContext, 'trace' | 'intern'>,
): PeeringContext {
  return {
    view,
    self,
    labels: node.metadata.labels,
    cluster: bgpSettings(view),
    profiles: readProfiles(view, identity.namespace),
    workloads: identity.localWorkloads ?? [],
    trace,
    intern,
  };
}
