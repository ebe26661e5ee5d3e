/** Policies, a packet each, and what Calico decides: shared vectors of evaluation. */
import { readFileSync } from 'node:fs';
import { compileProfile } from '../../src/policy/compile-profile.ts';
import type { Packet } from '../../src/policy/decide.ts';
import { protocolNumber } from '../../src/net/protocols.ts';
import type { Direction } from '../../src/policy/rule.ts';
import type { Labels } from '../../src/resources/selector.ts';
import { NaivePolicies } from './naive-policies.ts';
import { calicoPolicy, resourceOf } from './policy-resources.ts';
import { missingHere, vectorPath } from './skip.ts';

/** Where they are, see {@link vectorPath}. */
export const EVALUATION = 'policy/policy_eval.jsonl';

const V3 = 'projectcalico.org/v3';

type Spec = Readonly<Record<string, unknown>>;

/** The rows of a file of vectors; none where it is not there. */
export function rowsOf<T>(file: string): T[] {
  if (missingHere({ vectors: file }) !== undefined) return [];
  const lines = readFileSync(vectorPath(file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}

interface World {
  readonly endpoints: readonly {
    name: string;
    ips: readonly string[];
    labels: Labels;
    ports?: readonly { name: string; protocol: string; port: number }[];
  }[];
}

export interface Evaluation {
  readonly id: number;
  readonly name: string;
  readonly dir: Direction;
  readonly endpoint: { labels: Labels; profiles: readonly string[] };
  readonly tiers: Readonly<Record<string, Spec>>;
  readonly profiles: Readonly<Record<string, Spec>>;
  readonly policies: readonly ({ name: string; namespace?: string } & Spec)[];
  readonly packet: {
    src: string;
    dst: string;
    proto: string | number;
    sport?: number;
    dport?: number;
    type?: number;
    code?: number;
    ct?: string;
  };
  readonly verdict: string;
  readonly by: string;
}

const [world, ...rows] = rowsOf<World & Evaluation>(EVALUATION);

/** Those about packets that begin a connection: others pass before anything is asked, and the kernel sees to that. */
export const evaluations: readonly Evaluation[] = rows.filter(({ packet }) => packet.ct === undefined);

/** The packet of a vector. */
export function packetOf({ packet }: Evaluation): Packet {
  const { type, code } = packet;
  return {
    version: packet.src.includes(':') ? 6 : 4,
    source: packet.src,
    destination: packet.dst,
    protocol: protocolNumber(packet.proto),
    ...(packet.sport === undefined ? {} : { sourcePort: packet.sport }),
    ...(packet.dport === undefined ? {} : { destinationPort: packet.dport }),
    ...(type === undefined || code === undefined ? {} : { icmp: { type, code } }),
  };
}

/** Policies and endpoints of a vector. */
export function worldOf({ tiers, profiles, policies }: Evaluation): NaivePolicies {
  const resources = [
    ...Object.entries(tiers).map(([name, spec]) => ({ apiVersion: V3, kind: 'Tier', metadata: { name }, spec })),
    ...policies.map(({ name, namespace, ...spec }) => calicoPolicy(name, without(spec, 'kind'), namespace)),
  ];
  const naive = new NaivePolicies(resources.map(resourceOf));
  for (const [name, spec] of Object.entries(profiles)) {
    const profile = resourceOf({ apiVersion: V3, kind: 'Profile', metadata: { name }, spec });
    if (profile.kind === 'Profile') naive.addProfile(compileProfile(profile).profile);
  }
  for (const { name, ips, labels, ports = [] } of world.endpoints) {
    naive.addEndpoint({
      key: name,
      kind: 'workload',
      name,
      labels,
      profiles: [],
      addresses: ips,
      ports: ports.map((port) => ({ ...port, protocol: protocolNumber(port.protocol) })),
    });
  }
  return naive;
}

function without(spec: Spec, field: string): Spec {
  return Object.fromEntries(Object.entries(spec).filter(([name]) => name !== field));
}
