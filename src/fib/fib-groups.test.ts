/** Groups of the kernel: how they are shared, taken over from an earlier run, and changed beneath their routes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BIRD, FibWorld, STATIC, via } from '../../test/support/fib-world.ts';

const RESILIENT = { buckets: 64, idleTimer: 120, unbalancedTimer: 0 };

let world: FibWorld;

beforeEach(() => {
  world = new FibWorld();
});

/** As many routes as wanted, all with this group. */
function routes(count: number, group: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`10.${i + 1}.0.0/16`, group]));
}

describe('a next hop that dies', () => {
  beforeEach(() => {
    world.sync();
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(50, 4) });
    world.takeChanges();
  });

  it('costs one message, and no other when the RIB follows with another group', () => {
    world.kernel.setNeighbour('10.0.2.1', 2, false);
    world.deliver();
    world.update({ define: { 5: via('10.0.1.1') }, routes: routes(50, 5), release: [4] });
    expect(world.takeChanges()).toEqual(['replace group of 1']);
    expect(new Set(world.table.map((route) => route.split(' -> ')[1]))).toEqual(new Set(['10.0.1.1*1']));
    expect(world.engine.counts).toMatchObject({ installed: 50, failed: 0, groups: 1, groupWrites: 2 });
    expect(world.repairs).toEqual([]);
  });

  it('costs one message also where single routes over the rest were there already', () => {
    world.update({ define: { 5: via('10.0.1.1') }, routes: { '10.200.0.0/16': 5 } });
    world.takeChanges();
    world.kernel.setNeighbour('10.0.2.1', 2, false);
    world.deliver();
    world.update({ routes: routes(50, 5), release: [4] });
    expect(world.takeChanges()).toEqual(['replace group of 1']);
    world.kernel.setNeighbour('10.0.1.1', 1, false);
    world.deliver();
    expect(world.table).toEqual([]);
    expect(world.engine.counts).toMatchObject({ installed: 0, failed: 51, pending: 0 });
  });

  it('and comes back costs one message more', () => {
    world.kernel.setNeighbour('10.0.2.1', 2, false);
    world.deliver();
    world.kernel.setNeighbour('10.0.2.1', 2, true);
    world.deliver();
    expect(world.takeChanges()).toEqual(['replace group of 1', 'replace group of 2']);
  });

  it('takes the routes with it if it was the last one, in one message', () => {
    for (const n of [1, 2]) world.kernel.setNeighbour(`10.0.${n}.1`, n, false);
    world.deliver();
    expect(world.takeChanges()).toEqual([]);
    expect([world.table, world.engine.counts.failed]).toEqual([[], 50]);
  });

  it('with its link needs no message at all', () => {
    world.kernel.dropInterface('eth2');
    world.deliver();
    expect(world.takeChanges()).toEqual([]);
    expect(world.table).toHaveLength(50);
    expect(world.engine.counts).toMatchObject({ installed: 50, failed: 0 });
    expect([world.engine.doubtful, world.repairs]).toEqual([true, []]);
    world.kernel.raiseInterface('eth2', '10.0.2.0/24');
    world.deliver();
    expect(world.takeChanges()).toEqual(['replace group of 2']);
  });
});

describe('groups that resolve to the same', () => {
  beforeEach(() => {
    world.sync();
    world.update({
      define: { 4: via('10.0.1.1', '10.0.2.1'), 5: via('10.0.1.1', '10.0.2.1', '10.9.9.9') },
      routes: { ...routes(5, 4), '10.200.0.0/16': 5 },
    });
  });

  it('share a group of the kernel until they differ', () => {
    expect(world.engine.counts.groupWrites).toBe(1);
    world.takeChanges();
    world.kernel.connect('10.9.9.0/24', 3);
    world.deliver();
    expect(world.takeChanges()).toEqual(['add group of 3', 'replace 10.200.0.0/16 1024']);
    world.kernel.setNeighbour('10.0.1.1', 1, false);
    world.deliver();
    expect(world.takeChanges()).toEqual(['replace group of 1', 'replace group of 2']);
  });
});

