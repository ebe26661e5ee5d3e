/** Next hops that the kernel refuses for a while: on links that are down before that is told, or not yet of use when up. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FibWorld, via } from '../../test/support/fib-world.ts';
import type { FibNextHop } from './next-hop.ts';

/** Somebody else has a route to it. */
const BEYOND = '10.9.9.0/24';
const GROUPS: readonly (readonly FibNextHop[])[] = [
  via('10.0.1.1'),
  via('10.0.2.1'),
  via('10.0.1.1', '10.0.2.1'),
  via('10.0.2.1', '10.0.3.1'),
  via('10.0.1.1', '10.9.9.9'),
];
const PREFIXES = GROUPS.map((_, i) => `10.${100 + i}.0.0/16`);

/** Links, neighbours, routes of others, and the routes that are wanted; what the kernel tells comes as late as it may. */
const ACTIONS: Readonly<Record<string, (world: FibWorld, n: number) => void>> = {
  down: ({ kernel }, n) => kernel.dropInterface(nameOf(n)),
  up: ({ kernel }, n) => kernel.raiseInterface(nameOf(n), ...networksOf(n)),
  flap: ({ kernel }, n) => kernel.flapCarrier(nameOf(n)),
  refuse: ({ kernel }, n) => void (kernel.refusals = (n % 3) + 1),
  fail: ({ kernel }, n) => kernel.setNeighbour(routerOf(n), linkOf(n), false),
  answer: ({ kernel }, n) => kernel.setNeighbour(routerOf(n), linkOf(n), true),
  beyond: ({ kernel }, n) => kernel.connect(BEYOND, linkOf(n)),
  hold: ({ engine }, n) => engine.holdDown(routerOf(n), true),
  release: ({ engine }, n) => engine.holdDown(routerOf(n), false),
  want: (world, n) => want(world, n % GROUPS.length),
  withdraw: (world, n) => withdraw(world, n % GROUPS.length),
  tell: ({ kernel, engine }, n) => {
    kernel.deliver((message) => engine.notified(message), n % 2 === 0 ? 1 : undefined);
    engine.react();
  },
  work: (world) => world.settle(),
};

const linkOf = (n: number): number => (n % 3) + 1;
const nameOf = (n: number): string => `eth${linkOf(n)}`;
const routerOf = (n: number): string => `10.0.${linkOf(n)}.1`;
const networksOf = (n: number): string[] => [`10.0.${linkOf(n)}.0/24`, `fd00:${linkOf(n)}::/64`];

/** Has a route over a group, which is defined only for as long as there is. */
function want(world: FibWorld, i: number): void {
  world.give({ define: { [4 + i]: GROUPS[i] }, routes: { [PREFIXES[i]]: 4 + i } });
}

function withdraw(world: FibWorld, i: number): void {
  world.give({ routes: { [PREFIXES[i]]: 0 }, release: [4 + i] });
}

describe('of routes that an earlier run left', () => {
  it.each(['flap', 'fall and rise'])('are tried again before the RIB has told its routes: %s', (how) => {
    const world = new FibWorld();
    want(world, 2);
    world.sync();
    const { kernel } = world;
    world.start();
    if (how === 'flap') kernel.flapCarrier('eth2');
    else {
      kernel.dropInterface('eth2');
      world.deliver();
      kernel.raiseInterface('eth2', '10.0.2.0/24', 'fd00:2::/64');
    }
    kernel.refusals = 1;
    world.deliver();
    expect(world.table).toEqual(['10.102.0.0/16 -> 10.0.1.1*1']);
    world.rest();
    expect(world.table).toEqual(['10.102.0.0/16 -> 10.0.1.1*1 10.0.2.1*1']);
  });
});

it('are in the kernel in the end, whatever was told when', () => {
  const action = fc.tuple(fc.constantFrom(...Object.keys(ACTIONS)), fc.nat(11));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), fc.boolean(), (actions, adopted) => {
      const world = new FibWorld();
      world.kernel.connect(BEYOND, 3);
      if (adopted) {
        for (const i of GROUPS.keys()) want(world, i);
        world.sync();
        world.start();
      } else world.sync();
      for (const [name, n] of actions) ACTIONS[name](world, n);
      end(world);
      expect(world.table).toEqual([
        '10.100.0.0/16 -> 10.0.1.1*1',
        '10.101.0.0/16 -> 10.0.2.1*1',
        '10.102.0.0/16 -> 10.0.1.1*1 10.0.2.1*1',
        '10.103.0.0/16 -> 10.0.2.1*1 10.0.3.1*1',
        '10.104.0.0/16 -> 10.0.1.1*1 10.9.9.9*1',
      ]);
      expect(world.engine.counts).toMatchObject({ desired: 5, installed: 5, failed: 0, pending: 0 });
    }),
    { numRuns: 200 },
  );
});

/** Brings all that is in the way to an end; only what changes by that is told. */
function end(world: FibWorld): void {
  const { kernel, engine } = world;
  kernel.refusals = 0;
  for (const n of [0, 1, 2]) {
    if (!kernel.links.get(nameOf(n))!.up) ACTIONS.up(world, n);
    engine.holdDown(routerOf(n), false);
    ACTIONS.answer(world, n);
  }
  kernel.connect(BEYOND, 3);
  for (const i of GROUPS.keys()) want(world, i);
  engine.endOfInitialSync();
  world.rest();
}
