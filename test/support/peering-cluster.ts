/** Resources of a cluster, and the peering of its nodes, for tests. */
import type { Peering } from '../../src/peering/peering.ts';
import { neighbours } from '../../src/peering/neighbours.ts';
import type { LocalWorkload } from '../../src/peering/self.ts';
import { clusterView } from '../../src/resources/cluster-view.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseResource } from '../../src/resources/parse-resource.ts';

export type Fields = Readonly<Record<string, unknown>>;
export type LabelMap = Readonly<Record<string, string>>;

/** The resource that a manifest makes; throws where it is none. */
export function parsed(manifest: Fields): AnyResource {
  const result = parseResource(manifest);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

function calico(kind: string, name: string, spec: Fields, labels: LabelMap = {}): AnyResource {
  return parsed({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec });
}

export function node(name: string, bgp: Fields, labels?: LabelMap): AnyResource {
  return calico('Node', name, { bgp }, labels);
}

export function bgpPeer(name: string, spec: Fields, labels?: LabelMap): AnyResource {
  return calico('BGPPeer', name, spec, labels);
}

export function bgpConfiguration(spec: Fields, name = 'default'): AnyResource {
  return calico('BGPConfiguration', name, spec);
}

export function peerProfile(name: string, spec: Fields): AnyResource {
  return parsed({ apiVersion: 'starling.dev/v1alpha1', kind: 'PeerProfile', metadata: { name }, spec });
}

/** Secret `bgp`, where the peering of {@link peeringOf} looks for it. */
export function secret(stringData: LabelMap): AnyResource {
  return parsed({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bgp', namespace: 'kube-system' }, stringData });
}

/** A reference to a key of {@link secret}. */
export function passwordAt(key: string): Fields {
  return { secretKeyRef: { name: 'bgp', key } };
}

export const NO_MESH = bgpConfiguration({ nodeToNodeMeshEnabled: false });

/** The peering of a node, n1 where none is named. */
export function peeringOf(
  resources: readonly AnyResource[],
  name = 'n1',
  localWorkloads: readonly LocalWorkload[] = [],
): Peering {
  return neighbours(clusterView(resources), { name, namespace: 'kube-system', localWorkloads });
}

/** The keys of the neighbours of a node. */
export function keysOf(resources: readonly AnyResource[], name?: string): string[] {
  return peeringOf(resources, name).neighbours.map(({ key }) => key);
}
