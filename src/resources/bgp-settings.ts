/** What the BGPConfigurations of the cluster come to, for the cluster as a whole or for one node. */
import { durationSeconds } from './duration.ts';
import { parseCommunity } from './community.ts';
import type { BGPConfiguration } from './kinds/bgp-configuration.ts';
import type { ClusterView } from './cluster-view.ts';

type Spec = BGPConfiguration['spec'];

/** Fields as in BGPConfiguration, with every default in place; `programClusterRoutes` has none of its own (see `encapsulation`). */
export interface BGPSettings {
  readonly logSeverityScreen: string;
  readonly nodeToNodeMeshEnabled: boolean;
  /** AS number of the nodes that have none of their own. */
  readonly asNumber: number;
  /** Prefixes, in canonical text. */
  readonly serviceLoadBalancerIPs: readonly string[];
  readonly serviceExternalIPs: readonly string[];
  readonly serviceClusterIPs: readonly string[];
  readonly serviceLoadBalancerAggregation: 'Enabled' | 'Disabled';
  /** Communities for the routes within a prefix; names of communities are replaced by what they stand for. */
  readonly prefixAdvertisements: readonly { readonly cidr: string; readonly communities: readonly string[] }[];
  readonly listenPort: number;
  readonly nodeMeshPassword: Spec['nodeMeshPassword'];
  /** Restart time of graceful restart (RFC 4724) in the mesh, in seconds. */
  readonly nodeMeshMaxRestartSeconds: number;
  readonly bindMode: 'None' | 'NodeIP';
  readonly ignoredInterfaces: readonly string[];
  readonly localWorkloadPeeringIPV4: string | undefined;
  readonly localWorkloadPeeringIPV6: string | undefined;
  readonly ipv4NormalRoutePriority: number;
  readonly ipv6NormalRoutePriority: number;
}

/**
 * The settings of a node, or those for all nodes where no name is given: what BGPConfiguration `node.<name>` says where it
 * may, else what `default` says, else Calico's defaults.
 */
export function bgpSettings(view: ClusterView, nodeName?: string): BGPSettings {
  const cluster: Spec = view.get('BGPConfiguration', 'default')?.spec ?? {};
  const node: Spec =
    (nodeName === undefined ? undefined : view.get('BGPConfiguration', `node.${nodeName}`))?.spec ?? {};
  const cidrs = (blocks: Spec['serviceClusterIPs']) => (blocks ?? []).map((block) => block.cidr);
  return {
    logSeverityScreen: node.logSeverityScreen ?? cluster.logSeverityScreen ?? 'Info',
    nodeToNodeMeshEnabled: cluster.nodeToNodeMeshEnabled ?? true,
    asNumber: cluster.asNumber ?? 64512,
    serviceLoadBalancerIPs: cidrs(cluster.serviceLoadBalancerIPs),
    serviceExternalIPs: cidrs(cluster.serviceExternalIPs),
    serviceClusterIPs: cidrs(cluster.serviceClusterIPs),
    serviceLoadBalancerAggregation: cluster.serviceLoadBalancerAggregation ?? 'Enabled',
    prefixAdvertisements: prefixAdvertisements(cluster, node),
    listenPort: node.listenPort || cluster.listenPort || 179,
    nodeMeshPassword: cluster.nodeMeshPassword,
    nodeMeshMaxRestartSeconds: durationSeconds(cluster.nodeMeshMaxRestartTime ?? '120s') ?? 120,
    bindMode: cluster.bindMode ?? 'None',
    ignoredInterfaces: cluster.ignoredInterfaces ?? [],
    localWorkloadPeeringIPV4: cluster.localWorkloadPeeringIPV4,
    localWorkloadPeeringIPV6: cluster.localWorkloadPeeringIPV6,
    ipv4NormalRoutePriority: cluster.ipv4NormalRoutePriority ?? 1024,
    ipv6NormalRoutePriority: cluster.ipv6NormalRoutePriority ?? 1024,
  };
}

/** Names are defined for the whole cluster; an item that is neither a name nor a community is left out. */
function prefixAdvertisements(cluster: Spec, node: Spec): BGPSettings['prefixAdvertisements'] {
  const values = new Map(cluster.communities?.map(({ name, value }) => [name, value]));
  return (node.prefixAdvertisements ?? cluster.prefixAdvertisements ?? []).map(({ cidr, communities }) => ({
    cidr,
    communities: communities.flatMap((item) => {
      const value = values.get(item) ?? item;
      return parseCommunity(value) === undefined ? [] : [value];
    }),
  }));
}
