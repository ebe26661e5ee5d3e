import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OWN_NODE, configuration, node, service, slice } from '../../test/support/service-cluster.ts';
import { formatPrefix } from '../net/prefix.ts';
import { applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { EventLog } from '../process/event-log.ts';
import { ServiceRunner } from './services.ts';
import type { ServiceSettings } from './services.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SETTINGS: ServiceSettings = {
  guard: { enabled: true, maxWithdrawPercent: 50, minPrefixes: 3, holdTime: 10 },
  withdrawDelay: 0,
  mode: 'mended',
};

const VIEW = clusterView([node(OWN_NODE), configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }] })]);
const NO_RANGES = clusterView([node(OWN_NODE), configuration({})]);

const nameOf = (number: number): string => `s${number}`;

/** A load balancer's Service whose traffic stays on the node: 192.0.2.`number`. */
function web(number: number): AnyResource {
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', clusterIPs: [`10.96.0.${number}`] };
  return service(spec, { name: nameOf(number), ingress: [`192.0.2.${number}`] });
}

/** Its endpoints: one on this node, ready or not, and one on another. */
function endpoints(number: number, ready: boolean): AnyResource {
  return slice(`${ready ? '' : '!'}${OWN_NODE} node-2`, { of: nameOf(number) });
}

const upsert = (resource: AnyResource): Change => ({ type: 'upsert', resource });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const all = (count: number): AnyResource[] =>
  numbers(count).flatMap((number) => [web(number), endpoints(number, true)]);

function start(settings: Partial<ServiceSettings> = {}) {
  const events = new EventLog(() => 0);
  const words: string[] = [];
  events.subscribe(({ subject, words: text }) => void words.push(`${subject}: ${text}`));
  const told = new Map<string, number>();
  const runner = new ServiceRunner({
    node: OWN_NODE,
    settings: { ...SETTINGS, ...settings },
    events,
    change: (set, removed) => {
      for (const prefix of removed) told.delete(formatPrefix(prefix));
      for (const { prefix, label } of set) told.set(formatPrefix(prefix), label);
    },
    failed: (error) => {
      throw error;
    },
  });
  return { runner, told, words, routes: () => [...told.keys()].sort() };
}

