/** Namespaces x, y and z with pods a, b and c each, which all serve TCP, UDP and SCTP on 80 and 81. */
import type { OraclePod } from './kubernetes-oracle.ts';
import { namespaceManifest, podManifest } from './policy-resources.ts';

export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
export const PORTS = [80, 81] as const;

const SERVED = PROTOCOLS.flatMap((protocol) =>
  PORTS.map((port) => ({ name: `serve-${port}-${protocol.toLowerCase()}`, protocol, port })),
);

export function servingPod(namespace: string, name: string, address: string, labels: OraclePod['labels']): OraclePod {
  const ports = new Map(SERVED.map((served) => [`${served.name} ${served.protocol}`, served.port]));
  return { namespace, name, labels, address, ports };
}

export function servingPodManifest({ namespace, name, labels, address }: OraclePod): object {
  const ports = SERVED.map(({ name: of, protocol, port }) => ({ name: of, protocol, containerPort: port }));
  return podManifest({ namespace, name, labels, addresses: [address], ports });
}

export function namespaceLabels(name: string): Record<string, string> {
  return { ns: name, 'kubernetes.io/metadata.name': name };
}

/** A namespace as the API server has it: with its name among its labels. */
export function servingNamespace(name: string, labels: Readonly<Record<string, string>>): object {
  return namespaceManifest(name, { 'kubernetes.io/metadata.name': name, ...labels });
}
