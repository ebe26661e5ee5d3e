/** Kubernetes' own end-to-end cases of NetworkPolicy, decided without a packet. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/policy/endpoint.ts';
import { protocolNumber } from '../../src/net/protocols.ts';
import { namespaceLabels, servingNamespace, servingPod, servingPodManifest } from '../support/kubernetes-topology.ts';
import { NaivePolicies } from '../support/naive-policies.ts';
import { resourceOf } from '../support/policy-resources.ts';
import { missingHere, requireOrSkip, vectorPath } from '../support/skip.ts';

const VECTORS = 'policy/netpol_k8s_e2e.jsonl';

type Labels = Readonly<Record<string, string>>;

interface PolicyManifest {
  readonly metadata: { namespace: string; name: string };
}

interface Action {
  readonly createPolicy?: PolicyManifest;
  readonly updatePolicy?: PolicyManifest;
  readonly deletePolicy?: string;
  readonly setPodLabels?: { name: string; labels: Labels };
  readonly setNamespaceLabels?: { name: string; labels: Labels };
}

interface Step {
  readonly actions: readonly Action[];
  readonly expect: readonly { probes: readonly string[]; rows: readonly string[] }[];
  readonly pods: readonly string[];
}

interface Case {
  readonly id: number;
  readonly name: string;
  readonly steps: readonly Step[];
}

interface Head {
  readonly topology: { ips: Readonly<Record<string, string>> };
}

const [head, ...cases] =
  missingHere({ vectors: VECTORS }) === undefined
    ? readFileSync(vectorPath(VECTORS), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Head & Case)
    : [];

/** What is in the cluster after each step. */
class Cluster {
  readonly #policies = new Map<string, PolicyManifest>();
  readonly #podLabels = new Map<string, Labels>();
  readonly #namespaceLabels = new Map<string, Labels>();

  apply({ createPolicy, updatePolicy, deletePolicy, setPodLabels, setNamespaceLabels }: Action): void {
    const written = createPolicy ?? updatePolicy;
    if (written !== undefined) this.#policies.set(`${written.metadata.namespace}/${written.metadata.name}`, written);
    if (deletePolicy !== undefined) this.#policies.delete(deletePolicy);
    if (setPodLabels !== undefined) this.#podLabels.set(setPodLabels.name, setPodLabels.labels);
    if (setNamespaceLabels !== undefined) {
      this.#namespaceLabels.set(setNamespaceLabels.name, setNamespaceLabels.labels);
    }
  }

  world(pods: readonly string[]): NaivePolicies {
    const namespaces = [...new Set(pods.map((pod) => pod.split('/')[0]))];
    const manifests = [
      ...namespaces.map((name) => servingNamespace(name, this.#namespaceLabels.get(name) ?? namespaceLabels(name))),
      ...pods.map((pod) => {
        const [namespace, name] = pod.split('/');
        const labels = this.#podLabels.get(pod) ?? { pod: name };
        return servingPodManifest(servingPod(namespace, name, head.topology.ips[pod], labels));
      }),
      ...this.#policies.values(),
    ];
    return new NaivePolicies(manifests.map(resourceOf));
  }
}

/** The rows of a probe: `.` where a connection is possible. */
function rowsOf(world: NaivePolicies, pods: readonly string[], probe: string): string[] {
  const [protocol, port] = probe.split('/');
  const endpoints = pods.map((pod) => world.endpoints.get(`Pod ${pod}`)) as Endpoint[];
  return endpoints.map((source) =>
    endpoints
      .map((destination) => {
        if (source === destination) return '-';
        const passes = world.between(
          source,
          destination,
        )({
          version: 4,
          source: source.addresses[0],
          destination: destination.addresses[0],
          protocol: protocolNumber(protocol),
          sourcePort: 40_000,
          destinationPort: Number(port),
        });
        return passes ? '.' : 'X';
      })
      .join(''),
  );
}

describe("Kubernetes' end-to-end cases", () => {
  it('has vectors', (ctx) => {
    requireOrSkip(ctx, { vectors: VECTORS });
    expect(cases).toHaveLength(48);
  });

  it.each(cases)('$id: $name', ({ steps }) => {
    const cluster = new Cluster();
    for (const { actions, expect: expected, pods } of steps) {
      for (const action of actions) cluster.apply(action);
      const world = cluster.world(pods);
      for (const { probes, rows } of expected) {
        const found = probes.map((probe) => ({ probe, rows: rowsOf(world, pods, probe) }));
        expect(found).toEqual(probes.map((probe) => ({ probe, rows })));
      }
    }
  });
});