describe('what an earlier run left', () => {
  beforeEach(() => {
    world.sync();
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(20, 4) });
  });

  it('is taken over without any change where it is still wanted', () => {
    world.start();
    world.update({ define: { 9: via('10.0.2.1', '10.0.1.1') }, routes: routes(20, 9) });
    expect(world.engine.counts).toMatchObject({ adopted: 20, installed: 20, written: 0, groupWrites: 0 });
    world.sync();
    expect(world.takeChanges()).toEqual([]);
    expect(world.engine.synced).toBe(true);
  });

  it('stays until the end of the initial sync; then what is not wanted goes, and nothing of others', () => {
    world.kernel.setRoute('10.103.0.0/16', { protocol: BIRD, metric: 32, via: ['10.0.3.1%3'] });
    world.kernel.setRoute('10.104.0.0/16', { protocol: STATIC, via: ['10.0.3.1%3'] });
    world.start();
    world.update({ define: { 7: via('10.0.3.1') }, routes: { '10.1.0.0/16': 7 } });
    expect(world.takeChanges()).toEqual(['add group of 1', 'replace 10.1.0.0/16 1024']);
    expect(world.list().filter(({ state }) => state === 'leftover')).toHaveLength(19);
    expect(world.engine.synced).toBe(false);
    world.sync();
    expect(world.table).toEqual(['10.1.0.0/16 -> 10.0.3.1*1']);
    expect(world.kernel.table(STATIC)).toHaveLength(1);
    expect(world.kernel.objects.size).toBe(2);
  });

  it('is not narrowed while peers are still missing', () => {
    world.start();
    world.update({ define: { 7: via('10.0.1.1') }, routes: { '10.1.0.0/16': 7 } });
    expect(world.takeChanges()).toEqual(['add group of 1']);
    expect(world.find('10.1.0.0/16')).toMatchObject({
      state: 'pending',
      notes: [expect.stringContaining('kept as before the restart'), expect.stringContaining('10.0.1.1')],
    });
    world.sync();
    expect(world.find('10.1.0.0/16')).toMatchObject({ state: 'installed', actual: ['10.0.1.1 dev eth1 weight 1'] });
  });

  it('is narrowed at once where the rest is dead', () => {
    world.start();
    world.update({ define: { 7: via('10.0.1.1') }, routes: { '10.1.0.0/16': 7 } });
    world.takeChanges();
    world.kernel.setNeighbour('10.0.2.1', 2, false);
    world.deliver();
    expect(world.takeChanges()).toEqual(['replace group of 1']);
    expect(world.table).toHaveLength(20);
    expect(world.find('10.1.0.0/16')).toMatchObject({ state: 'installed' });
  });

  it('is narrowed where it has no group of ours, too, and the one next hop that is wanted so far is dead', () => {
    world.update({ routes: routes(20, 0), release: [4] });
    world.kernel.setRoute('10.77.0.0/16', { protocol: BIRD, via: ['10.0.1.1%1', '10.0.2.1%2'] });
    world.start();
    world.update({ define: { 7: via('10.0.1.1') }, routes: { '10.77.0.0/16': 7 } });
    world.kernel.setNeighbour('10.0.1.1', 1, false);
    world.deliver();
    expect(world.table).toContain('10.77.0.0/16 -> 10.0.2.1*1');
    expect(world.troubles.filter(({ code }) => code === 'FIB_ROUTE')).toEqual([]);
    world.kernel.setNeighbour('10.0.1.1', 1, true);
    world.deliver();
    world.sync();
    expect(world.table).toEqual(['10.77.0.0/16 -> 10.0.1.1*1']);
    expect(world.kernel.objects.size).toBe(2);
  });

  it('is replaced in place where it has no group of ours, and held as well', () => {
    world.kernel.routes.clear();
    for (const n of [1, 2, 3]) world.kernel.connect(`10.0.${n}.0/24`, n);
    const both = ['10.0.1.1%1', '10.0.2.1%2'];
    world.kernel.setRoute('10.1.0.0/16', { protocol: BIRD, via: both });
    world.kernel.setRoute('10.2.0.0/16', { protocol: BIRD, via: both });
    world.kernel.setRoute('10.3.0.0/16', { protocol: BIRD });
    world.kernel.setRoute('10.4.0.0/16', { protocol: BIRD, nextHopId: 77 });
    world.start();
    const define = { 4: via('10.0.1.1', '10.0.2.1'), 5: via('10.0.1.1') };
    world.update({ define, routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 5, '10.3.0.0/16': 4, '10.4.0.0/16': 4 } });
    const replaced = ['10.1.0.0/16', '10.3.0.0/16', '10.4.0.0/16'].map((prefix) => `replace ${prefix} 1024`);
    expect(world.takeChanges().filter((change) => !change.includes('group'))).toEqual(replaced);
    world.sync();
    expect(world.takeChanges()).toContain('replace 10.2.0.0/16 1024');
    expect(world.engine.counts).toMatchObject({ installed: 4, failed: 0 });
  });
});

