import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeKernel } from '../../test/support/fake-kernel.ts';
import { parsePrefix } from '../net/prefix.ts';
import { FibEngine } from './fib-engine.ts';
import { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import { newRouteView } from './netlink/routes.ts';
import type { FibNextHop } from './next-hop.ts';
import type { FibTrouble } from './worker-messages.ts';
import { routeHead } from './worker-messages.ts';

const BIRD = 12;
const STATIC = 4;
const ENOBUFS = 105;

let kernel: FakeKernel;
let engine: FibEngine;
let troubles: FibTrouble[];

function start(): void {
  troubles = [];
  const owner = { table: 254, protocol: BIRD, metric: 1024 };
  engine = new FibEngine({ owner, maxPaths: 4 }, new NetlinkClient(kernel), (trouble) => troubles.push(trouble));
  engine.start();
}

beforeEach(() => {
  kernel = new FakeKernel();
  for (const n of [1, 2, 3]) {
    kernel.links.set(`eth${n}`, n);
    kernel.reach.set(`10.0.${n}.1`, { interfaceIndex: n });
    kernel.reach.set(`fd00:${n}::1`, { interfaceIndex: n });
  }
  start();
});

function via(...addresses: string[]): FibNextHop[] {
  return addresses.map((address) => ({ address, weight: 1 }));
}

function routeWords(prefix: string, group: number): number[] {
  const { family, words, length } = parsePrefix(prefix);
  return [routeHead(family, length), ...words, group];
}

interface Update {
  readonly define?: Record<number, FibNextHop[]>;
  readonly routes?: Record<string, number>;
  readonly release?: readonly number[];
}

/** Gives the engine an update and lets it work until it rests. */
function update({ define = {}, routes = {}, release = [] }: Update): void {
  engine.update({
    definitions: Object.entries(define).map(([id, hops]) => ({ id: Number(id), hops })),
    words: Uint32Array.from(Object.entries(routes).flatMap(([prefix, group]) => routeWords(prefix, group))),
    releases: release,
  });
  settle();
}

function settle(): void {
  for (let steps = 0; engine.step(); steps++) expect(steps).toBeLessThan(1000);
}

function addForeign(prefix: string, protocol: number, metric: number): void {
  const { family, words, length } = parsePrefix(prefix);
  const [a0, a1, a2, a3] = words;
  const hop = { gateway: Uint8Array.of(10, 0, 3, 1), interfaceIndex: 3, onlink: false, weight: 1 };
  const route = { family, a0, a1, a2, a3, length, protocol, metric, table: 254, type: 1, nextHops: [hop] };
  kernel.routes.set(`${prefix} ${metric}`, { ...newRouteView(), ...route });
}

describe('FibEngine', () => {
  it('writes routes of both families over groups, with weights', () => {
    update({
      define: { 1: via('10.0.1.1', '10.0.2.1'), 2: [{ address: 'fd00:1::1', weight: 3 }, ...via('fd00:2::1')] },
      routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 1, 'fd01::/64': 2 },
    });
    expect(kernel.table(BIRD)).toEqual([
      '10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1',
      '10.2.0.0/16 -> 10.0.1.1*1 10.0.2.1*1',
      'fd01::/64 -> fd00:1::1*3 fd00:2::1*1',
    ]);
    expect(engine.counts).toMatchObject({ desired: 3, installed: 3, failed: 0, pending: 0, written: 3 });
    expect(troubles).toEqual([]);
  });

  it('replaces a route in one step when its group changes, and deletes it when withdrawn', () => {
    update({ define: { 1: via('10.0.1.1'), 2: via('10.0.2.1') }, routes: { '10.1.0.0/16': 1 } });
    update({ routes: { '10.1.0.0/16': 2 }, release: [1] });
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.2.1*1']);
    update({ routes: { '10.1.0.0/16': 0 }, release: [2] });
    expect(kernel.changes).toEqual(['add 10.1.0.0/16 1024', 'replace 10.1.0.0/16 1024', 'delete 10.1.0.0/16 1024']);
    expect(kernel.objects.size).toBe(0);
    expect(engine.counts).toMatchObject({ desired: 0, installed: 0, removed: 1 });
  });

  it('writes only the last wish for a prefix, and nothing where the kernel has it already', () => {
    engine.update({
      definitions: [{ id: 1, hops: via('10.0.1.1') }],
      words: Uint32Array.from([...routeWords('10.1.0.0/16', 1), ...routeWords('10.1.0.0/16', 0)]),
      releases: [],
    });
    update({ routes: { '10.2.0.0/16': 1 } });
    update({ routes: { '10.2.0.0/16': 1 } });
    expect(kernel.changes).toEqual(['add 10.2.0.0/16 1024']);
  });

  it('keeps a released group until its last route is gone, and may use the id for another at once', () => {
    update({ define: { 1: via('10.0.1.1') }, routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 1 } });
    engine.update({ definitions: [], words: Uint32Array.from(routeWords('10.1.0.0/16', 0)), releases: [1] });
    update({ define: { 1: via('10.0.2.1') }, routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 1 } });
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.2.1*1', '10.2.0.0/16 -> 10.0.2.1*1']);
    expect(kernel.objects.size).toBe(2);
  });

  it('shares next hops between groups, and takes two paths over the same next hop as one of more weight', () => {
    update({
      define: { 1: via('10.0.1.1', '10.0.2.1'), 2: via('10.0.1.1'), 3: via('10.0.3.1', '10.0.3.1', '10.0.1.1') },
      routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 2, '10.3.0.0/16': 3 },
    });
    expect(kernel.objects.size).toBe(3 + 3);
    expect(kernel.table(BIRD)[2]).toBe('10.3.0.0/16 -> 10.0.3.1*2 10.0.1.1*1');
  });

  it('takes no more next hops than maxPaths', () => {
    kernel.reach.set('10.0.1.2', { interfaceIndex: 1 }).set('10.0.1.3', { interfaceIndex: 1 });
    update({
      define: { 1: via('10.0.1.1', '10.0.1.2', '10.0.1.3', '10.0.2.1', '10.0.3.1') },
      routes: { '10.1.0.0/16': 1 },
    });
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1 10.0.1.2*1 10.0.1.3*1 10.0.2.1*1']);
  });
});

