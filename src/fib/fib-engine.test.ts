import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BIRD, FibWorld, STATIC, via } from '../../test/support/fib-world.ts';
import { BLACKHOLE_GROUP } from './group-table.ts';
import { VxlanDataplane } from './vxlan-dataplane.ts';

let world: FibWorld;

beforeEach(() => {
  world = new FibWorld();
  world.sync();
});

describe('FibEngine', () => {
  it('writes routes of both families over groups, with weights', () => {
    world.update({
      define: { 4: via('10.0.1.1', '10.0.2.1'), 5: [{ address: 'fd00:1::1', weight: 3 }, ...via('fd00:2::1')] },
      routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 4, 'fd01::/64': 5 },
    });
    expect(world.table).toEqual([
      '10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1',
      '10.2.0.0/16 -> 10.0.1.1*1 10.0.2.1*1',
      'fd01::/64 -> fd00:1::1*3 fd00:2::1*1',
    ]);
    expect(world.engine.counts).toMatchObject({
      desired: 3,
      installed: 3,
      failed: 0,
      pending: 0,
      written: 3,
      groups: 2,
    });
    expect(world.troubles).toEqual([]);
  });

  it('replaces a route in one step when its group changes, and deletes it when withdrawn', () => {
    world.update({ define: { 4: via('10.0.1.1'), 5: via('10.0.2.1') }, routes: { '10.1.0.0/16': 4 } });
    world.takeChanges();
    world.update({ routes: { '10.1.0.0/16': 5 }, release: [4] });
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.2.1*1']);
    world.update({ routes: { '10.1.0.0/16': 0 }, release: [5] });
    expect(world.takeChanges()).toEqual(['replace 10.1.0.0/16 1024', 'delete 10.1.0.0/16 1024']);
    expect(world.kernel.objects.size).toBe(0);
    expect(world.engine.counts).toMatchObject({ desired: 0, installed: 0, removed: 1, groups: 0 });
  });

  it('writes only the last wish for a prefix, and nothing where the kernel has it already', () => {
    world.give({ define: { 4: via('10.0.1.1') }, routes: { '10.1.0.0/16': 4 } });
    world.give({ routes: { '10.1.0.0/16': 0 } });
    world.update({ routes: { '10.2.0.0/16': 4 } });
    world.update({ routes: { '10.2.0.0/16': 4 } });
    expect(world.takeChanges()).toEqual(['add group of 1', 'add 10.2.0.0/16 1024']);
  });

  it('keeps a released group until its last route is gone, and may use the id for another at once', () => {
    world.update({ define: { 4: via('10.0.1.1') }, routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 4 } });
    world.give({ routes: { '10.1.0.0/16': 0 }, release: [4] });
    world.update({ define: { 4: via('10.0.2.1') }, routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 4 } });
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.2.1*1', '10.2.0.0/16 -> 10.0.2.1*1']);
    expect(world.kernel.objects.size).toBe(2);
  });

  it('shares next hops between groups, and takes two paths over the same next hop as one of more weight', () => {
    world.update({
      define: { 4: via('10.0.1.1', '10.0.2.1'), 5: via('10.0.1.1'), 6: via('10.0.3.1', '10.0.3.1', '10.0.1.1') },
      routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 5, '10.3.0.0/16': 6 },
    });
    expect(world.kernel.objects.size).toBe(3 + 3);
    expect(world.table[2]).toBe('10.3.0.0/16 -> 10.0.1.1*1 10.0.3.1*2');
  });

  it('takes no more next hops than maxPaths', () => {
    const hops = via('10.0.1.1', '10.0.1.2', '10.0.1.3', '10.0.2.1', '10.0.3.1');
    world.update({ define: { 4: hops }, routes: { '10.1.0.0/16': 4 } });
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.1*1 10.0.1.2*1 10.0.1.3*1 10.0.2.1*1']);
  });

  it('drops packets where told, and goes from that to a next hop and back in one step', () => {
    world.update({ define: { 4: via('10.0.1.1') }, routes: { '10.1.0.0/16': BLACKHOLE_GROUP, 'fd01::/64': 1 } });
    expect(world.table).toEqual(['10.1.0.0/16 -> blackhole', 'fd01::/64 -> blackhole']);
    expect(world.find('10.1.0.0/16')).toMatchObject({
      state: 'installed',
      wanted: ['blackhole'],
      actual: ['blackhole'],
    });
    world.takeChanges();
    world.update({ routes: { '10.1.0.0/16': 4 } });
    world.update({ routes: { '10.1.0.0/16': BLACKHOLE_GROUP } });
    expect(world.takeChanges()).toEqual(['replace 10.1.0.0/16 1024', 'replace 10.1.0.0/16 1024']);
  });

  it('shares the weight of a next hop among the ways to it', () => {
    world.kernel.setRoute('192.0.2.0/24', { protocol: STATIC, via: ['10.0.1.9%1', '10.0.2.9%2'] });
    world.deliver();
    world.update({ define: { 4: via('192.0.2.1', '10.0.3.1') }, routes: { '10.1.0.0/16': 4 } });
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.9*1 10.0.2.9*1 10.0.3.1*2']);
  });

  it('lists routes page by page, and those that are not as they should be on request', () => {
    const routes = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`10.${i + 1}.0.0/16`, i === 3 ? 5 : 4]));
    world.update({ define: { 4: via('10.0.1.1'), 5: via('10.9.9.9') }, routes: { ...routes, 'fd01::/64': 4 } });
    const prefixes: string[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: ReturnType<typeof world.engine.page> = world.engine.page({ after, limit: 3 });
      prefixes.push(...page.routes.map(({ prefix }) => prefix));
      after = page.next;
    }
    expect(prefixes).toEqual([...Object.keys(routes), 'fd01::/64']);
    expect(world.engine.page({ after: 0, limit: 100, family: 1 }).routes).toHaveLength(1);
    const differing = world.engine.page({ after: 0, limit: 100, family: 0, differencesOnly: true });
    expect(differing.routes.map(({ prefix, state }) => [prefix, state])).toEqual([['10.4.0.0/16', 'failed']]);
    expect(world.find('10.1.0.0/16')).toMatchObject({
      state: 'installed',
      wanted: ['10.0.1.1 dev eth1 weight 1'],
      actual: ['10.0.1.1 dev eth1 weight 1'],
      notes: ['10.0.1.1: directly connected on eth1'],
    });
  });
});

