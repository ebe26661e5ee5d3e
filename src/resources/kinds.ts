/** Every kind that is read. A new kind is a file in `kinds/` and a row here. */
import type { KindDefinition, ResourceOfDefinition } from './kind-definition.ts';
import type { Resource } from './resource.ts';
import { BGP_CONFIGURATION } from './kinds/bgp-configuration.ts';
import { BGP_FILTER } from './kinds/bgp-filter.ts';
import { BGP_PEER } from './kinds/bgp-peer.ts';
import { BLOCK_AFFINITY } from './kinds/block-affinity.ts';
import { CALICO_NODE_STATUS } from './kinds/calico-node-status.ts';
import { CLUSTER_INFORMATION } from './kinds/cluster-information.ts';
import { ENDPOINT_SLICE } from './kinds/endpoint-slice.ts';
import { FELIX_CONFIGURATION } from './kinds/felix-configuration.ts';
import { GLOBAL_NETWORK_POLICY } from './kinds/global-network-policy.ts';
import { HOST_ENDPOINT } from './kinds/host-endpoint.ts';
import { IP_POOL } from './kinds/ip-pool.ts';
import { KUBERNETES_NETWORK_POLICY } from './kinds/kubernetes-network-policy.ts';
import { KUBERNETES_NODE } from './kinds/kubernetes-node.ts';
import { NAMESPACE } from './kinds/namespace.ts';
import { NETWORK_POLICY } from './kinds/network-policy.ts';
import { GLOBAL_NETWORK_SET, NETWORK_SET } from './kinds/network-set.ts';
import { NODE } from './kinds/node.ts';
import { PEER_PROFILE } from './kinds/peer-profile.ts';
import { POD } from './kinds/pod.ts';
import { PROFILE } from './kinds/profile.ts';
import { SECRET } from './kinds/secret.ts';
import { SERVICE_ACCOUNT } from './kinds/service-account.ts';
import { SERVICE_ADVERTISEMENT } from './kinds/service-advertisement.ts';
import { SERVICE } from './kinds/service.ts';
import { TIER } from './kinds/tier.ts';
import { WORKLOAD_ENDPOINT } from './kinds/workload-endpoint.ts';

const DEFINITIONS = [
  BGP_CONFIGURATION,
  BGP_FILTER,
  BGP_PEER,
  BLOCK_AFFINITY,
  CALICO_NODE_STATUS,
  CLUSTER_INFORMATION,
  ENDPOINT_SLICE,
  FELIX_CONFIGURATION,
  GLOBAL_NETWORK_POLICY,
  GLOBAL_NETWORK_SET,
  HOST_ENDPOINT,
  IP_POOL,
  KUBERNETES_NETWORK_POLICY,
  KUBERNETES_NODE,
  NAMESPACE,
  NETWORK_POLICY,
  NETWORK_SET,
  NODE,
  PEER_PROFILE,
  POD,
  PROFILE,
  SECRET,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_ADVERTISEMENT,
  TIER,
  WORKLOAD_ENDPOINT,
] as const;

/** A resource of any kind; `kind` tells which. */
export type AnyResource = ResourceOfDefinition<(typeof DEFINITIONS)[number]>;

export type Kind = AnyResource['kind'];

/** The resources of one kind. */
export type ResourceOf<K extends Kind> = Extract<AnyResource, { kind: K }>;

/** A resource that was read has the kind of its definition, and may be read again. */
const BY_KIND: ReadonlyMap<string, readonly KindDefinition[]> = byKind(DEFINITIONS);

function byKind(definitions: readonly KindDefinition[]): ReadonlyMap<string, readonly KindDefinition[]> {
  const names = new Set(definitions.flatMap(manifestKinds));
  return new Map(Array.from(names, (name) => [name, definitions.filter((one) => manifestKinds(one).includes(name))]));
}

function manifestKinds({ kind, manifestKind }: KindDefinition): readonly string[] {
  return manifestKind === undefined ? [kind] : [kind, manifestKind];
}

/** The definition of a kind in an API version; undefined where it isn't read. */
export function kindDefinition(apiVersion: string, kind: string): KindDefinition | undefined {
  return BY_KIND.get(kind)?.find(({ apiVersions }) => apiVersions.includes(apiVersion));
}

/** The names of all kinds, each once. */
export const KIND_NAMES: readonly string[] = [...new Set(DEFINITIONS.map(({ kind }) => kind))];

const KNOWN_KINDS: ReadonlySet<string> = new Set(KIND_NAMES);

/** Whether a resource is of one of these kinds; its spec is what the definition of its kind makes it. */
export function isAnyResource(resource: Resource<string, unknown>): resource is AnyResource {
  return KNOWN_KINDS.has(resource.kind);
}

/** The API versions in which a kind is read; none for an unknown kind. */
export function apiVersionsOf(kind: string): readonly string[] {
  return DEFINITIONS.flatMap((definition: KindDefinition) =>
    manifestKinds(definition).includes(kind) ? definition.apiVersions : [],
  );
}
