/** The kernel's verdicts on random packets under random policies, beside those of the decision in words. */
import fc from 'fast-check';
import { beforeEach, expect, it } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import type { Packet } from '../../src/policy/decide.ts';
import { RulesetRenderer } from '../../src/ruleset/ruleset-renderer.ts';
import { OUTSIDE, PacketScene } from '../support/packet-scene.ts';
import type { Arrival } from '../support/packet-scene.ts';
import { linkOf, lookupIn, randomModel, randomPackets } from '../support/ruleset-arbitraries.ts';
import type { RandomModel } from '../support/ruleset-arbitraries.ts';
import { changes, settingsOf } from '../support/ruleset-model.ts';
import { requireOrSkip } from '../support/skip.ts';
import { TableRecord } from '../support/table-record.ts';

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip', 'nft', 'sysctl'] }));

/** Every packet is the first of its connection. */
const WITHOUT_TRACKING = `
add table inet test
add chain inet test raw { type filter hook prerouting priority -400; policy accept; }
add rule inet test raw notrack
`;

function rendered({ members, policies, profiles, rules, workloads, host }: RandomModel): TableRecord {
  const table = new TableRecord();
  const sets = [...members].map(([set, added]) => ({ set, added }));
  const settings = settingsOf();
  new RulesetRenderer(table).apply(changes({ sets, policies, profiles, rules, workloads, hosts: [host], settings }));
  return table;
}

/** The layers that a packet goes through, and what decides there. */
function judge(model: RandomModel, { link, packet }: Arrival): { passes: boolean; trail: string[] } {
  const sets = lookupIn(model);
  const of = {
    policy: (key: string) => model.policies.find((policy) => policy.key === key),
    profile: (name: string) => model.profiles.find((profile) => profile.name === name),
    sets,
  };
  const to = linkOf(packet.destination);
  const asked = [
    ...(link === OUTSIDE ? ['early', 'ingress-up'] : [`egress${link}`]),
    to === OUTSIDE ? 'egress-up' : `ingress${to}`,
  ];
  const decisions = asked.map((id) => ({
    id,
    ...decide(
      model.rules.find((one) => one.id === id)!,
      packet,
      of,
    ),
  }));
  const isSpoofed = link !== OUTSIDE && linkOf(packet.source) !== link && !maySpoof(link, packet);
  const isEncapsulated = link !== OUTSIDE && packet.protocol === 17 && packet.destinationPort === 4789;
  const passes = !isSpoofed && !isEncapsulated && decisions.every(({ verdict }) => verdict === 'allow');
  return { passes, trail: decisions.flatMap(({ id, verdict, trail }) => [`${id}: ${verdict}`, ...trail]) };
}

/** The workload at link 2 has some addresses of others. */
function maySpoof(link: number, { source }: Packet): boolean {
  return link === 2 && (source === '192.0.2.1' || source.startsWith('fd00:65:a1::'));
}

it('are the same', async () => {
  using scene = new PacketScene();
  scene.nft(WITHOUT_TRACKING);
  const seen = { passed: 0, dropped: 0 };
  await fc.assert(
    fc.asyncProperty(randomModel, randomPackets, async (model, packets) => {
      const table = rendered(model);
      expect(table.dangling()).toEqual([]);
      scene.nft(table.script('starling_policy'));
      const judged = packets.map((arrival) => judge(model, arrival));
      const wanted = new Set(judged.flatMap(({ passes }, index) => (passes ? [index] : [])));
      const passed = await scene.send(packets, wanted);
      const wrong = packets.findIndex((_, index) => wanted.has(index) !== passed.has(index));
      // Some rules nft loads and cannot list.
      expect(scene.ask('nft', 'list', 'table', 'inet', 'starling_policy')).toContain('chain workload_out_egress0');
      if (wrong >= 0) throw new Error(complaint(table, packets[wrong], judged[wrong], passed.has(wrong)));
      seen.passed += passed.size;
      seen.dropped += packets.length - passed.size;
    }),
    { numRuns: Number(process.env['RUNS'] ?? 20), endOnFailure: true },
  );
  // Neither is told by chance only.
  expect(Math.min(seen.passed, seen.dropped)).toBeGreaterThan(500);
});

function complaint(table: TableRecord, arrival: Arrival, judged: ReturnType<typeof judge>, passed: boolean): string {
  const words = passed ? 'let through' : 'dropped';
  return [`the kernel ${words} ${JSON.stringify(arrival)}`, ...judged.trail, table.script('starling_policy')].join(
    '\n',
  );
}
