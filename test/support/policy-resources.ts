/** Manifests of policies and what they are about, read as a datastore reads them. */
import type { AnyResource } from '../../src/resources/kinds.ts';
import { parseResource } from '../../src/resources/parse-resource.ts';

/** The resource of a manifest, which must be there, whatever is wrong with it. */
export function resourceOf(manifest: unknown): AnyResource {
  const parsed = parseResource(manifest);
  if (!parsed.ok) throw new Error(`not read: ${JSON.stringify(parsed.problems)}`);
  return parsed.resource;
}

/** A policy of Calico: of a namespace, or without one a global one. */
export function calicoPolicy(name: string, spec: object, namespace?: string): object {
  const kind = namespace === undefined ? 'GlobalNetworkPolicy' : 'NetworkPolicy';
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, namespace }, spec };
}

export function kubernetesPolicy(name: string, namespace: string, spec: object): object {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec };
}

export function namespaceManifest(name: string, labels: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export interface PodShape {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly ports?: readonly object[];
  readonly node?: string;
  readonly serviceAccountName?: string;
}

export function podManifest({ namespace, name, labels, addresses, ports = [], ...of }: PodShape): object {
  const { node = 'node', serviceAccountName } = of;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels },
    spec: { nodeName: node, serviceAccountName, containers: [{ ports }] },
    status: { phase: 'Running', podIPs: addresses.map((ip) => ({ ip })) },
  };
}
