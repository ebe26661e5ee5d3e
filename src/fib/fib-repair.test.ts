/** What others do to our routes, answers that get lost, and all of it in random order. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { BIRD, FibWorld, STATIC, via } from '../../test/support/fib-world.ts';
import { Backoff } from './backoff.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import type { FibNextHop } from './next-hop.ts';

let world: FibWorld;

beforeEach(() => {
  world = new FibWorld();
  world.sync();
  world.update({
    define: { 4: via('10.0.1.1', '10.0.2.1'), 5: via('10.0.2.1') },
    routes: { '10.1.0.0/16': 4, '10.2.0.0/16': 5, 'fd01::/64': 4 },
  });
  world.takeChanges();
});

const groupIds = (): number[] =>
  [...world.kernel.objects].filter(([, { members }]) => members !== undefined).map(([id]) => id);
const memberIds = (): number[] =>
  [...world.kernel.objects].filter(([, { members }]) => members === undefined).map(([id]) => id);

describe('a route of ours that somebody else', () => {
  it('deleted is written again', () => {
    world.kernel.dropRoute('10.1.0.0/16');
    world.deliver();
    expect(world.takeChanges()).toEqual(['add 10.1.0.0/16 1024']);
    expect(world.repairs).toEqual([{ prefix: '10.1.0.0/16', words: 'another program had changed it', count: 1 }]);
    expect(world.engine.counts).toMatchObject({ installed: 3, repaired: 1 });
  });

  it('changed is written again', () => {
    world.kernel.setRoute('10.1.0.0/16', { protocol: BIRD, via: ['10.0.3.1%3'] });
    world.deliver();
    expect(world.takeChanges()).toEqual(['replace 10.1.0.0/16 1024']);
    expect(world.engine.counts.repaired).toBe(1);
  });

  it('replaced by one of his own is left to him, and written as soon as his is gone', () => {
    world.kernel.setRoute('10.1.0.0/16', { protocol: STATIC, via: ['10.0.3.1%3'] });
    world.deliver();
    world.engine.resync();
    world.settle();
    expect(world.takeChanges()).toEqual([]);
    const error = "another program's route to it is in table 254 with metric 1024";
    expect(world.find('10.1.0.0/16')).toMatchObject({ state: 'failed', inKernel: false, error });
    expect(world.troubles.map(({ code, routes }) => [code, routes])).toEqual([['FIB_ROUTE', 1]]);
    expect(world.engine.refused).toBe(true);
    world.kernel.dropRoute('10.1.0.0/16');
    world.deliver();
    expect(world.takeChanges()).toEqual(['add 10.1.0.0/16 1024']);
    expect(world.engine.refused).toBe(false);
  });

  it('added with our protocol goes', () => {
    world.kernel.setRoute('10.77.0.0/16', { protocol: BIRD, via: ['10.0.3.1%3'] });
    world.deliver();
    expect(world.takeChanges()).toEqual(['delete 10.77.0.0/16 1024']);
  });

  it('deleted while we were writing it is looked at before it is called failed', () => {
    world.kernel.dropRoute('10.1.0.0/16');
    world.update({ define: { 6: via('10.0.3.1') }, routes: { '10.1.0.0/16': 6 } });
    world.deliver();
    expect(world.engine.doubtful).toBe(true);
    world.resync();
    expect(world.troubles).toEqual([]);
    expect(world.find('10.1.0.0/16')?.state).toBe('installed');
    expect(world.engine.doubtful).toBe(false);
  });

  it('is about with another metric or table is no concern', () => {
    world.kernel.setRoute('10.1.0.0/16', { protocol: STATIC, metric: 5, via: ['10.0.3.1%3'] });
    world.kernel.setRoute('10.1.0.0/16', { protocol: BIRD, table: 7, via: ['10.0.3.1%3'] });
    world.deliver();
    expect(world.takeChanges()).toEqual([]);
  });
});

describe('a next-hop object of ours that somebody else', () => {
  it('deleted is made again, with the routes that went with it', () => {
    for (const id of groupIds()) world.kernel.dropObject(id);
    world.deliver();
    expect(world.table).toHaveLength(3);
    expect(world.engine.counts).toMatchObject({ installed: 3, repaired: 3 });
    expect(world.repairs[0].words).toBe('another program had deleted its next hops');
    expect(world.engine.doubtful).toBe(true);
  });

  it('deleted beneath a group is made again', () => {
    for (const id of memberIds()) world.kernel.dropObject(id);
    world.deliver();
    world.resync();
    expect(world.table[0]).toBe('10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1');
    expect(world.engine.counts).toMatchObject({ installed: 3, failed: 0 });
  });

  it('changed is put right in one message', () => {
    const [id] = groupIds();
    world.kernel.setGroup(id, [{ id: memberIds()[0], weight: 7 }]);
    world.deliver();
    expect(world.takeChanges()).toEqual(['replace group of 2']);
    expect(world.engine.counts).toMatchObject({ installed: 3, repaired: 2 });
    expect(world.repairs).toMatchObject([{ prefix: '10.1.0.0/16', count: 2 }]);
  });
});

describe('next hops on a link that lost its carrier and has it again', () => {
  it('are made again with their groups and routes, though the kernel tells nothing of them', () => {
    world.kernel.flapCarrier('eth2');
    expect(world.table).toHaveLength(2);
    world.deliver();
    expect(world.table).toEqual([
      '10.1.0.0/16 -> 10.0.1.1*1 10.0.2.1*1',
      '10.2.0.0/16 -> 10.0.2.1*1',
      'fd01::/64 -> 10.0.1.1*1 10.0.2.1*1',
    ]);
    expect(world.engine.counts).toMatchObject({ installed: 3, failed: 0 });
    expect(world.troubles).toEqual([]);
    expect(world.repairs).toMatchObject([{ words: 'the kernel had dropped it when its link went down' }]);
  });

  it('stay if they were written after the link came back, though it is told of later', () => {
    const before = world.table;
    world.kernel.flapCarrier('eth2');
    world.resync();
    world.deliver();
    world.resync();
    expect(world.table).toEqual(before);
    expect(world.troubles).toEqual([]);
    expect(world.engine.counts).toMatchObject({ installed: 3, failed: 0 });
    expect(world.engine.doubtful).toBe(false);
    expect(groupIds()).toHaveLength(2);
  });
});

describe('a comparison', () => {
  it('mends what no notification told', () => {
    world.kernel.dropRoute('10.1.0.0/16');
    for (const id of groupIds()) world.kernel.dropObject(id);
    world.kernel.notifications = [];
    world.resync();
    expect(world.table).toHaveLength(3);
    expect(world.engine.counts).toMatchObject({ installed: 3, failed: 0, repaired: 3 });
  });

  it('comes after an answer that got lost', () => {
    world.loseAnswer();
    world.update({ define: { 6: via('10.0.3.1') }, routes: { '10.3.0.0/16': 6 } });
    expect(world.engine.stale).toBe(true);
    expect(world.troubles[0].code).toBe('FIB_KERNEL');
    world.resync();
    expect(world.table).toHaveLength(4);
    expect(groupIds()).toHaveLength(3);
  });

  it('asks again where the kernel was interrupted, and does without after a while', () => {
    world.kernel.interruptedDumps = 2;
    world.resync();
    expect(world.takeChanges()).toEqual([]);
    world.kernel.interruptedDumps = 1000;
    world.resync();
    world.kernel.interruptedDumps = 0;
    world.resync();
    expect(world.table).toHaveLength(3);
    expect(world.engine.counts).toMatchObject({ installed: 3, failed: 0 });
  });
});

describe('the removal of everything', () => {
  it('goes on after an answer that got lost', () => {
    world.loseAnswer();
    world.engine.clear();
    expect(world.table).toEqual([]);
    expect(world.kernel.objects.size).toBe(0);
  });

  it('ends where the kernel does not answer any more', () => {
    world.kernel.beforeReceive = () => {
      throw new NetlinkError('read from the kernel', 12);
    };
    expect(() => world.engine.clear()).toThrow('read from the kernel');
  });
});

describe('Backoff', () => {
  it('waits a second at first, then ever longer up to a minute, and starts over with a new failure', () => {
    const backoff = new Backoff();
    expect(backoff.wait(0, false, 0)).toBeUndefined();
    const waits: (number | undefined)[] = [];
    let now = 0;
    for (let i = 0; i < 8; i++) {
      const wait = backoff.wait(now, true, 1) ?? 0;
      waits.push(wait / 1000);
      now += wait;
      expect(backoff.wait(now, true, 1)).toBe(0);
      backoff.tried();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(backoff.wait(now, true, 2)).toBe(1000);
    expect(backoff.wait(now + 400, true, 2)).toBe(600);
    expect(backoff.wait(now, false, 2)).toBeUndefined();
  });
});

describe('any sequence of changes, ours and of others', () => {
  const prefixes = [...Array.from({ length: 8 }, (_, i) => `10.${i + 1}.0.0/16`), 'fd01::/64', 'fd02::/64'];
  const groups: Record<number, FibNextHop[]> = {
    4: via('10.0.1.1'),
    5: via('10.0.1.1', '10.0.2.1'),
    6: via('10.0.2.1', '10.0.3.1'),
    7: via('10.0.3.1', '10.0.3.1', '10.0.1.1'),
    // By a route of somebody else, over the link of another group.
    8: via('10.9.9.9'),
    9: via('10.9.9.9', '10.0.2.1'),
  };
  const RECURSIVE = '10.9.9.0/24';
  const prefix = fc.constantFrom(...prefixes);
  const pick = fc.nat(100);
  const action = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constant('want' as const), prefix, fc.constantFrom(0, 1, 4, 5, 6, 7, 8, 9)) },
    {
      weight: 6,
      arbitrary: fc.tuple(
        fc.constantFrom('step', 'deliver', 'deliverSome', 'settle', 'retry', 'hold', 'restart'),
        prefix,
        pick,
      ),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom('compare', 'lose', 'interrupt'), prefix, pick) },
    {
      weight: 6,
      arbitrary: fc.tuple(
        fc.constantFrom(
          ...(['drop', 'change', 'replace', 'dropObject', 'changeGroup'] as const),
          ...(['neighbour', 'down', 'up', 'flap', 'refuse', 'connect', 'disconnect'] as const),
        ),
        prefix,
        pick,
      ),
    },
  );

  it('ends with the kernel as wanted', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.boolean(), (actions, objects) => {
        world = new FibWorld();
        world.kernel.nextHopObjects = objects;
        world.kernel.connect(RECURSIVE, 3);
        world.start();
        world.update({ define: groups });
        const wanted = new Map<string, number>();
        for (const [name, prefix, n] of actions) apply(name, prefix, n, wanted);
        recover();
        const expected = [...wanted].filter(([, group]) => group !== 0);
        const words = expected.map(([prefix, group]) => `${prefix} -> ${wordsOf(group)}`);
        expect(world.table).toEqual(words.toSorted());
        const { length } = expected;
        expect(world.engine.counts).toMatchObject({ desired: length, installed: length, failed: 0, pending: 0 });
        // Nothing is left that nobody uses.
        const used = new Set(expected.map(([, group]) => group).filter((group) => group !== 1));
        expect(groupIds().length).toBeLessThanOrEqual(Object.keys(groups).length + used.size);
      }),
      { numRuns: 150 },
    );
  });

  function wordsOf(group: number): string {
    if (group === 1) return 'blackhole';
    const weights = new Map<string, number>();
    for (const { address = '' } of groups[group]) weights.set(address, (weights.get(address) ?? 0) + 1);
    return [...weights]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([address, weight]) => `${address}*${weight}`)
      .join(' ');
  }

  /** Others stop, all is told, and the engine gets the time it needs. */
  function recover(): void {
    world.kernel.interruptedDumps = 0;
    world.kernel.beforeReceive = () => {};
    world.kernel.refusals = 0;
    for (const n of [1, 2, 3]) {
      world.kernel.raiseInterface(`eth${n}`, `10.0.${n}.0/24`, `fd00:${n}::/64`);
      world.kernel.setNeighbour(`10.0.${n}.1`, n, true);
    }
    for (const [key, { protocol }] of world.kernel.routes) {
      const [, prefix, metric] = key.split(' ');
      if (protocol === STATIC) world.kernel.dropRoute(prefix, Number(metric));
    }
    world.kernel.connect(RECURSIVE, 3);
    for (const n of [1, 2, 3]) world.engine.holdDown(`10.0.${n}.1`, false);
    world.engine.endOfInitialSync();
    world.rest();
  }

  function apply(name: string, prefix: string, n: number, wanted: Map<string, number>): void {
    const { kernel, engine } = world;
    const link = (n % 3) + 1;
    const family6 = prefix.includes(':');
    switch (name) {
      case 'want': {
        const group = family6 && n >= 4 ? 1 : n;
        wanted.set(prefix, group);
        return world.give({ routes: { [prefix]: group } });
      }
      case 'step':
        engine.step();
        return;
      case 'deliver':
        kernel.deliver((message) => engine.notified(message));
        return engine.react();
      case 'deliverSome':
        kernel.deliver((message) => engine.notified(message), 1 + (n % 3));
        return engine.react();
      case 'hold':
        return engine.holdDown(`10.0.${link}.1`, n % 2 === 0);
      case 'refuse':
        // A link is back, but isn't of use at once.
        kernel.flapCarrier(`eth${link}`);
        kernel.refusals = n % 4;
        return n % 5 === 0 ? undefined : world.deliver();
      case 'connect':
        return kernel.connect(RECURSIVE, link);
      case 'disconnect':
        return kernel.dropRoute(RECURSIVE, 0);
      case 'settle':
        return world.settle();
      case 'retry':
        return engine.retry();
      case 'restart':
        kernel.notifications = [];
        kernel.beforeReceive = () => {};
        world.start();
        return world.give({ define: groups, routes: Object.fromEntries(wanted) });
      case 'compare':
        return engine.resync();
      case 'lose':
        return world.loseAnswer();
      case 'interrupt':
        kernel.interruptedDumps += 1;
        return;
      case 'drop':
        return kernel.dropRoute(prefix);
      case 'change':
        if (!family6) kernel.setRoute(prefix, { protocol: BIRD, via: [`10.0.${link}.7%${link}`] });
        return;
      case 'replace':
        return kernel.setRoute(prefix, { protocol: STATIC, via: [`%${link}`] });
      case 'dropObject': {
        const ids = [...kernel.objects.keys()];
        if (ids.length > 0) kernel.dropObject(ids[n % ids.length]);
        return;
      }
      case 'changeGroup': {
        const [ids, members] = [groupIds(), memberIds()];
        const some = members.filter((_, i) => (n >> i) % 2 === 1);
        if (ids.length === 0 || some.length === 0) return;
        // The weight of a single next hop means nothing.
        const weight = some.length === 1 ? 1 : 3;
        return kernel.setGroup(
          ids[n % ids.length],
          some.map((id, i) => ({ id, weight: i === 0 ? weight : 1 })),
        );
      }
      case 'neighbour':
        return kernel.setNeighbour(`10.0.${link}.1`, link, n % 2 === 0);
      case 'down':
        return kernel.dropInterface(`eth${link}`);
      case 'flap':
        return kernel.flapCarrier(`eth${link}`);
      case 'up':
        return kernel.raiseInterface(`eth${link}`, `10.0.${link}.0/24`, `fd00:${link}::/64`);
    }
  }
});
