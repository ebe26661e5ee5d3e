import { describe, expect, it } from 'vitest';
import { FakeResolver } from '../../test/support/fake-resolver.ts';
import { OWN } from '../../test/support/rib-model.ts';
import type { ModelPeer } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { parsePrefix } from '../net/prefix.ts';
import { STEP_METRIC } from './best-path.ts';
import type { NextHops } from './next-hops.ts';

const A: ModelPeer = { name: '192.0.2.1', kind: 'internal', routerId: '1.0.0.1', as: OWN.as };
const B: ModelPeer = { name: '192.0.2.2', kind: 'internal', routerId: '1.0.0.2', as: OWN.as };
/** Hears what is selected. */
const C: ModelPeer = { name: '192.0.2.3', kind: 'external', routerId: '1.0.0.3', as: 65003 };
const PREFIX = '10.1.0.0/16';
const HOP = '198.51.100.1';
const OTHER = '198.51.100.2';

function via(nextHop: string, more: Partial<Attributes> = {}): Attributes {
  return { ...PLAIN_ATTRIBUTES, nextHop, ...more };
}

/** A RIB whose next hops a {@link FakeResolver} knows; it answers when it is told to. */
class Network extends RibWorld {
  readonly kernel: FakeResolver;

  constructor() {
    const resolver = new FakeResolver();
    super([A, B, C], { nextHopListener: resolver });
    this.kernel = resolver;
    for (const peer of [A, B, C]) this.up(peer);
    this.settle();
  }

  /** Does what can be done without an answer. */
  turns(): void {
    for (let i = 0; i < 5; i++) this.turn(1000);
  }

  /** The RIB gets all answers, with another one for `address` if that is given, and does what follows from them. */
  answered(address?: string, metric = 0): void {
    if (address !== undefined) this.setNextHop(address, metric);
    this.answer();
    this.turns();
  }

  get hops(): NextHops {
    return this.rib.sets.nextHops;
  }

  id(address: string): number {
    return this.hops.address.indexOf(address);
  }

  /** What C heard. */
  get heard(): { announced: number; withdrawn: number } {
    const { announced, withdrawn } = this.sessions.get(C)!.reader;
    return { announced, withdrawn };
  }

  /** Next hops that are used for the prefix, and where the next one lost. */
  get selected(): { used: string[]; lostAt: number } {
    const { selector, tables, sets } = this.rib;
    selector.select(tables[0], tables[0].prefixes.find(...parsePrefix(PREFIX).words, 16));
    const { candidates, multipath } = selector;
    const used = [...candidates.subarray(0, multipath)].map((row) => sets.nextHop[tables[0].accepted[row]]);
    return { used: used.map((id) => this.hops.address[id]).toSorted(), lostAt: selector.lostAt[multipath] };
  }
}

