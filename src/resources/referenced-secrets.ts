/** Which Secrets a resource names: no others are asked for. */
import type { AnyResource } from './kinds.ts';

/** Names of the Secrets that a resource refers to, sorted, each once. */
export function referencedSecrets(resource: AnyResource): readonly string[] {
  return [...new Set(secretsOf(resource))].sort();
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
