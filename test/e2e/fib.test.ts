/** The built FIB against the real kernel, in namespaces of its own; `ip` is asked what the kernel has. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Fib } from '../../src/fib/fib.ts';
import type { FibTrouble } from '../../src/fib/worker-messages.ts';
import { IPV4_UNICAST } from '../../src/net/family.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FibNode, kernelRoutes, settled } from './fib-fixture.ts';

interface IpRoute {
  readonly gateway?: string;
  readonly protocol?: string;
  readonly nexthops?: readonly { readonly weight?: number }[];
}

function ip<T = IpRoute>(node: FibNode, ...words: string[]): T[] {
  return node.ip<T>(...words);
}

function set(fib: Fib, prefix: string, group: number): void {
  const { family, words, length } = parsePrefix(prefix);
  fib.set(family, ...words, length, group);
}

const BOTH4 = [
  { address: '10.0.0.2', weight: 1 },
  { address: '10.0.1.2', weight: 1 },
];
const BOTH6 = [
  { address: 'fd00::2', weight: 1 },
  { address: 'fd00:1::2', weight: 2 },
];

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip'] }));

describe('the FIB', () => {
  it('writes, changes and removes routes of both families over equal paths', async () => {
    await using node = new FibNode();
    const fib = await node.startFib();
    fib.defineGroup(4, BOTH4);
    fib.defineGroup(5, BOTH6);
    fib.defineGroup(6, [{ address: '10.0.1.2', weight: 1 }]);
    set(fib, '10.1.0.0/16', 4);
    set(fib, '0.0.0.0/0', 4);
    set(fib, 'fd01::/64', 5);
    set(fib, '::/0', 5);
    await settled(fib);
    const hops4 = '10.0.0.2%uplink0 10.0.1.2%uplink1';
    const hops6 = 'fd00::2%uplink0 fd00:1::2%uplink1';
    expect(kernelRoutes(node, '-4')).toEqual([`10.1.0.0/16 ${hops4}`, `default ${hops4}`]);
    expect(kernelRoutes(node, '-6')).toEqual([`default ${hops6}`, `fd01::/64 ${hops6}`]);
    expect(ip(node, '-6', 'route', 'show', 'fd01::/64')[0].nexthops?.map(({ weight }) => weight)).toEqual([1, 2]);

    set(fib, '10.1.0.0/16', 6);
    set(fib, '0.0.0.0/0', 0);
    set(fib, 'fd01::/64', 0);
    await settled(fib);
    expect(kernelRoutes(node, '-4')).toEqual(['10.1.0.0/16 10.0.1.2%uplink1']);
    expect(kernelRoutes(node, '-6')).toEqual([`default ${hops6}`]);
    expect(fib.statistics).toMatchObject({ desired: 2, installed: 2, failed: 0, pending: 0, removed: 2 });
  });

  it('reaches IPv4 over IPv6 gateways, link-local gateways, and links themselves', async () => {
    await using node = new FibNode();
    const fib = await node.startFib();
    fib.defineGroup(4, BOTH6);
    fib.defineGroup(5, [{ address: 'fe80::5', interface: 'uplink1', weight: 1 }]);
    fib.defineGroup(6, [{ interface: 'uplink0', weight: 1 }]);
    fib.defineGroup(7, [{ address: '192.0.2.1', interface: 'uplink0', weight: 1 }]);
    for (const group of [1, 2, 3, 4]) set(fib, `10.${group}.0.0/16`, group + 3);
    for (const group of [2, 3]) set(fib, `fd0${group}::/64`, group + 3);
    await settled(fib);
    expect(kernelRoutes(node, '-4')).toEqual([
      '10.1.0.0/16 fd00::2%uplink0 fd00:1::2%uplink1',
      '10.2.0.0/16 fe80::5%uplink1',
      '10.3.0.0/16 link%uplink0',
      '10.4.0.0/16 192.0.2.1%uplink0',
    ]);
    expect(kernelRoutes(node, '-6')).toEqual(['fd02::/64 fe80::5%uplink1', 'fd03::/64 link%uplink0']);
  });

  it('takes a link that goes down out of its routes, and back in when it returns', async () => {
    await using node = new FibNode();
    const fib = await node.startFib();
    fib.defineGroup(4, BOTH4);
    fib.defineGroup(5, [{ address: '10.0.1.2', weight: 1 }]);
    set(fib, '10.1.0.0/16', 4);
    set(fib, '10.2.0.0/16', 5);
    await settled(fib);
    node.lower(1);
    await waitFor(() => fib.statistics.failed === 1, { what: 'the route over the link to fail' });
    expect(kernelRoutes(node, '-4')).toEqual(['10.1.0.0/16 10.0.0.2%uplink0']);
    const lost = await fib.find(parsePrefix('10.2.0.0/16'));
    expect(lost).toMatchObject({ prefix: '10.2.0.0/16', state: 'failed', inKernel: false });
    expect(lost?.error).toContain('10.0.1.2: ');
    node.raise(1);
    await waitFor(() => fib.statistics.installed === 2, { what: 'the routes to come back' });
    expect(kernelRoutes(node, '-4')).toEqual([
      '10.1.0.0/16 10.0.0.2%uplink0 10.0.1.2%uplink1',
      '10.2.0.0/16 10.0.1.2%uplink1',
    ]);
  });

  it('leaves routes for the next run, which keeps what it wants and sweeps the rest at the end of its sync', async () => {
    await using node = new FibNode();
    const first = await node.startFib();
    first.defineGroup(4, BOTH4);
    for (const prefix of ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']) set(first, prefix, 4);
    await settled(first);
    await first.stop({ keepRoutes: true });
    ip(node, 'route', 'add', '10.4.0.0/16', 'via', '10.0.0.2', 'proto', 'bird', 'metric', '32');
    ip(node, 'route', 'add', '10.5.0.0/16', 'via', '10.0.0.2', 'proto', 'static');
    let synced = false;
    const second = await node.startFib({}, { synced: () => (synced = true) });
    second.defineGroup(9, [{ address: '10.0.0.2', weight: 1 }]);
    set(second, '10.1.0.0/16', 9);
    await settled(second);
    expect(kernelRoutes(node, '-4')).toHaveLength(4);
    second.endOfInitialSync();
    await waitFor(() => synced, { what: 'the end of the first sync' });
    expect(kernelRoutes(node, '-4')).toEqual(['10.1.0.0/16 10.0.0.2%uplink0']);
    expect(ip(node, 'route', 'show', 'proto', 'static')).toHaveLength(1);
    expect(ip<{ id: number }>(node, 'nexthop')).toHaveLength(2);
    await second.stop({ keepRoutes: false });
    expect([kernelRoutes(node, '-4'), ip(node, 'nexthop')]).toEqual([[], []]);
    expect(ip(node, 'route', 'show', 'proto', 'static')).toHaveLength(1);
  });

  it("does not touch another program's route, and says so", async () => {
    await using node = new FibNode();
    const troubles: FibTrouble[] = [];
    const fib = await node.startFib({ metric: 50 }, { trouble: (trouble) => troubles.push(trouble) });
    ip(node, 'route', 'add', '10.1.0.0/16', 'via', '10.0.1.2', 'proto', 'static', 'metric', '50');
    fib.defineGroup(4, BOTH4);
    set(fib, '10.1.0.0/16', 4);
    set(fib, '10.2.0.0/16', 4);
    await settled(fib);
    await waitFor(() => fib.statistics.failed === 1, { what: 'the route to fail' });
    expect(troubles.find(({ code }) => code === 'FIB_ROUTE')?.message).toBe(
      "a route is not in the kernel as it should be: 10.1.0.0/16: another program's route to it is in table 254 with metric 50",
    );
    expect(ip(node, 'route', 'show', '10.1.0.0/16')).toMatchObject([{ protocol: 'static', gateway: '10.0.1.2' }]);
  });

  it('uses a table of its own where told', async () => {
    await using node = new FibNode();
    const fib = await node.startFib({ table: 1000 });
    fib.defineGroup(4, BOTH4);
    set(fib, '10.1.0.0/16', 4);
    await settled(fib);
    expect(kernelRoutes(node, '-4')).toEqual([]);
    expect(ip(node, 'route', 'show', 'table', '1000')).toHaveLength(1);
    await fib.stop({ keepRoutes: false });
    expect(ip(node, 'route', 'show', 'table', '1000')).toEqual([]);
  });

  it('writes 20,000 routes without holding up the thread that sets them', async () => {
    await using node = new FibNode();
    const fib = await node.startFib();
    fib.defineGroup(4, BOTH4);
    for (let i = 0; i < 20_000; i++) fib.set(0, (0x14000000 + (i << 8)) >>> 0, 0, 0, 0, 24, 4);
    await settled(fib);
    expect(fib.statistics).toMatchObject({ desired: 20_000, installed: 20_000, written: 20_000 });
    expect(kernelRoutes(node, '-4')).toHaveLength(20_000);
    expect(await fib.find(parsePrefix('20.0.7.0/24'))).toMatchObject({ state: 'installed', inKernel: true });
  });

  it('stops soon for a restart, however much it has still to write', async () => {
    await using node = new FibNode();
    const fib = await node.startFib();
    fib.defineGroup(4, BOTH4);
    const routes = 1_500_000;
    for (let n = 0; n < routes; n++) fib.set(IPV4_UNICAST, 0x0b00_0000 + n * 256, 0, 0, 0, 24, 4);
    await fib.stop({ keepRoutes: true });
    const { installed, pending } = fib.statistics;
    expect(installed).toBeGreaterThan(0);
    expect(installed + pending).toBe(routes);
    expect(pending).toBeGreaterThan(0);
  });
});
