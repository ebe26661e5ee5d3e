/** Others at work on the routes of the built FIB in the real kernel, one by one and all at random. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Fib } from '../../src/fib/fib.ts';
import { MessageWriter } from '../../src/fib/netlink/message-writer.ts';
import { writeDeleteRoute } from '../../src/fib/netlink/routes.ts';
import type { FibRepair } from '../../src/fib/worker-messages.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FibNode, kernelRoutes, settled } from './fib-fixture.ts';

const OWNER = { table: 254, protocol: 12, metric: 1024 };
const GROUPS: Record<number, readonly string[]> = {
  4: ['10.0.0.2'],
  5: ['10.0.0.2', '10.0.1.2'],
  6: ['10.0.0.3', '10.0.1.2', '10.0.1.3'],
};
const LINKS: Record<string, string> = { '10.0.0.2': 'uplink0', '10.0.0.3': 'uplink0' };

function set(fib: Fib, prefix: string, group: number): void {
  const { family, words, length } = parsePrefix(prefix);
  fib.set(family, ...words, length, group);
}

/** Waits until the kernel has just these routes. */
async function expectRoutes(node: FibNode, wanted: ReadonlyMap<string, number>): Promise<void> {
  const hop = (address: string) => `${address}%${LINKS[address] ?? 'uplink1'}`;
  const words = [...wanted].flatMap(([prefix, group]) =>
    group === 0 ? [] : [`${prefix} ${GROUPS[group].map(hop).join(' ')}`],
  );
  await waitFor(() => kernelRoutes(node, '-4').join('\n'), {
    what: words.toSorted().join('\n'),
    accept: (routes) => routes === words.toSorted().join('\n'),
  });
}

function isLike<T extends object>(value: T, wanted: Partial<T>): boolean {
  return (Object.keys(wanted) as (keyof T)[]).every((key) => value[key] === wanted[key]);
}

async function start(node: FibNode, repairs: FibRepair[] = []): Promise<Fib> {
  const fib = await node.startFib({}, { repaired: (repair) => repairs.push(repair) });
  for (const [id, addresses] of Object.entries(GROUPS)) {
    fib.defineGroup(
      Number(id),
      addresses.map((address) => ({ address, weight: 1 })),
    );
  }
  return fib;
}

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip'] }));