describe('resilient groups', () => {
  it('are made where asked for, and kept at a restart', () => {
    world.start({ resilient: RESILIENT });
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(3, 4) });
    const groups = [...world.kernel.objects.values()].filter(({ members }) => members !== undefined);
    expect(groups).toMatchObject([{ resilient: RESILIENT }]);
    world.start({ resilient: RESILIENT });
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(3, 4) });
    expect(world.takeChanges()).toEqual([]);
    // The kind of a group can't be changed in place.
    world.start();
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(3, 4) });
    world.sync();
    expect(world.takeChanges()).toEqual([
      'add group of 2',
      ...Object.keys(routes(3, 4)).map((p) => `replace ${p} 1024`),
    ]);
  });

  it('are plain ones where the kernel has none, which is told once', () => {
    world.kernel.resilientGroups = false;
    world.start({ resilient: RESILIENT });
    world.update({
      define: { 4: via('10.0.1.1'), 5: via('10.0.2.1') },
      routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 5 },
    });
    expect(world.table).toHaveLength(2);
    expect(world.troubles.map(({ message }) => message)).toEqual([
      expect.stringContaining('the kernel refuses resilient groups of next hops, plain ones are used'),
    ]);
  });
});

describe('a group whose next hop dies', () => {
  it('is written before any route is looked at, and before routes that wait', () => {
    world.sync();
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(50, 4) });
    world.takeChanges();
    world.give({ define: { 5: via('10.0.3.1') }, routes: { '10.100.0.0/16': 5, '10.101.0.0/16': 5 } });
    world.kernel.setNeighbour('10.0.2.1', 2, false);
    world.kernel.deliver((message) => world.engine.notified(message));
    world.engine.react();
    let steps = 0;
    for (; world.engine.urgent; steps++) world.engine.step();
    expect(world.takeChanges()).toEqual(['replace group of 1']);
    expect(steps).toBe(2);
    world.settle();
    expect(world.engine.counts).toMatchObject({ installed: 52, failed: 0, pending: 0 });
  });

  it('of routes that an earlier run left is narrowed at the end of the sync, with one message for all of them', () => {
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(50, 4) });
    world.start();
    world.update({ define: { 4: via('10.0.1.1') }, routes: routes(50, 4) });
    world.takeChanges();
    world.sync();
    expect(world.takeChanges()).toContain('replace group of 1');
    expect(world.engine.counts).toMatchObject({ installed: 50, written: 0, failed: 0 });
  });
});

describe('a next hop that is held down', () => {
  beforeEach(() => {
    world.sync();
    world.update({ define: { 4: via('10.0.1.1', '10.0.2.1') }, routes: routes(50, 4) });
    world.takeChanges();
  });

  it('leaves its groups with one message, and the RIB that follows in slices needs no other', () => {
    world.engine.holdDown('10.0.2.1', true);
    world.settle();
    expect(world.takeChanges()).toEqual(['replace group of 1']);
    expect(world.find('10.1.0.0/16')?.error).toContain('the BGP session with it was lost');
    const all = Object.entries(routes(50, 5));
    world.update({ define: { 5: via('10.0.1.1') }, routes: Object.fromEntries(all.slice(0, 20)) });
    world.update({ routes: Object.fromEntries(all.slice(20)), release: [4] });
    world.engine.holdDown('10.0.2.1', false);
    world.settle();
    expect(world.takeChanges()).toEqual([]);
    expect(world.engine.counts).toMatchObject({ installed: 50, failed: 0, written: 50, groupWrites: 2 });
  });

  it('comes back where the RIB keeps it', () => {
    world.engine.holdDown('10.0.2.1', true);
    world.settle();
    world.engine.holdDown('10.0.2.1', false);
    world.settle();
    expect(world.takeChanges()).toEqual(['replace group of 1', 'replace group of 2']);
    expect(world.find('10.1.0.0/16')).toMatchObject({ state: 'installed' });
  });

  it('stays where there is no other', () => {
    world.update({ define: { 5: via('10.0.2.1') }, routes: routes(10, 5) });
    world.takeChanges();
    world.engine.holdDown('10.0.2.1', true);
    world.settle();
    expect(world.takeChanges()).toEqual(['replace group of 1']);
    expect(world.engine.counts).toMatchObject({ installed: 50, failed: 0 });
    expect(world.find('10.1.0.0/16')?.actual).toEqual(['10.0.2.1 dev eth2 weight 1']);
  });
});
