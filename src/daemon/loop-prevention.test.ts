import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import type { KeptTableOptions } from '../nftables/kept-table.ts';
import { NftablesError } from '../nftables/nft.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { EventLog } from '../process/event-log.ts';
import { loopPreventionPlan } from './loop-prevention-plan.ts';
import { LoopPrevention } from './loop-prevention.ts';

function resource(kind: string, name: string, spec: object) {
  const result = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

const RANGES = resource('BGPConfiguration', 'default', {
  serviceClusterIPs: [{ cidr: '10.96.0.0/12' }, { cidr: 'fd00:96::/112' }],
  serviceExternalIPs: [{ cidr: '198.51.100.7/32' }],
  serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }],
});

const felix = (spec: object, name = 'default') => resource('FelixConfiguration', name, spec);

/** A node `n1` without Felix. */
function start(settings: { mode?: 'auto' | 'off'; felix?: 'auto' | 'present' | 'absent' } = {}) {
  const events = new EventLog(() => 0);
  const seen = { body: 'of before' as string | undefined, sets: 0, options: undefined as KeptTableOptions | undefined };
  const loops = new LoopPrevention({
    events,
    table: (options) => {
      seen.options = options;
      return {
        isThere: () => Promise.resolve(false),
        set: (body) => {
          seen.body = body;
          seen.sets++;
        },
        stop: () => Promise.resolve(),
      };
    },
  });
  loops.begin();
  const apply = (...resources: ReturnType<typeof resource>[]) =>
    loops.apply(loopPreventionPlan(clusterView(resources), 'n1', { mode: 'auto', felix: 'auto', ...settings }));
  return { loops, seen, apply, words: () => events.after(0).map(({ words }) => words) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A turn of the event loop. */
const turn = () => vi.advanceTimersByTimeAsync(0);

describe('loop prevention', () => {
  it('drops what nobody serves in the ranges of services, single addresses among them', () => {
    const { seen, apply, words } = start();
    apply(RANGES);
    expect(seen.body).toContain('elements = { 10.96.0.0/12, 203.0.113.0/24 }');
    expect(seen.body).toContain('elements = { 198.51.100.7 }');
    expect(seen.body).toContain('elements = { fd00:96::/112 }');
    expect(seen.body).toContain('counter drop');
    expect(words()).toEqual([
      'packets to addresses of services in 10.96.0.0/12, fd00:96::/112, 198.51.100.7/32, 203.0.113.0/24 that nobody serves are dropped, by table inet starling_loops of nftables',
    ]);
    apply(RANGES);
    expect(words()).toHaveLength(1);
  });

  it.each([
    ['rejects where Felix is to', { felix: 'absent' }, [felix({ serviceLoopPrevention: 'Reject' })], 'counter reject'],
    [
      'goes by what is said for the node first',
      { felix: 'absent' },
      [felix({ serviceLoopPrevention: 'Reject' }), felix({ serviceLoopPrevention: 'Drop' }, 'node.n1')],
      'counter drop',
    ],
  ] as const)('%s', (_what, settings, resources, rule) => {
    const { seen, apply } = start(settings);
    apply(RANGES, ...resources);
    expect(seen.body).toContain(rule);
  });

  it.each([
    [
      'Felix is on the node',
      {},
      [felix({})],
      'Felix drops them: there is FelixConfiguration "default", so there is Felix.',
    ],
    ['Felix is said to be', { felix: 'present' }, [], 'Felix drops them: fib.felix is present.'],
    ['it is off', { mode: 'off' }, [], 'services.loopPrevention is off.'],
    [
      'it is disabled',
      { felix: 'absent' },
      [felix({ serviceLoopPrevention: 'Disabled' }, 'node.n1')],
      'FelixConfiguration "node.n1" has serviceLoopPrevention: Disabled.',
    ],
  ] as const)('has no table where %s', (_what, settings, resources, why) => {
    const { seen, apply, words } = start(settings);
    apply(RANGES, ...resources);
    expect(seen.body).toBeUndefined();
    expect(words()).toEqual([
      `packets to addresses of services that nobody serves are not dropped by Starling: ${why}`,
    ]);
  });

  it('has no table, and says nothing, where there are no services', () => {
    const { seen, apply, words } = start();
    apply();
    expect([seen.body, words()]).toEqual([undefined, []]);
  });

  it('is for addresses outside of the ranges, too, while they are advertised', async () => {
    const { loops, seen, apply } = start();
    const routes = (...prefixes: string[]) => prefixes.map((prefix) => ({ prefix: parsePrefix(prefix) }));
    loops.changeServices(routes('192.0.2.1/32', '203.0.113.5/32'), []);
    apply(RANGES);
    expect(seen.body).toContain('elements = { 192.0.2.1, 198.51.100.7 }');
    const { sets } = seen;
    loops.changeServices(routes('203.0.113.6/32'), [parsePrefix('203.0.113.5/32')]);
    await turn();
    expect(seen.sets).toBe(sets);
    loops.changeServices(routes('192.0.2.0/28'), []);
    loops.changeServices([], [parsePrefix('192.0.2.1/32')]);
    await turn();
    expect(seen.sets).toBe(sets + 1);
    expect(seen.body).toContain('elements = { 10.96.0.0/12, 192.0.2.0/28, 203.0.113.0/24 }');
    apply();
    expect(seen.body).toContain('elements = { 192.0.2.0/28 }');
    expect(seen.body).toContain('elements = { 203.0.113.6 }');
  });

  it('leaves what has a route of its own, whoever has it', async () => {
    const { loops, seen, apply } = start();
    const prefixes = (...texts: string[]) => texts.map(parsePrefix);
    apply(RANGES);
    loops.changeServed('rib', { added: prefixes('203.0.113.9/32'), removed: [] });
    loops.changeServed('others', { added: prefixes('203.0.113.9/32', '10.100.0.0/16'), removed: [] });
    await turn();
    expect(seen.body).toContain(
      'set served4 {\n\t\ttype ipv4_addr; flags interval;\n\t\telements = { 10.100.0.0/16 }\n\t}\n\tset served4_single {\n\t\ttype ipv4_addr;\n\t\telements = { 203.0.113.9 }',
    );
    loops.changeServed('others', { added: [], removed: prefixes('203.0.113.9/32', '10.100.0.0/16') });
    await turn();
    expect(seen.body).toContain('elements = { 203.0.113.9 }');
    loops.changeServed('rib', { added: [], removed: prefixes('203.0.113.9/32') });
    await turn();
    expect(seen.body).not.toContain('served4');
  });

  it('takes a small share of the time, however often routes change', async () => {
    let sets = 0;
    const set = (): void => {
      sets++;
      vi.advanceTimersByTime(10);
    };
    const table = { isThere: () => Promise.resolve(false), set, stop: () => Promise.resolve() };
    const loops = new LoopPrevention({ events: new EventLog(() => 0), table: () => table });
    await loops.start();
    loops.apply(loopPreventionPlan(clusterView([RANGES]), 'n1', { mode: 'auto', felix: 'auto' }));
    sets = 0;
    const prefixes = [parsePrefix('203.0.113.9/32')];
    for (let change = 0; change < 1000; change++) {
      loops.changeServed('rib', change % 2 === 0 ? { added: prefixes, removed: [] } : { added: [], removed: prefixes });
      await vi.advanceTimersByTimeAsync(2);
    }
    expect(sets).toBeGreaterThan(5);
    expect(sets).toBeLessThan(15);
    // The last change is taken, too.
    await vi.advanceTimersByTimeAsync(500);
    const last = sets;
    await vi.advanceTimersByTimeAsync(500);
    expect(sets).toBe(last);
    await loops.stop({ keep: true });
  });

  it.each([
    ['lets the table of an earlier run be until it is known what has routes', true, 0],
    ['writes the table at once where there was none', false, 1],
  ])('%s', async (_what, isThere, early) => {
    const bodies: unknown[] = [];
    const set = (body: unknown) => void bodies.push(body);
    const table = { isThere: () => Promise.resolve(isThere), set, stop: () => Promise.resolve() };
    const loops = new LoopPrevention({ events: new EventLog(() => 0), table: () => table });
    await loops.start();
    loops.apply(loopPreventionPlan(clusterView([RANGES]), 'n1', { mode: 'auto', felix: 'auto' }));
    expect(bodies).toHaveLength(early);
    loops.changeServed('rib', { added: [parsePrefix('203.0.113.9/32')], removed: [] });
    await turn();
    expect(bodies).toHaveLength(2 * early);
    loops.begin();
    expect(bodies.at(-1)).toContain('203.0.113.9');
  });

  it('tells what is in the way, and that it is over', () => {
    const { loops, seen, apply, words } = start();
    apply(RANGES);
    seen.options?.troubled(new NftablesError('NFT_MISSING', 'the nft command is not installed'));
    expect(loops.problems).toEqual([
      "Packets to addresses of services that nobody serves may loop, because they can't be dropped here: the nft command is not installed.",
    ]);
    seen.options?.troubled(undefined);
    expect(loops.problems).toEqual([]);
    seen.options?.repaired();
    expect(words().slice(2)).toEqual([
      'table inet starling_loops of nftables is as it should be',
      'table inet starling_loops of nftables was changed by another program; it is as it should be again',
    ]);
  });
});
