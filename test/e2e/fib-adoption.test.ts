/** What the built FIB makes of routes that are in the real kernel already, and how few messages a switch takes. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Fib, FibStatistics } from '../../src/fib/fib.ts';
import type { FibNextHop } from '../../src/fib/next-hop.ts';
import type { FibTrouble } from '../../src/fib/worker-messages.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FibNode, kernelRoutes, settled } from './fib-fixture.ts';

const MANY = 20_000;

function via(...addresses: string[]): FibNextHop[] {
  return addresses.map((address) => ({ address, weight: 1 }));
}

function set(fib: Fib, prefix: string, group: number): void {
  const { family, words, length } = parsePrefix(prefix);
  fib.set(family, ...words, length, group);
}

function setMany(fib: Fib, group: number): void {
  for (let i = 0; i < MANY; i++) fib.set(0, (0x14000000 + (i << 8)) >>> 0, 0, 0, 0, 24, group);
}

async function sync(fib: Fib): Promise<void> {
  fib.endOfInitialSync();
  await settled(fib);
}

/** A FIB in sync, with many routes that share two next hops, and its statistics then. */
async function sharing(node: FibNode): Promise<{ fib: Fib; before: FibStatistics }> {
  const fib = await node.startFib();
  fib.defineGroup(4, via('10.0.0.2', '10.0.1.2'));
  setMany(fib, 4);
  await sync(fib);
  return { fib, before: fib.statistics };
}

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip'] }));

describe('a restart', () => {
  it('takes 20,000 routes over without a single write', async () => {
    await using node = new FibNode();
    const first = await node.startFib();
    first.defineGroup(4, via('10.0.0.2', '10.0.1.2'));
    setMany(first, 4);
    await settled(first);
    await first.stop({ keepRoutes: true });
    using monitor = node.monitor();
    const second = await node.startFib();
    second.defineGroup(8, via('10.0.1.2', '10.0.0.2'));
    setMany(second, 8);
    await settled(second);
    await sync(second);
    expect(second.statistics).toMatchObject({
      adopted: MANY,
      installed: MANY,
      written: 0,
      removed: 0,
      groupWrites: 0,
      repaired: 0,
    });
    expect(monitor.take()).toBe(0);
  });

  it('replaces routes as BIRD leaves them in place, of both families and all kinds', async () => {
    await using node = new FibNode();
    const bird = ['proto', 'bird', 'metric', '1024'];
    const both4 = ['nexthop', 'via', '10.0.0.2', 'nexthop', 'via', '10.0.1.2'];
    const both6 = ['nexthop', 'via', 'fd00::2', 'nexthop', 'via', 'fd00:1::2'];
    node.ip('route', 'add', '10.1.0.0/16', ...bird, ...both4);
    node.ip('route', 'add', '10.2.0.0/16', ...bird, 'via', '10.0.0.2');
    node.ip('route', 'add', 'blackhole', '10.3.0.0/16', ...bird);
    node.ip('-6', 'route', 'add', 'fd01::/64', ...bird, ...both6);
    node.ip('-6', 'route', 'add', 'fd02::/64', ...bird, 'via', 'fd00::2');
    node.ip('-6', 'route', 'add', 'blackhole', 'fd03::/64', ...bird);
    node.ip('route', 'add', '10.4.0.0/16', ...bird, ...both4);
    const fib = await node.startFib();
    expect(fib.statistics).toMatchObject({ adopted: 7 });
    fib.defineGroup(4, via('10.0.0.2', '10.0.1.2'));
    fib.defineGroup(5, via('fd00::2', 'fd00:1::2'));
    fib.defineGroup(6, via('10.0.0.2'));
    for (const n of [1, 2, 3]) set(fib, `10.${n}.0.0/16`, 4);
    for (const n of [1, 2, 3]) set(fib, `fd0${n}::/64`, 5);
    set(fib, '10.4.0.0/16', 6);
    await settled(fib);
    const hops4 = '10.0.0.2%uplink0 10.0.1.2%uplink1';
    const hops6 = 'fd00::2%uplink0 fd00:1::2%uplink1';
    const expected4 = [1, 2, 3].map((n) => `10.${n}.0.0/16 ${hops4}`);
    expect(kernelRoutes(node, '-6')).toEqual([1, 2, 3].map((n) => `fd0${n}::/64 ${hops6}`));
    // Not narrowed before all peers have told their routes.
    expect(kernelRoutes(node, '-4')).toEqual([...expected4, `10.4.0.0/16 ${hops4}`]);
    expect(await fib.find(parsePrefix('10.4.0.0/16'))).toMatchObject({ state: 'pending', inKernel: true });
    await sync(fib);
    expect(kernelRoutes(node, '-4')).toEqual([...expected4, '10.4.0.0/16 10.0.0.2%uplink0']);
    expect(fib.statistics).toMatchObject({ installed: 7, written: 7, removed: 0, failed: 0 });
  });
});

