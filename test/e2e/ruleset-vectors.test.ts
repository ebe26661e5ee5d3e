/** The shared vectors of evaluation, with packets through the kernel. */
import { beforeEach, expect, it } from 'vitest';
import type { Endpoint } from '../../src/policy/endpoint.ts';
import type { ModelChanges } from '../../src/policy/model.ts';
import type { Rule, SetSpec } from '../../src/policy/rule.ts';
import { RulesetRenderer } from '../../src/ruleset/ruleset-renderer.ts';
import type { NaivePolicies } from '../support/naive-policies.ts';
import { OUTSIDE, PacketScene } from '../support/packet-scene.ts';
import { EVALUATION, evaluations, packetOf, worldOf } from '../support/policy-evaluations.ts';
import type { Evaluation } from '../support/policy-evaluations.ts';
import { changes, rulesOf, settingsOf, workloadAt } from '../support/ruleset-model.ts';
import { requireOrSkip } from '../support/skip.ts';
import { TableRecord } from '../support/table-record.ts';

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip', 'nft', 'sysctl'], vectors: EVALUATION }));

/** The endpoint of the vectors, 10.65.0.2, is at cali0; in the other direction it is open. */
function modelOf(vector: Evaluation): ModelChanges {
  const policies = worldOf(vector);
  const isIngress = vector.dir === 'ingress';
  const judged = { ...policies.rulesOf(vector.endpoint, vector.dir), id: 'judged' };
  const open = rulesOf({ id: 'open', direction: isIngress ? 'egress' : 'ingress', profiles: ['all'] });
  const judges = [...policies.policies.values(), ...policies.profiles.values()];
  const rules = judges.flatMap(({ ingress, egress }) => [...(ingress ?? []), ...(egress ?? [])]);
  const sets = new Map(rules.flatMap(setsOf).map((set) => [set.id, set]));
  const ids = isIngress ? { ingress: 'judged', egress: 'open' } : { ingress: 'open', egress: 'judged' };
  return changes({
    settings: settingsOf(),
    sets: [...sets.values()].map((set) => ({ set, added: membersOf(set, policies) })),
    policies: [...policies.policies.values()],
    profiles: [...policies.profiles.values(), { name: 'all', ingress: [{}], egress: [{}] }],
    rules: [judged, open],
    workloads: [workloadAt('cali0', ids)],
  });
}

function setsOf({ source, destination }: Rule): SetSpec[] {
  return [source, destination].flatMap((end) =>
    [end.in, end.notIn, ...(end.ports?.sets ?? []), ...(end.notPorts?.sets ?? [])].filter((set) => set !== undefined),
  );
}

function membersOf(set: SetSpec, { endpoints, sets }: NaivePolicies): string[] {
  const all: Endpoint[] = [...endpoints.values()];
  if (set.kind === 'addresses') {
    return all.flatMap(({ addresses }) => addresses).filter((address) => sets.hasAddress(set, address));
  }
  return all.flatMap(({ addresses, ports }) =>
    addresses.flatMap((address) =>
      ports
        .filter(({ protocol, port }) => sets.hasPort(set, address, protocol, port))
        .map(({ protocol, port }) => `${address} ${protocol} ${port}`),
    ),
  );
}

it('are decided by the kernel as by Calico', async () => {
  using scene = new PacketScene();
  // Checksums of the packets are not right, which only connection tracking would mind.
  scene.nft(`
    add table inet test
    add chain inet test raw { type filter hook prerouting priority -400; policy accept; }
    add rule inet test raw notrack
  `);
  const verdicts: [number, string][] = [];
  for (const vector of evaluations) {
    const table = new TableRecord();
    new RulesetRenderer(table).apply(modelOf(vector));
    scene.nft(table.script('starling_policy'));
    const arrival = { link: vector.dir === 'ingress' ? OUTSIDE : 0, packet: packetOf(vector) };
    const awaited = new Set(vector.verdict === 'allow' ? [0] : []);
    const passed = await scene.send([arrival], awaited);
    verdicts.push([vector.id, passed.has(0) ? 'allow' : 'deny']);
  }
  expect(verdicts).toEqual(evaluations.map(({ id, verdict }) => [id, verdict]));
  expect(verdicts).not.toEqual([]);
});