describe('next hops that are of no use', () => {
  it('are left out, told once and in words, and come back on a retry', () => {
    update({ define: { 1: via('10.0.1.1', '10.9.9.9') }, routes: { '10.1.0.0/16': 1 } });
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1']);
    engine.retry();
    settle();
    const why = '10.9.9.9: this node has no route to it (ENETUNREACH)';
    expect(troubles).toEqual([{ code: 'FIB_NEXT_HOP', message: `next hop left out: ${why}` }]);
    expect(engine.list()).toMatchObject([{ prefix: '10.1.0.0/16', state: 'installed', error: why }]);
    expect(engine.troubled).toBe(true);
    kernel.reach.set('10.9.9.9', { interfaceIndex: 2 });
    engine.retry();
    settle();
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1 10.9.9.9*1']);
    expect(engine.troubled).toBe(false);
  });

  it('leave a route out of the kernel where none of its next hops can be used', () => {
    kernel.reach.set('10.8.8.8', { interfaceIndex: 1, viaRouter: true });
    update({ define: { 1: via('10.0.1.1'), 2: via('10.8.8.8') }, routes: { '10.1.0.0/16': 1 } });
    update({ routes: { '10.1.0.0/16': 2 } });
    expect(kernel.table(BIRD)).toEqual([]);
    expect(engine.counts).toMatchObject({ desired: 1, installed: 0, failed: 1, pending: 0 });
    const error = '10.8.8.8: it is on no network that this node is connected to, only behind another router';
    expect(engine.list(parsePrefix('10.1.0.0/16'))).toMatchObject([{ state: 'failed', inKernel: false, error }]);
    kernel.reach.set('10.8.8.8', { interfaceIndex: 1 });
    engine.retry();
    settle();
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.8.8.8*1']);
  });

  it.each([
    [{ address: 'fe80::1', weight: 1 }, 'a link-local next hop means nothing without its interface'],
    [{ address: 'fe80::1', interface: 'eth9', weight: 1 }, 'there is no interface eth9'],
    [{ interface: 'eth4', weight: 1 }, 'interface eth4 is down'],
  ])('%o: %s', (hop, why) => {
    kernel.links.set('eth4', 0);
    engine.resync();
    update({ define: { 1: [hop] }, routes: { '10.1.0.0/16': 1 } });
    expect(troubles[0].message).toContain(why);
  });

  it('are those that the kernel refuses, too', () => {
    kernel.reach.set('10.7.7.7', { interfaceIndex: 77 });
    update({ define: { 1: via('10.7.7.7', '10.0.1.1') }, routes: { '10.1.0.0/16': 1 } });
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1']);
    expect(troubles[0].message).toBe('next hop left out: add next hop 10.7.7.7%77: Invalid device index (EINVAL)');
  });
});