describe('next hops that are of no use', () => {
  it('are left out, told once and in words, and come back when they can be used', () => {
    world.update({ define: { 4: via('10.0.1.1', '10.9.9.9') }, routes: { '10.1.0.0/16': 4 } });
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.1*1']);
    world.resync();
    expect(world.troubles).toHaveLength(1);
    expect(world.troubles[0].message).toMatch(/^next hop left out: 10\.9\.9\.9: /);
    expect(world.find('10.1.0.0/16')).toMatchObject({
      state: 'installed',
      error: expect.stringMatching(/^10\.9\.9\.9/),
    });
    world.kernel.connect('10.9.9.0/24', 2);
    world.deliver();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.1*1 10.9.9.9*1']);
  });

  it('are told together where many go at once', () => {
    const addresses = Array.from({ length: 6 }, (_, i) => `10.9.9.${i + 1}`);
    const define = Object.fromEntries(addresses.map((address, i) => [i + 4, via(address, '10.9.9.1')]));
    world.update({ define });
    world.update({ define: { 20: via('10.9.9.1') } });
    expect(world.troubles).toHaveLength(1);
    expect(world.troubles[0].message).toMatch(/^next hop left out: 10\.9\.9\.1: .*; 10\.9\.9\.2: .*; and 3 more$/);
  });

  it('leave a route out of the kernel where none of its next hops can be used', () => {
    world.update({ define: { 4: via('10.0.1.1'), 5: via('10.8.8.8') }, routes: { '10.1.0.0/16': 4 } });
    world.update({ routes: { '10.1.0.0/16': 5 } });
    expect(world.table).toEqual([]);
    expect(world.engine.counts).toMatchObject({ desired: 1, installed: 0, failed: 1, pending: 0 });
    const error = expect.stringContaining('10.8.8.8: ');
    expect(world.find('10.1.0.0/16')).toMatchObject({ state: 'failed', inKernel: false, error });
    world.kernel.connect('10.8.8.0/24', 1);
    world.deliver();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.8.8.8*1']);
    expect(world.engine.counts).toMatchObject({ installed: 1, failed: 0 });
  });

  it('are those that the kernel refuses, too, until it takes them', () => {
    // The kernel knows better than its notifications, which are not read here.
    world.kernel.links.get('eth2')!.up = false;
    world.update({ define: { 4: via('10.0.2.1', '10.0.1.1') }, routes: { '10.1.0.0/16': 4 } });
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.1*1']);
    expect(world.troubles[0].message).toBe('next hop left out: add next hop 10.0.2.1%2: Invalid device index (EINVAL)');
    expect(world.engine.refused).toBe(true);
    world.kernel.links.get('eth2')!.up = true;
    world.engine.retry();
    world.settle();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1']);
    expect(world.engine.refused).toBe(false);
  });

  it('are tried again for all routes when something about one of these changes', () => {
    world.kernel.links.get('eth2')!.up = false;
    world.update({
      define: { 4: via('10.0.2.1'), 5: via('10.0.2.1', '10.9.9.9') },
      routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 5 },
    });
    expect(world.table).toEqual([]);
    world.kernel.links.get('eth2')!.up = true;
    world.kernel.connect('10.9.9.0/24', 1);
    world.deliver();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.2.1*1', '10.2.0.0/16 -> 10.9.9.9*1 10.0.2.1*1']);
    expect(world.engine.refused).toBe(false);
  });
});

