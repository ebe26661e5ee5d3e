/** Which Secrets the resources of a cluster name: no others are asked for. */
import { ClusterView } from './cluster-view.ts';
import type { AnyResource } from './kinds.ts';

const KINDS = ['BGPConfiguration', 'BGPPeer', 'PeerProfile'] as const;

/** Names of the Secrets that a resource, or the resources of a view, refer to; sorted, each once. */
export function referencedSecrets(source: ClusterView | AnyResource): readonly string[] {
  const resources = source instanceof ClusterView ? KINDS.flatMap((kind) => [...source.list(kind)]) : [source];
  return [...new Set(resources.flatMap(secretsOf))].sort();
}

function secretsOf(resource: AnyResource): string[] {
  if (resource.kind === 'BGPConfiguration') return namesOf([resource.spec.nodeMeshPassword]);
  if (resource.kind === 'BGPPeer') return namesOf([resource.spec.password]);
  if (resource.kind !== 'PeerProfile') return [];
  const { nextPassword, ao = [] } = resource.spec.authentication ?? {};
  return namesOf([nextPassword, ...ao.map(({ key }) => key)]);
}

type Reference = { readonly secretKeyRef: { readonly name: string } } | undefined;

function namesOf(references: readonly Reference[]): string[] {
  return references.flatMap((reference) => (reference === undefined ? [] : [reference.secretKeyRef.name]));
}