it('says at the start that it may not write routes', () => {
  kernel.privileged = false;
  expect(start).toThrow(
    "write routes: operation not permitted; changing the kernel's routes needs CAP_NET_ADMIN (EPERM)",
  );
});

describe('what an earlier run left', () => {
  beforeEach(() => {
    update({ define: { 1: via('10.0.1.1') }, routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 1 } });
    addForeign('10.3.0.0/16', BIRD, 0);
    addForeign('10.4.0.0/16', STATIC, 1024);
    kernel.changes.length = 0;
    start();
  });

  it('stays until the end of the initial sync; then what is not wanted goes, and nothing of others', () => {
    update({ define: { 7: via('10.0.2.1') }, routes: { '10.1.0.0/16': 7 } });
    expect(kernel.changes).toEqual(['replace 10.1.0.0/16 1024']);
    expect(engine.list().map(({ prefix, state }) => [prefix, state])).toEqual([
      ['10.1.0.0/16', 'installed'],
      ['10.2.0.0/16', 'leftover'],
    ]);
    expect(engine.synced).toBe(false);
    engine.endOfInitialSync();
    settle();
    expect(engine.synced).toBe(true);
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.2.1*1']);
    expect(kernel.table(STATIC)).toHaveLength(1);
    expect([...kernel.objects.values()].map(({ gateway }) => gateway).toSorted()).toEqual(['', '10.0.2.1']);
  });

  it('is no reason to hold up a route that somebody else has: that one fails with words', () => {
    update({ define: { 7: via('10.0.2.1') }, routes: { '10.4.0.0/16': 7 } });
    expect(engine.counts).toMatchObject({ installed: 0, failed: 1 });
    const why = "another program's route to it is in table 254 with metric 1024";
    expect(troubles).toEqual([
      { code: 'FIB_ROUTE', routes: 1, message: `a route is not in the kernel as it should be: 10.4.0.0/16: ${why}` },
    ]);
    kernel.routes.delete('10.4.0.0/16 1024');
    engine.retry();
    settle();
    expect(engine.counts).toMatchObject({ installed: 1, failed: 0 });
  });
});

describe('resync', () => {
  beforeEach(() => {
    update({
      define: { 1: via('10.0.1.1', '10.0.2.1'), 2: via('10.0.2.1') },
      routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 2 },
    });
  });

  it('follows an interface that goes down and comes back', () => {
    kernel.dropInterface('eth2');
    engine.resync();
    settle();
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1']);
    expect(engine.counts).toMatchObject({ installed: 1, failed: 1, pending: 0 });
    kernel.links.set('eth2', 2);
    kernel.reach.set('10.0.2.1', { interfaceIndex: 2 });
    engine.resync();
    settle();
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1', '10.2.0.0/16 -> 10.0.2.1*1']);
  });

  it('writes again what somebody deleted, and what somebody replaced', () => {
    kernel.routes.delete('10.1.0.0/16 1024');
    addForeign('10.2.0.0/16', BIRD, 1024);
    engine.resync();
    settle();
    expect(kernel.table(BIRD)).toHaveLength(2);
    expect(kernel.table(BIRD)[1]).toBe('10.2.0.0/16 -> 10.0.2.1*1');
  });

  it('comes after an answer that got lost', () => {
    kernel.beforeSend = () => {
      kernel.beforeSend = () => {};
      throw new NetlinkError('read from the kernel', ENOBUFS);
    };
    update({ routes: { '10.3.0.0/16': 1 } });
    expect(engine.stale).toBe(true);
    expect(troubles[0].code).toBe('FIB_KERNEL');
    engine.resync();
    settle();
    expect(kernel.table(BIRD)).toHaveLength(3);
  });
});