describe('a VXLAN device', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('is used though an answer got lost just after it was made', () => {
    const made = vi.spyOn(VxlanDataplane.prototype, 'sync').mockReturnValue([]);
    vi.spyOn(VxlanDataplane.prototype, 'vxlan').mockImplementation(() =>
      made.mock.calls.length === 0
        ? { why: 'it is not there' }
        : { gateway: Uint8Array.of(10, 2, 0, 2), interfaceIndex: 3 },
    );
    const tunnel = { kind: 'vxlan', crossSubnet: false } as const;
    world.update({ define: { 4: [{ address: '10.0.1.1', weight: 1, tunnel }] }, routes: { '10.1.0.0/16': 4 } });
    expect(world.table).toEqual([]);
    world.engine.setVxlan([]);
    world.loseAnswer();
    world.settle();
    expect(world.engine.stale).toBe(true);
    world.rest();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.2.0.2*1']);
  });
});

it('says at the start that it may not write routes', () => {
  world.kernel.privileged = false;
  expect(() => world.start()).toThrow('write routes: operation not permitted; that needs CAP_NET_ADMIN (EPERM)');
});

describe('a kernel without next-hop objects', () => {
  beforeEach(() => {
    world.kernel.nextHopObjects = false;
    world.start();
    world.sync();
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 4 } });
  });

  it('gets the next hops in each route', () => {
    expect(world.table[0]).toBe('10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1');
    expect(world.kernel.objects.size).toBe(0);
    expect(world.engine.counts).toMatchObject({ installed: 2, groupWrites: 0 });
  });

  it('is left alone by a comparison or a restart where nothing changed', () => {
    world.takeChanges();
    world.resync();
    world.start();
    world.update({ define: { 9: via('10.0.2.1', '10.0.1.1') }, routes: { '10.1.0.0/16': 9, '10.2.0.0/16': 9 } });
    world.sync();
    expect(world.takeChanges()).toEqual([]);
    expect(world.engine.counts).toMatchObject({ installed: 2, adopted: 2 });
  });

  it('gets routes anew where a next hop went', () => {
    world.kernel.setNeighbour('10.0.2.1', 2, false);
    world.deliver();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.1.1*1', '10.2.0.0/16 -> 10.0.1.1*1']);
    world.update({ routes: { '10.1.0.0/16': 0, '10.2.0.0/16': 0 }, release: [4] });
    expect(world.table).toEqual([]);
  });
});

it('uses the source address it is given, and takes a route with another one as different', () => {
  world.start({ preferredSource: [Uint8Array.of(10, 0, 1, 9), undefined] });
  world.update({ define: { 4: via('10.0.1.1') }, routes: { '10.1.0.0/16': 4 } });
  expect([...world.kernel.routes.values()].find(({ protocol }) => protocol === BIRD)?.preferredSource).toEqual(
    Uint8Array.of(10, 0, 1, 9),
  );
  world.takeChanges();
  world.start({ preferredSource: [Uint8Array.of(10, 0, 1, 8), undefined] });
  world.update({ define: { 4: via('10.0.1.1') }, routes: { '10.1.0.0/16': 4 } });
  expect(world.takeChanges()).toEqual(['replace 10.1.0.0/16 1024']);
});