describe('a next hop', () => {
  it('is used from when it is known to be reachable, until it is not', () => {
    const world = new Network();
    world.announce(A, PREFIX, via(HOP));
    world.turns();
    expect(world.heard).toEqual({ announced: 0, withdrawn: 0 });
    expect(world.hops.whyUnusable(world.id(HOP))).toMatch(/198\.51\.100\.1 .*the kernel has not answered yet/);
    world.answered();
    expect(world.heard).toEqual({ announced: 1, withdrawn: 0 });
    expect(world.hops.how(world.id(HOP))).toBe('metric 0');
    world.answered(HOP, Infinity);
    expect(world.heard).toEqual({ announced: 1, withdrawn: 1 });
    expect(world.hops.whyUnusable(world.id(HOP))).toBe("next hop 198.51.100.1 can't be resolved: no route");
    world.answered(HOP, 20);
    expect(world.heard).toEqual({ announced: 2, withdrawn: 1 });
  });

  it('that is new does not compete, and takes nothing away, before it is known', () => {
    const world = new Network();
    world.announce(A, PREFIX, via(HOP));
    world.answered();
    world.announce(B, PREFIX, via(OTHER, { localPref: 200 }));
    world.turns();
    expect(world.selected.used).toEqual([HOP]);
    world.answered();
    expect(world.selected.used).toEqual([OTHER]);
  });

  it.each([
    ['reachable', 0, { announced: 1, withdrawn: 0 }],
    ['not reachable', Infinity, { announced: 1, withdrawn: 1 }],
  ])(
    'that takes the place of another in the best path changes nothing until it is known: %s',
    (_what, metric, heard) => {
      const world = new Network();
      world.announce(A, PREFIX, via(HOP));
      world.answered();
      world.announce(A, PREFIX, via(OTHER));
      world.turns();
      expect(world.rib.hasWork).toBe(false);
      expect(world.rib.waitsForNextHops).toBe(true);
      expect(world.heard).toEqual({ announced: 1, withdrawn: 0 });
      world.answered(OTHER, metric);
      expect(world.rib.waitsForNextHops).toBe(false);
      // C is told this router as next hop, so that a change of it is none to C.
      expect(world.heard).toEqual(heard);
      expect(world.check()).toEqual([]);
    },
  );

  it('that is not known yet keeps nothing alive that its peer withdraws', () => {
    const world = new Network();
    world.announce(A, PREFIX, via(HOP));
    world.answered();
    world.announce(A, PREFIX, via(OTHER));
    world.turns();
    world.withdraw(A, PREFIX);
    world.turns();
    expect(world.heard).toEqual({ announced: 1, withdrawn: 1 });
    expect(world.kernel.watched.size).toBe(0);
  });

  it('costs what the way to it costs', () => {
    const world = new Network();
    world.announce(A, PREFIX, via(HOP));
    world.announce(B, PREFIX, via(OTHER));
    world.answered();
    expect(world.selected.used).toEqual([HOP, OTHER]);
    world.answered(HOP, 20);
    expect(world.selected).toEqual({ used: [OTHER], lostAt: STEP_METRIC });
    world.answered(OTHER, 30);
    expect(world.selected).toEqual({ used: [HOP], lostAt: STEP_METRIC });
  });

  it('inherits nothing from one that had its number', () => {
    const world = new Network();
    world.announce(A, PREFIX, via(HOP));
    const id = world.id(HOP);
    const late = world.kernel.takeAnswers();
    world.withdraw(A, PREFIX);
    world.turns();
    world.announce(A, PREFIX, via(OTHER));
    expect(world.id(OTHER)).toBe(id);
    world.rib.setNextHops(late);
    world.turns();
    expect(world.selected.used).toEqual([]);
    world.answered();
    expect(world.selected.used).toEqual([OTHER]);
    expect(world.kernel.faults).toEqual([]);
  });

  it('with a link-local address is not asked for, and counts as reachable', () => {
    const world = new Network();
    world.announce(A, '2001:db8:1::/48', via('2001:db8::9', { linkLocalNextHop: 'fe80::9' }));
    world.turns();
    expect(world.heard.announced).toBe(1);
    expect([...world.kernel.watched.values()]).not.toContain('2001:db8::9');
    expect(world.hops.how(world.id('2001:db8::9'))).toBe('on the link of its peer');
  });

  it('that is our own address stays unusable whatever the kernel says', () => {
    const world = new Network();
    world.setOwnAddresses([HOP]);
    world.announce(A, PREFIX, via(HOP));
    world.answered();
    expect(world.hops.whyUnusable(world.id(HOP))).toBe('next hop 198.51.100.1 is an address of this router');
    expect(world.heard.announced).toBe(0);
    world.setOwnAddresses([]);
    world.turns();
    expect(world.heard.announced).toBe(1);
  });

  it('counts as reachable where nobody can be asked', () => {
    const world = new RibWorld([A, C]);
    for (const peer of [A, C]) world.up(peer);
    world.announce(A, PREFIX, via(HOP));
    world.settle();
    expect(world.check()).toEqual([]);
    const { nextHops } = world.rib.sets;
    expect(nextHops.how(nextHops.address.indexOf(HOP))).toBe('');
  });
});

describe('a change of next hops', () => {
  const COUNT = 400;

  /** Every third prefix is over HOP, as B's path; A has paths over OTHER for all. */
  function filled(): Network {
    const world = new Network();
    for (let i = 0; i < COUNT; i++) {
      const prefix = i % 2 === 0 ? `10.${i >> 8}.${i & 255}.0/24` : `2001:db8:${i.toString(16)}::/48`;
      world.announce(A, prefix, via(i % 2 === 0 ? OTHER : '2001:db8::2'));
      if (i % 3 === 0) world.announce(B, prefix, via(i % 2 === 0 ? HOP : '2001:db8::1'));
    }
    while (world.rib.hasWork || world.kernel.hasAnswers) world.answered();
    return world;
  }

  /** Decides in slices of `limit`, with something to happen between them; returns how many prefixes were decided. */
  function decided(world: Network, limit: number, between: () => void = () => {}): number {
    let sum = 0;
    while (world.rib.hasWork) {
      sum += world.rib.decide(limit);
      between();
    }
    return sum;
  }

  it('makes what has a path over them be decided anew, once, and nothing else', () => {
    const world = filled();
    world.setNextHop(HOP, Infinity);
    world.setNextHop('2001:db8::1', 7);
    world.answer();
    expect(decided(world, 5)).toBe(Math.ceil(COUNT / 3));
    world.setNextHop(HOP, Infinity);
    world.answer();
    expect(world.rib.hasWork).toBe(false);
  });

  it('is looked for in slices', () => {
    const world = filled();
    world.setNextHop(HOP, Infinity);
    world.answer();
    let most = 0;
    let slices = 0;
    let before = 0;
    decided(world, 1, () => {
      const waiting = world.rib.tables[0].dirty.length;
      most = Math.max(most, waiting - before);
      before = waiting;
      slices++;
    });
    expect(most).toBeLessThanOrEqual(8);
    expect(slices).toBeGreaterThan(COUNT / 10);
    world.turns();
    expect(world.check()).toEqual([]);
  });

  it('is found completely where another one comes in between', () => {
    for (let after = 1; after < 120; after += 7) {
      const world = filled();
      world.setNextHop('2001:db8::1', Infinity);
      world.answer();
      let slice = 0;
      decided(world, 1, () => {
        if (++slice !== after && slice !== after + 20) return;
        world.setNextHop(slice === after ? HOP : OTHER, Infinity);
        world.answer();
      });
      world.turns();
      expect(world.check()).toEqual([]);
    }
  });
});