describe('a kernel without next-hop objects', () => {
  beforeEach(() => {
    kernel.nextHopObjects = false;
    start();
    update({ define: { 1: via('10.0.1.1', '10.0.2.1') }, routes: { '10.1.0.0/16': 1, '10.2.0.0/16': 1 } });
  });

  it('gets the next hops in each route', () => {
    expect(kernel.table(BIRD)[0]).toBe('10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1');
    expect(kernel.objects.size).toBe(0);
  });

  it('is left alone by a resync where nothing changed, and gets routes anew where a next hop did', () => {
    kernel.changes.length = 0;
    engine.resync();
    settle();
    expect(kernel.changes).toEqual([]);
    kernel.reach.delete('10.0.2.1');
    engine.resync();
    settle();
    expect(kernel.table(BIRD)).toEqual(['10.1.0.0/16 -> 10.0.1.1*1', '10.2.0.0/16 -> 10.0.1.1*1']);
    update({ routes: { '10.1.0.0/16': 0, '10.2.0.0/16': 0 }, release: [1] });
    expect(kernel.table(BIRD)).toEqual([]);
  });
});

describe('any sequence of changes', () => {
  const prefixes = Array.from({ length: 8 }, (_, i) => `10.${i + 1}.0.0/16`);
  const groups: Record<number, FibNextHop[]> = {
    1: via('10.0.1.1'),
    2: via('10.0.1.1', '10.0.2.1'),
    3: via('10.0.2.1', '10.0.3.1'),
  };
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ prefix: fc.constantFrom(...prefixes), group: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.constant('step') },
    { weight: 2, arbitrary: fc.constantFrom('resync', 'lost', 'clobber') },
  );

  it('ends with the kernel as wanted', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), fc.boolean(), (actions, objects) => {
        kernel.routes.clear();
        kernel.objects.clear();
        kernel.nextHopObjects = objects;
        start();
        engine.endOfInitialSync();
        update({ define: groups });
        const wanted = new Map<string, number>();
        for (const action of actions) apply(action, wanted);
        kernel.beforeSend = () => {};
        engine.resync();
        settle();
        const expected = [...wanted].filter(([, group]) => group !== 0);
        expect(kernel.table(BIRD)).toEqual(
          expected
            .map(([prefix, id]) => `${prefix} -> ${groups[id].map((hop) => `${hop.address}*1`).join(' ')}`)
            .toSorted(),
        );
        expect(engine.counts).toMatchObject({ desired: expected.length, installed: expected.length, failed: 0 });
      }),
      { numRuns: 100 },
    );
  });

  function apply(action: { prefix: string; group: number } | string, wanted: Map<string, number>): void {
    if (typeof action === 'object') {
      wanted.set(action.prefix, action.group);
      const words = Uint32Array.from(routeWords(action.prefix, action.group));
      engine.update({ definitions: [], words, releases: [] });
    } else if (action === 'resync') engine.resync();
    else if (action === 'step') engine.step();
    else if (action === 'clobber') kernel.routes.delete([...kernel.routes.keys()][0]);
    else {
      kernel.beforeSend = () => {
        kernel.beforeSend = () => {};
        throw new NetlinkError('read from the kernel', ENOBUFS);
      };
    }
  }
});