describe('a next hop that dies', () => {
  it('moves 20,000 routes with two messages at most, and none when the RIB follows', async () => {
    await using node = new FibNode();
    node.ip('route', 'add', '192.0.2.0/24', 'via', '10.0.1.2');
    const fib = await node.startFib();
    fib.defineGroup(4, via('10.0.0.2', '192.0.2.1'));
    setMany(fib, 4);
    await settled(fib);
    await sync(fib);
    const before = fib.statistics;
    node.ip('route', 'delete', '192.0.2.0/24');
    const alone = `20.0.7.0/24 10.0.0.2%uplink0`;
    await waitFor(() => kernelRoutes(node, '-4').includes(alone), { what: 'the group to shrink' });
    fib.defineGroup(5, via('10.0.0.2'));
    setMany(fib, 5);
    fib.releaseGroup(4);
    await settled(fib);
    expect(fib.statistics).toMatchObject({ installed: MANY, failed: 0, written: before.written });
    expect(fib.statistics.groupWrites - before.groupWrites).toBeLessThanOrEqual(2);
    expect(fib.statistics.repaired).toBe(0);
    expect(new Set(kernelRoutes(node, '-4').map((route) => route.split(' ')[1]))).toEqual(
      new Set(['10.0.0.2%uplink0']),
    );
  });

  it('is out of 20,000 routes with one message where the peer was lost, and none is written when the RIB follows', async () => {
    await using node = new FibNode();
    const { fib, before } = await sharing(node);
    fib.holdDown('10.0.1.2', true);
    const alone = `20.0.7.0/24 10.0.0.2%uplink0`;
    await waitFor(() => kernelRoutes(node, '-4').includes(alone), { what: 'the group to shrink' });
    fib.defineGroup(5, via('10.0.0.2'));
    setMany(fib, 5);
    fib.releaseGroup(4);
    fib.holdDown('10.0.1.2', false);
    await settled(fib);
    expect(fib.statistics).toMatchObject({ installed: MANY, failed: 0, written: before.written });
    expect(fib.statistics.groupWrites - before.groupWrites).toBeLessThanOrEqual(2);
    expect(kernelRoutes(node, '-4')).toContain(alone);
  });

  it('on a link that goes down and comes back takes no write of a route', async () => {
    await using node = new FibNode();
    const { fib, before } = await sharing(node);
    const hops = () => kernelRoutes(node, '-4').find((route) => route.startsWith('20.0.7.0/24'));
    node.lower(1);
    await waitFor(hops, { what: 'one next hop', accept: (route) => route === '20.0.7.0/24 10.0.0.2%uplink0' });
    node.raise(1);
    const both = '20.0.7.0/24 10.0.0.2%uplink0 10.0.1.2%uplink1';
    await waitFor(hops, { what: 'both next hops', accept: (route) => route === both });
    await settled(fib);
    expect(fib.statistics).toMatchObject({ installed: MANY, failed: 0, written: before.written });
    expect(fib.statistics.groupWrites - before.groupWrites).toBeLessThanOrEqual(2);
  });

  it('is told to who watches it', async () => {
    await using node = new FibNode();
    const told: string[] = [];
    const fib = await node.startFib(
      {},
      { nextHops: (changes) => told.push(...changes.map(({ id, reachable }) => `${id} ${reachable}`)) },
    );
    fib.watchNextHop(1, '10.0.1.2');
    fib.watchNextHop(2, '192.0.2.1');
    fib.flush();
    await waitFor(() => told.length === 2, { what: 'the first answers' });
    expect(told.splice(0)).toEqual(['1 true', '2 false']);
    node.lower(1);
    await waitFor(() => told.length === 1, { what: 'the change' });
    expect(told).toEqual(['1 false']);
  });
});

describe('routes of other kinds', () => {
  it('are resilient, have a source address, are in another table, and drop packets', async () => {
    await using node = new FibNode();
    const troubles: FibTrouble[] = [];
    const fib = await node.startFib(
      {
        table: 1000,
        preferredSource: { ipv4: '10.0.0.1', ipv6: 'fd00::1' },
        resilient: { buckets: 32, idleTimer: 60, unbalancedTimer: 0 },
        rules: [{ priority: 500, family: 0 }],
      },
      { trouble: (trouble) => troubles.push(trouble) },
    );
    fib.defineGroup(4, via('10.0.0.2', '10.0.1.2'));
    fib.defineGroup(5, via('fd00::2'));
    set(fib, '10.1.0.0/16', 4);
    set(fib, 'fd01::/64', 5);
    for (const prefix of ['10.2.0.0/16', 'fd02::/64']) set(fib, prefix, 1);
    await settled(fib);
    expect(fib.statistics).toMatchObject({ installed: 4, failed: 0 });
    const [plain, blackhole] = node.ip<{ prefsrc?: string; type?: string }>('route', 'show', 'table', '1000');
    expect([plain.prefsrc, blackhole.type]).toEqual(['10.0.0.1', 'blackhole']);
    const six = node.ip<{ prefsrc?: string; type?: string }>('-6', 'route', 'show', 'table', '1000');
    expect(six).toMatchObject([{ prefsrc: 'fd00::1' }, { type: 'blackhole' }]);
    const groups = node.ip<{ type?: string }>('nexthop', 'list', 'groups');
    expect(groups.map(({ type }) => type)).toEqual(['resilient', 'resilient']);
    expect(node.ip('rule', 'show', 'priority', '500')).toHaveLength(1);
    // From dropping to a next hop and back, in place.
    for (const prefix of ['10.2.0.0/16', '10.1.0.0/16']) set(fib, prefix, prefix === '10.2.0.0/16' ? 4 : 1);
    for (const prefix of ['fd02::/64', 'fd01::/64']) set(fib, prefix, prefix === 'fd02::/64' ? 5 : 1);
    await settled(fib);
    expect(fib.statistics).toMatchObject({ installed: 4, failed: 0, removed: 0 });
    const types = (family: string) =>
      node.ip<{ type?: string }>(family, 'route', 'show', 'table', '1000').map(({ type }) => type);
    expect([types('-4'), types('-6')]).toEqual([
      ['blackhole', undefined],
      ['blackhole', undefined],
    ]);
    await fib.stop({ keepRoutes: false });
    expect([node.ip('nexthop'), node.ip('rule', 'show', 'priority', '500')]).toEqual([[], []]);
    expect(troubles).toEqual([]);
  });
});