describe('the FIB', () => {
  it('repairs what somebody else deletes or replaces, and says so', async () => {
    await using node = new FibNode();
    const repairs: FibRepair[] = [];
    const fib = await start(node, repairs);
    const wanted = new Map([...Array(20).keys()].map((n) => [`10.${n + 1}.0.0/16`, 5]));
    for (const [prefix, group] of wanted) set(fib, prefix, group);
    set(fib, 'fd01::/64', 1);
    await settled(fib);
    fib.endOfInitialSync();
    await settled(fib);
    const metric = ['metric', '1024'];
    node.ip('route', 'delete', '10.1.0.0/16');
    node.ip('-6', 'route', 'delete', 'fd01::/64');
    node.ip('route', 'replace', '10.2.0.0/16', 'via', '10.0.0.9', 'proto', 'bird', ...metric);
    node.ip('route', 'add', '10.99.0.0/16', 'via', '10.0.0.9', 'proto', 'bird', ...metric);
    await waitFor(() => fib.statistics.repaired === 3, { what: 'three repairs' });
    await expectRoutes(node, wanted);
    expect(node.ip('-6', 'route', 'show', 'fd01::/64')).toHaveLength(1);
    expect(repairs.reduce((sum, { count }) => sum + count, 0)).toBe(3);
    // With the group all routes go, of which the kernel says nothing.
    const [{ nhid }] = node.ip<{ nhid: number }>('route', 'show', '10.1.0.0/16');
    node.ip('nexthop', 'delete', 'id', String(nhid));
    await expectRoutes(node, wanted);
    await waitFor(() => fib.statistics.repaired === 23, { what: 'all repairs to be told' });
    expect(fib.statistics).toMatchObject({ installed: 21, failed: 0 });
  });

  it('leaves a route of somebody else in the place of its own until that is gone', async () => {
    await using node = new FibNode();
    const fib = await start(node);
    set(fib, '10.1.0.0/16', 5);
    await settled(fib);
    node.ip('route', 'replace', '10.1.0.0/16', 'via', '10.0.0.9', 'proto', 'static', 'metric', '1024');
    await waitFor(() => fib.statistics.failed === 1, { what: 'the route to fail' });
    expect(await fib.find(parsePrefix('10.1.0.0/16'))).toMatchObject({
      state: 'failed',
      error: "another program's route to it is in table 254 with metric 1024",
    });
    expect(node.ip('route', 'show', '10.1.0.0/16')).toMatchObject([{ protocol: 'static' }]);
    node.ip('route', 'delete', '10.1.0.0/16', 'proto', 'static');
    await expectRoutes(node, new Map([['10.1.0.0/16', 5]]));
    await waitFor(() => fib.statistics.failed === 0, { what: 'the route to count as installed' });
  });

  it('compares everything after more notifications than fit', async () => {
    await using node = new FibNode();
    const fib = await start(node);
    for (let i = 0; i < 30_000; i++) fib.set(0, (0x14000000 + (i << 8)) >>> 0, 0, 0, 0, 24, 5);
    await settled(fib);
    const writer = new MessageWriter();
    for (let i = 0; i < 30_000; i++) {
      writeDeleteRoute(writer, OWNER, 0, (0x14000000 + (i << 8)) >>> 0, 0, 0, 0, 24);
      if (i % 1000 === 999) {
        node.client.execute(writer, () => {});
        writer.clear();
      }
    }
    await waitFor(() => kernelRoutes(node, '-4').length === 30_000, { what: 'all to be back', timeoutMs: 30_000 });
    const all = { installed: 30_000, failed: 0, repaired: 30_000 };
    const counts = await waitFor(() => fib.statistics, {
      what: 'all to count',
      accept: (statistics) => isLike(statistics, all),
    });
    expect(counts).toMatchObject(all);
  });

  const prefix = fc.nat(9).map((n) => `10.${n + 1}.0.0/16`);
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant('want'), prefix, fc.constantFrom(0, 4, 5, 6)) },
    {
      weight: 5,
      arbitrary: fc.tuple(
        fc.constantFrom('delete', 'change', 'steal', 'nexthop', 'group', 'down', 'up', 'flush address'),
        prefix,
        fc.nat(9),
      ),
    },
  );

  it('ends with what is wanted, whatever others do meanwhile', async () => {
    await using node = new FibNode();
    const fib = await start(node);
    fib.endOfInitialSync();
    const wanted = new Map<string, number>();
    const quietly = (...words: string[]): void => {
      try {
        node.ip(...words);
      } catch {
        // There was nothing to delete.
      }
    };
    const apply = (name: string, prefix: string, n: number): void => {
      const objects = name === 'nexthop' || name === 'group' ? node.ip<{ id: number }>('nexthop') : [];
      switch (name) {
        case 'want':
          wanted.set(prefix, n);
          set(fib, prefix, n);
          return fib.flush();
        case 'delete':
          return quietly('route', 'delete', prefix, 'proto', 'bird');
        case 'change':
          return quietly('route', 'replace', prefix, 'via', '10.0.0.9', 'proto', 'bird', 'metric', '1024');
        case 'steal':
          return quietly('route', 'replace', prefix, 'via', '10.0.0.9', 'proto', 'static', 'metric', '1024');
        case 'nexthop':
          if (objects.length > 0) quietly('nexthop', 'delete', 'id', String(objects[n % objects.length].id));
          return;
        case 'group':
          if (objects.length > 0) {
            const { id } = objects[n % objects.length];
            quietly('nexthop', 'replace', 'id', String(id), 'via', '10.0.0.9', 'dev', 'uplink0', 'proto', 'bird');
          }
          return;
        case 'down':
          return node.lower(n % 2);
        case 'up':
          return node.raise(n % 2);
        case 'flush address':
          return quietly('address', 'flush', 'dev', `uplink${n % 2}`);
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
        for (const [name, prefix, n] of actions) apply(name, prefix, n);
        for (const n of [0, 1]) node.raise(n);
        quietly('route', 'flush', 'proto', 'static');
        await expectRoutes(node, wanted);
        await settled(fib);
        const all = { installed: [...wanted.values()].filter((group) => group !== 0).length, failed: 0 };
        const counts = await waitFor(() => fib.statistics, {
          what: 'the counts to agree',
          accept: (statistics) => isLike(statistics, all),
        });
        expect(counts).toMatchObject(all);
      }),
      { numRuns: 15 },
    );
  });
});