describe('the services of a node', () => {
  it('are announced once the node is known, and change at once from then on', () => {
    const { runner, routes } = start();
    runner.snapshot(all(2));
    runner.context(VIEW);
    expect(routes()).toEqual([]);
    runner.begin();
    expect(routes()).toEqual(['192.0.2.0/24', '192.0.2.1/32', '192.0.2.2/32']);
    runner.changes([upsert(endpoints(1, false))]);
    expect(routes()).toEqual(['192.0.2.0/24', '192.0.2.2/32']);
    runner.changes([upsert(endpoints(1, true)), { type: 'delete', kind: 'Service', namespace: 'default', name: 's2' }]);
    expect(routes()).toEqual(['192.0.2.0/24', '192.0.2.1/32']);
    expect(runner.counters).toMatchObject({ services: 1, routes: 2, aggregates: 1, held: 0, changes: 6 });
  });

  it('go at once from a node that its label excludes', () => {
    const { runner, routes } = start();
    runner.begin();
    runner.snapshot(all(5));
    runner.context(VIEW);
    const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' };
    runner.context(applyChanges(VIEW, [upsert(node(OWN_NODE, labels))]));
    expect([routes(), runner.heldCount]).toEqual([[], 0]);
  });

  it('stay for the hold time when most of them go at once', async () => {
    const { runner, told, words } = start();
    runner.begin();
    runner.snapshot(all(5));
    runner.context(VIEW);
    runner.snapshot([]);
    expect(told.size).toBe(6);
    expect(words.at(-1)).toBe(
      'services: 5 of 6 routes to services would be withdrawn at once, and the limit is 50 % (services.guard): they are kept for 10 s; one of them is 192.0.2.1/32',
    );
    await vi.advanceTimersByTimeAsync(1000);
    expect(runner.problems).toEqual([
      '5 routes to services are wanted no more, and kept for 9 s in case that is a mistake.',
    ]);
    runner.changes([upsert(web(2)), upsert(endpoints(2, true))]);
    await vi.advanceTimersByTimeAsync(8999);
    expect(told.size).toBe(6);
    await vi.advanceTimersByTimeAsync(1);
    expect(words.slice(-2)).toEqual([
      expect.stringMatching(/^services: 1 routes to services .* are wanted again, and stay/) as string,
      expect.stringMatching(/^services: 4 routes to services .* are withdrawn/) as string,
    ]);
    expect([...told.keys()].sort()).toEqual(['192.0.2.0/24', '192.0.2.2/32']);
    expect(runner.problems).toEqual([]);
  });

  it('stay also when their endpoints go one by one, until others have them', async () => {
    const { runner, words, routes } = start();
    runner.begin();
    runner.snapshot(all(5));
    runner.context(VIEW);
    for (const number of numbers(5)) runner.changes([upsert(slice('', { of: nameOf(number) }))]);
    expect(routes()).toHaveLength(6);
    expect(words.filter((text) => text.startsWith('services: '))).toHaveLength(2);
    // A pod that was started on another node.
    runner.changes([upsert(endpoints(3, false))]);
    await vi.advanceTimersByTimeAsync(100);
    expect(routes()).toEqual(['192.0.2.0/24', '192.0.2.1/32', '192.0.2.2/32', '192.0.2.4/32', '192.0.2.5/32']);
    await vi.advanceTimersByTimeAsync(9900);
    expect(routes()).toEqual(['192.0.2.0/24']);
  });

  it('go at once when all their pods move to another node', () => {
    const { runner, routes } = start();
    runner.begin();
    runner.snapshot(all(5));
    runner.context(VIEW);
    runner.changes(numbers(5).map((number) => upsert(endpoints(number, false))));
    expect(routes()).toEqual(['192.0.2.0/24']);
  });

  it('stay when a setting takes them away, whoever has endpoints', () => {
    const { runner, routes } = start();
    runner.begin();
    runner.snapshot(all(5));
    runner.context(VIEW);
    runner.context(NO_RANGES);
    expect(routes()).toHaveLength(6);
  });

  it('go at once in a drain, and come back as they are wanted by then', async () => {
    const { runner, routes } = start({ withdrawDelay: 5 });
    runner.snapshot(all(4));
    runner.context(VIEW);
    runner.withhold(true);
    runner.begin();
    expect(routes()).toEqual([]);
    runner.withhold(false);
    expect(routes()).toHaveLength(5);
    runner.changes([upsert(endpoints(1, false))]);
    expect(runner.heldCount).toBe(1);
    runner.withhold(true);
    expect([routes(), runner.heldCount, runner.withheld]).toEqual([[], 0, true]);
    runner.changes([upsert(endpoints(2, false))]);
    runner.withhold(false);
    expect(routes()).toEqual(['192.0.2.0/24', '192.0.2.3/32', '192.0.2.4/32']);
    runner.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(routes()).toHaveLength(3);
  });

  it('follow the configuration while they run', () => {
    const { runner, routes } = start();
    runner.begin();
    runner.snapshot([...all(4), slice(`~${OWN_NODE}`, { of: nameOf(1) })]);
    runner.context(VIEW);
    expect(routes()).toHaveLength(5);
    // Calico does not look at endpoints that terminate.
    runner.configure({ ...SETTINGS, mode: 'strict' });
    expect(routes()).not.toContain('192.0.2.1/32');
    runner.configure({ ...SETTINGS, guard: { ...SETTINGS.guard, enabled: false } });
    runner.snapshot([]);
    expect(routes()).toEqual(['192.0.2.0/24']);
  });

  it('tell of a few changes one by one, and of many in one sentence', async () => {
    const { runner, words } = start({ guard: { ...SETTINGS.guard, enabled: false } });
    runner.begin();
    runner.context(VIEW);
    expect(words).toEqual([expect.stringMatching(/^192\.0\.2\.0\/24: originated: .*serviceLoadBalancerIPs/) as string]);
    await vi.advanceTimersByTimeAsync(1000);
    runner.snapshot(all(200));
    await vi.advanceTimersByTimeAsync(1000);
    expect(words.slice(1)).toEqual([
      'services: routes to services: 200 announced, 0 changed, 0 withdrawn; one of them is 192.0.2.1/32',
    ]);
    for (const number of numbers(200)) runner.changes([upsert(endpoints(number, false))]);
    for (const number of numbers(100)) runner.changes([upsert(endpoints(number, true))]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(words.slice(2)).toEqual([
      expect.stringMatching(/^192\.0\.2\.1\/32: no longer originated: .*endpoint/) as string,
      'services: routes to services: 1 announced, 99 changed, 100 withdrawn; one of them is 192.0.2.2/32',
    ]);
  });

  it('end the same whatever order services, endpoints and settings come in', () => {
    const step = fc.oneof(
      fc.record({ number: fc.integer({ min: 1, max: 4 }), ready: fc.boolean() }),
      fc.record({ number: fc.integer({ min: 1, max: 4 }), there: fc.boolean() }),
      fc.record({ ranges: fc.boolean() }),
      fc.record({ withheld: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.nat(), (steps, seed) => {
        const { runner, told } = start({ guard: { ...SETTINGS.guard, enabled: false } });
        const state = new Map<string, AnyResource>();
        let view = VIEW;
        let withheld = false;
        for (const [index, one] of steps.entries()) {
          if (index === seed % 25) runner.begin();
          if ('ranges' in one) runner.context((view = one.ranges ? VIEW : NO_RANGES));
          else if ('withheld' in one) runner.withhold((withheld = one.withheld));
          else if ('ready' in one) {
            const resource = endpoints(one.number, one.ready);
            state.set(`slice ${one.number}`, resource);
            runner.changes([upsert(resource)]);
          } else if (one.there) {
            state.set(`service ${one.number}`, web(one.number));
            runner.changes([upsert(web(one.number))]);
          } else {
            state.delete(`service ${one.number}`);
            runner.changes([{ type: 'delete', kind: 'Service', namespace: 'default', name: nameOf(one.number) }]);
          }
        }
        runner.context(view);
        runner.begin();
        const other = start();
        other.runner.context(view);
        other.runner.begin();
        other.runner.withhold(withheld);
        other.runner.snapshot([...state.values()]);
        expect([...told.keys()].sort()).toEqual(other.routes());
      }),
      { numRuns: 60 },
    );
  });
});
