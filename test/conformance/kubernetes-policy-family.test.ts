/** A family of NetworkPolicies against what their fields say, for all connections between nine pods. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import type { Packet } from '../../src/policy/decide.ts';
import type { Endpoint } from '../../src/policy/endpoint.ts';
import { PolicyEngine } from '../../src/policy/policy-engine.ts';
import { protocolNumber } from '../../src/net/protocols.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { oracleAllows } from '../support/kubernetes-oracle.ts';
import type { OracleCluster, OraclePod } from '../support/kubernetes-oracle.ts';
import {
  PORTS,
  PROTOCOLS,
  namespaceLabels,
  servingNamespace,
  servingPod,
  servingPodManifest,
} from '../support/kubernetes-topology.ts';
import { NaivePolicies } from '../support/naive-policies.ts';
import { FAMILY } from '../support/policy-family.ts';
import type { FamilyStep } from '../support/policy-family.ts';
import { kubernetesPolicy, resourceOf } from '../support/policy-resources.ts';

const NAMESPACES = ['x', 'y', 'z'];
const PODS = ['a', 'b', 'c'];

function clusterOf({ policies, labels = {} }: FamilyStep): OracleCluster {
  const namespaces = NAMESPACES.map((name): [string, Record<string, string>] => [
    name,
    { 'kubernetes.io/metadata.name': name, ...(labels[name] ?? namespaceLabels(name)) },
  ]);
  const pods = NAMESPACES.flatMap((namespace, i) =>
    PODS.map((name, j) =>
      servingPod(namespace, name, `10.65.0.${16 * i + j + 2}`, labels[`${namespace}/${name}`] ?? { pod: name }),
    ),
  );
  return { namespaces: new Map(namespaces), pods, policies };
}

function resourcesOf({ namespaces, pods, policies }: OracleCluster): AnyResource[] {
  const manifests = [
    ...Array.from(namespaces, ([name, labels]) => servingNamespace(name, labels)),
    ...pods.map(servingPodManifest),
    ...policies.map(({ name, namespace, spec }) => kubernetesPolicy(name, namespace, spec)),
  ];
  return manifests.map(resourceOf);
}

/** Whether a packet passes the policies of both, as the index has them. */
function passesEngine(engine: PolicyEngine, packet: Packet, source: OraclePod, destination: OraclePod): boolean {
  const sides = [
    [source, 'egress'],
    [destination, 'ingress'],
  ] as const;
  return sides.every(([{ namespace, name }, direction]) => {
    const endpoint = engine.endpoint(`Pod ${namespace}/${name}`) as Endpoint;
    const of = {
      policy: (key: string) => engine.policy(key),
      profile: (profile: string) => engine.profile(profile),
      sets: engine.lookup,
    };
    return decide(engine.rulesOf(endpoint, direction, 'workload'), packet, of).verdict === 'allow';
  });
}

/** The connections between all pods that are possible: `x/a y/b TCP/80`. */
function possible(
  pods: readonly OraclePod[],
  between: (source: OraclePod, destination: OraclePod) => Allows,
): string[] {
  return pods.flatMap((source) =>
    pods.flatMap((destination) => {
      if (source === destination) return [];
      const allows = between(source, destination);
      return PROTOCOLS.flatMap((protocol) =>
        PORTS.filter((port) => allows(protocol, port)).map(
          (port) =>
            `${source.namespace}/${source.name} ${destination.namespace}/${destination.name} ${protocol}/${port}`,
        ),
      );
    }),
  );
}

type Allows = (protocol: string, port: number) => boolean;

describe('connections between pods', () => {
  it.each(FAMILY)('$name', ({ steps }) => {
    for (const step of steps) {
      const cluster = clusterOf(step);
      const world = new NaivePolicies(resourcesOf(cluster));
      const endpointOf = ({ namespace, name }: OraclePod) =>
        world.endpoints.get(`Pod ${namespace}/${name}`) as Endpoint;
      const decided = possible(cluster.pods, (source, destination) => {
        const passes = world.between(endpointOf(source), endpointOf(destination));
        const ends = { version: 4, source: source.address, destination: destination.address } as const;
        return (protocol, port) =>
          passes({ ...ends, protocol: protocolNumber(protocol), sourcePort: 40_000, destinationPort: port });
      });
      const meant = possible(
        cluster.pods,
        (source, destination) => (protocol, port) => oracleAllows(cluster, { source, destination, protocol, port }),
      );
      expect(decided).toEqual(meant);
    }
  });

  it('are the same by an index that goes from one to the next', () => {
    const engine = new PolicyEngine({ node: 'node' });
    const wrong = FAMILY.flatMap(({ name, steps }) =>
      steps.flatMap((step) => {
        const cluster = clusterOf(step);
        engine.snapshot(resourcesOf(cluster));
        const [target] = cluster.pods;
        return cluster.pods.slice(1).flatMap((pod) =>
          [[target, pod] as const, [pod, target] as const].flatMap(([source, destination]) => {
            const ends = { version: 4, source: source.address, destination: destination.address } as const;
            const packet = { ...ends, protocol: 6, sourcePort: 40_000, destinationPort: 80 };
            const passes = passesEngine(engine, packet, source, destination);
            const meant = oracleAllows(cluster, { source, destination, protocol: 'TCP', port: 80 });
            return passes === meant ? [] : [`${name}: ${source.address} to ${destination.address}`];
          }),
        );
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('come out in many different ways', () => {
    const outcomes = FAMILY.map(({ steps }) => {
      const cluster = clusterOf(steps[0]);
      return possible(
        cluster.pods,
        (source, destination) => (protocol, port) => oracleAllows(cluster, { source, destination, protocol, port }),
      ).join();
    });
    expect(new Set(outcomes).size).toBeGreaterThan(FAMILY.length / 4);
  });
});
