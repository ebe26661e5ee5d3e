/** Resources that a policy agent reads in tests. */
import type { Manifest } from '../support/kube-api.ts';
import type { TestPod } from './policy-network.ts';

/** The node on which the workloads of tests are. */
export const NODE = 'node-1';

/** Labels as Kubernetes and the tests give them to a namespace. */
export function namespaceManifest(name: string, labels: object = { ns: name }): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
  };
}

/** How a Pod differs from one that simply runs. */
interface PodOptions {
  readonly labels?: object;
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

const PORTS = [80, 81].flatMap((containerPort) =>
  ['TCP', 'UDP', 'SCTP'].map((protocol) => ({
    name: `serve-${containerPort}-${protocol.toLowerCase()}`,
    containerPort,
    protocol,
  })),
);

/** A Pod, by default with label `pod` and named ports `serve-80-tcp` and the like. */
export function podManifest({ name, addresses }: TestPod, options: PodOptions = {}): Manifest {
  const [namespace, podName] = name.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: podName, namespace, labels: options.labels ?? { pod: podName }, ...options.metadata },
    spec: {
      nodeName: NODE,
      containers: [{ name: 'c', image: 'i', ports: PORTS.map((port) => ({ ...port })) }],
      ...options.spec,
    },
    status: { phase: 'Running', podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })), ...options.status },
  };
}

/** A resource of Calico; `name` is `namespace/name` of kinds that belong to one. */
export function calico(kind: string, name: string, spec: object, metadata: object = {}): Manifest {
  const [own, namespace] = name.split('/').reverse();
  return {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name: own, ...(namespace !== undefined && { namespace }), ...metadata },
    spec,
  };
}

/** A NetworkPolicy of Kubernetes. */
export function networkPolicy(name: string, spec: object): Manifest {
  const [namespace, own] = name.split('/');
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: own, namespace }, spec };
}

/** What tells one resource from all others. */
export function identity({ apiVersion, kind, metadata }: Manifest): string {
  return `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}
