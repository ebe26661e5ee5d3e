import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeResolver } from '../../test/support/fake-resolver.ts';
import { LOCAL, OWN } from '../../test/support/rib-model.ts';
import type { ModelPeer, RuleName, Terms } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Family } from '../net/family.ts';
import { PATIENCE } from './advertising.ts';
import { LOCAL_PEER, WORKLOAD_PEER } from './peers.ts';
import type { OwnPeer } from './peers.ts';

/** In the order of their addresses. */
const PEERS: readonly ModelPeer[] = [
  { name: '192.0.2.1', kind: 'external', routerId: '1.0.0.1', as: 65001 },
  { name: '192.0.2.2', kind: 'external', routerId: '1.0.0.9', as: 65002, allPaths: [0] },
  { name: '192.0.2.3', kind: 'internal', routerId: '1.0.0.3', as: OWN.as },
  { name: '192.0.2.4', kind: 'internal', routerId: '1.0.0.4', as: OWN.as },
  { name: '192.0.2.5', kind: 'client', routerId: '1.0.0.5', as: OWN.as },
  { name: '192.0.2.6', kind: 'client', routerId: '1.0.0.6', as: OWN.as, allPaths: [0, 1] },
  { name: '192.0.2.7', kind: 'external', routerId: '1.0.0.2', as: 65003, narrow: true },
  { name: '192.0.2.8', kind: 'client', routerId: '1.0.0.8', as: OWN.as, nextHopMode: 'self', extended: true },
  { name: '192.0.2.9', kind: 'external', routerId: '1.0.0.7', as: 65004, nextHopMode: 'keep', families: [1] },
];
const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3/32', '0.0.0.0/0', '2001:db8:1::/48', '::/0'];

const EMPTY = {
  atomicAggregate: false,
  communities: [],
  clusterList: [],
  extendedCommunities: [],
  ipv6ExtendedCommunities: [],
  largeCommunities: [],
  unknown: [],
};

/** Next hops of both families: the peer's own, one that may turn out to be ours, one on a link. */
const HOPS = {
  own: (peer: ModelPeer, family: Family) =>
    family === 0 ? { nextHop: peer.name } : { nextHop: `2001:db8::${peer.name.split('.')[3]}` },
  shared: (_peer: ModelPeer, family: Family) => ({ nextHop: family === 0 ? '198.51.100.1' : '2001:db8:9::1' }),
  linked: (peer: ModelPeer, family: Family) =>
    family === 0 ? { nextHop: peer.name } : { nextHop: '2001:db8:9::2', linkLocalNextHop: 'fe80::2' },
  unnumbered: (peer: ModelPeer, family: Family) =>
    family === 0 ? { nextHop: peer.name } : { nextHop: '::', linkLocalNextHop: 'fe80::2' },
} as const;

/** Next hops that may be out of reach. */
const NEXT_HOPS = ['192.0.2.1', '192.0.2.5', '198.51.100.1', '2001:db8:9::1', '2001:db8:9::2', '2001:db8::2'];

const drawnAttributes = fc.record({
  origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
  asns: fc.array(fc.constantFrom(65001, 65002, 4_200_000_000, OWN.as), { maxLength: 3 }),
  hop: fc.constantFrom('own' as const, 'shared' as const, 'linked' as const, 'unnumbered' as const),
  confederation: fc.boolean(),
  med: fc.option(fc.constantFrom(0, 10, 20), { nil: undefined }),
  localPref: fc.option(fc.constantFrom(50, 100, 200), { nil: undefined }),
  communities: fc.subarray([0xffffff01, 0xffffff02, 6_500_001], { maxLength: 1 }),
  extended: fc.subarray([
    { high: 0x0002_fde8, low: 1 },
    { high: 0x4002_fde8, low: 2 },
    // Link bandwidths.
    { high: 0x0004_fde8, low: 3 },
    { high: 0x4004_fde8, low: 4 },
  ]),
  ipv6Extended: fc.subarray([0x00, 0x40]),
  originatorId: fc.option(fc.constantFrom('1.0.0.5', '7.7.7.7', OWN.routerId), { nil: undefined, freq: 2 }),
  clusterList: fc.subarray(['8.8.8.8', OWN.clusterId], { maxLength: 1 }),
  unknown: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(undefined, 3) },
    { weight: 1, arbitrary: fc.constantFrom(3900, 5000) },
  ),
  // So many segments, each with a length, take most room where AS4_PATH repeats them.
  sets: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(440) }),
});

type Drawn = typeof drawnAttributes extends fc.Arbitrary<infer T> ? T : never;

/** Attributes as a peer of that kind may send them, or this router may give them to a route of its own. */
function attributesFor(peer: ModelPeer, family: Family, drawn: Drawn): Attributes {
  const asns = peer.kind === 'external' ? [peer.as, ...drawn.asns] : drawn.asns;
  const internal = peer.kind === 'internal' || peer.kind === 'client';
  const hop = peer.kind === 'local' && drawn.hop !== 'shared' ? {} : HOPS[drawn.hop](peer, family);
  return {
    ...EMPTY,
    ...hop,
    origin: drawn.origin,
    asPath: [
      ...(internal && drawn.confederation ? [{ type: 'confed-sequence' as const, asns: [65200, 65201] }] : []),
      ...(asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }]),
      ...Array.from({ length: drawn.sets }, () => ({ type: 'set' as const, asns: [4_200_000_000] })),
    ],
    ...(drawn.med !== undefined && { med: drawn.med }),
    ...(drawn.localPref !== undefined && peer.kind !== 'external' && { localPref: drawn.localPref }),
    communities: drawn.communities,
    extendedCommunities: drawn.extended,
    ipv6ExtendedCommunities: drawn.ipv6Extended.map((type) => Uint8Array.of(type, ...new Uint8Array(19))),
    ...(internal && drawn.originatorId !== undefined && { originatorId: drawn.originatorId }),
    clusterList: internal ? drawn.clusterList : [],
    unknown: drawn.unknown === undefined ? [] : [{ code: 99, flags: 0xe0, value: new Uint8Array(drawn.unknown) }],
  };
}

const anyPeer = fc.constantFrom(...PEERS);
const anySource = fc.constantFrom(...PEERS, LOCAL);
const anyPrefix = fc.constantFrom(...PREFIXES);
const anyRule = fc.constantFrom('all', 'none', 'short', 'ours', 'raise', 'lower' as RuleName);
const anyChange: fc.Arbitrary<Partial<Terms>> = fc.oneof(
  fc.record({ import: anyRule }),
  fc.record({ export: anyRule }),
  fc.record({ allowLocalAs: fc.constantFrom(0, 1) }),
  fc.record({ kind: fc.constantFrom('internal' as const, 'client' as const) }),
);

/** Something that happens to a world, with words for a failure's report. */
type Step = readonly [words: string, happen: (world: RibWorld) => void];

function steps<T>(
  weight: number,
  drawn: fc.Arbitrary<T>,
  happen: (world: RibWorld, value: T) => void,
): fc.WeightedArbitrary<Step> {
  return {
    weight,
    arbitrary: drawn.map((value): Step => [fc.stringify(value), (world) => happen(world, value)]),
  };
}

function restart(world: RibWorld, [peer, again, drawn, complete]: [ModelPeer, string[], Drawn, boolean]): void {
  world.lose(peer);
  world.up(peer);
  for (const prefix of again) {
    const before = world.paths.get(prefix)?.get(peer);
    world.announce(peer, prefix, before ?? attributesFor(peer, world.prefix(prefix).family, drawn));
  }
  if (complete) world.sweep(peer);
}

const anyStep = fc.oneof(
  steps(8, fc.tuple(anySource, anyPrefix, drawnAttributes), (world, [peer, prefix, drawn]) =>
    world.announce(peer, prefix, attributesFor(peer, world.prefix(prefix).family, drawn)),
  ),
  steps(4, fc.tuple(anySource, anyPrefix), (world, [peer, prefix]) => world.withdraw(peer, prefix)),
  steps(1, anyPeer, (world, peer) => world.up(peer)),
  steps(1, anyPeer, (world, peer) => world.down(peer)),
  steps(1, anyPeer, (world, peer) => world.lose(peer)),
  steps(1, anyPeer, (world, peer) => world.sweep(peer)),
  // A restart at its usual: the peer is back, and sends some of what it had, and something new.
  steps(2, fc.tuple(anyPeer, fc.subarray([...PREFIXES]), drawnAttributes, fc.boolean()), restart),
  steps(1, fc.boolean(), (world, hold) => {
    if (hold) world.holdEndOfRib = true;
    else world.releaseEndOfRib();
  }),
  steps(1, anyPeer, (world, peer) => world.block(peer)),
  steps(1, fc.tuple(anyPeer, fc.constantFrom<Family[]>(0, 1)), (world, [peer, family]) => world.refresh(peer, family)),
  steps(2, fc.tuple(anyPeer, anyChange), (world, [peer, changes]) => {
    if (changes.kind === undefined || peer.kind !== 'external') world.change(peer, changes);
  }),
  steps(1, fc.tuple(fc.subarray([...PEERS]), anyRule), (world, [peers, rule]) => {
    for (const peer of peers) world.change(peer, { export: rule });
  }),
  steps(1, fc.subarray(['198.51.100.1', '2001:db8:9::1']), (world, own) => world.setOwnAddresses(own)),
  steps(2, fc.tuple(fc.constantFrom(...NEXT_HOPS), fc.constantFrom(0, 20, Infinity)), (world, [address, metric]) =>
    world.setNextHop(address, metric),
  ),
  steps(3, fc.constant(0), (world) => world.answer()),
  steps(6, fc.constantFrom(1, PATIENCE + 1), (world, wait) => {
    world.now += wait;
    world.turn(3);
  }),
);

describe('what peers are told', () => {
  it('equals a naive model after any churn, slow peers, next hops that come and go, changes of terms, and sessions that come, go and restart', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), fc.boolean(), (script, resolves) => {
        const world = new RibWorld(PEERS, resolves ? { nextHopListener: new FakeResolver() } : {});
        for (const peer of PEERS) world.up(peer);
        for (const [, happen] of script) happen(world);
        world.settle();
        expect(world.check()).toEqual([]);
        expect(world.checkEnd()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  }, 30_000);
});

describe('a route to a workload', () => {
  it('is told to every kind of peer as our own, and gives way to what was added by hand', () => {
    const world = new RibWorld(PEERS);
    const { rib } = world;
    for (const peer of PEERS) world.up(peer);
    const text = '10.1.2.3/32';
    world.announce(PEERS[4], text, { ...EMPTY, origin: 'igp', asPath: [], nextHop: '192.0.2.5', localPref: 500 });
    const originate = (from: OwnPeer, med: number): void => {
      const block = encodeAttributes({ ...EMPTY, origin: 'igp', asPath: [], med }, 0);
      const set = rib.sets.acquire(block, 0, block.length);
      rib.originate(world.prefix(text), set, from);
      rib.sets.release(set);
      world.settle();
    };
    const hearsAll = ({ families, allPaths }: ModelPeer): boolean => families === undefined && allPaths === undefined;
    const heard = (): unknown[] =>
      [...world.sessions]
        .filter(([peer]) => hearsAll(peer))
        .map(([{ kind }, { reader }]) => {
          const { nextHop, med, originatorId, asPath } = reader.routes.get(text)!;
          return { kind, nextHop, med, originatorId, hops: asPath.length };
        });
    const ours = (med: number): unknown[] =>
      PEERS.filter(hearsAll).map(({ kind }) => ({
        kind,
        nextHop: OWN.ipv4,
        med,
        originatorId: undefined,
        hops: kind === 'external' ? 1 : 0,
      }));
    originate(WORKLOAD_PEER, 1);
    expect(heard()).toEqual(ours(1));
    originate(LOCAL_PEER, 2);
    expect(heard()).toEqual(ours(2));
    rib.withdrawOwn(world.prefix(text));
    world.settle();
    expect(heard()).toEqual(ours(1));
  });
});

describe('peers that were told the same', () => {
  const clients = PEERS.filter(({ kind }) => kind === 'client');

  function worldOfClients(): RibWorld {
    const world = new RibWorld(PEERS);
    for (const peer of clients) world.up(peer);
    world.announce(LOCAL, '10.0.0.0/8', { ...EMPTY, origin: 'igp', asPath: [] });
    world.settle();
    return world;
  }

  it('change together, at the cost of one', () => {
    const world = worldOfClients();
    const before = world.advertising.sizes;
    for (const peer of clients) world.change(peer, { export: 'none' });
    expect(world.advertising.sizes).toEqual(before);
    world.settle();
    expect(world.check()).toEqual([]);
  });

  it('hear each what it has to hear when they change one after the other, or one asks for everything', () => {
    const world = worldOfClients();
    for (const peer of clients) {
      world.change(peer, { export: 'none' });
      world.settle();
    }
    expect(world.check()).toEqual([]);
    for (const peer of clients) {
      world.change(peer, { export: 'all' });
      if (peer === clients[0]) world.refresh(peer, 0);
    }
    world.settle();
    expect(world.check()).toEqual([]);
    expect(world.checkEnd()).toEqual([]);
  });
});

describe('a peer whose best paths stay the same', () => {
  const route: Attributes = { ...EMPTY, origin: 'igp', asPath: [{ type: 'sequence', asns: [65001] }] };

  function worldOf(peers: readonly ModelPeer[]): RibWorld {
    const world = new RibWorld(PEERS);
    for (const peer of peers) world.up(peer);
    return world;
  }

  it('has them told to those who may hear them only now that it is a client', () => {
    const world = worldOf(PEERS);
    world.announce(PEERS[2], '10.0.0.0/8', { ...route, nextHop: '192.0.2.3' });
    world.settle();
    world.change(PEERS[2], { kind: 'client' });
    world.settle();
    expect(world.check()).toEqual([]);
  });

  it('is not taken for the one before it that sent the same and had its number', () => {
    const [external, , internal, other] = PEERS;
    const world = worldOf([external, other]);
    const same = { ...route, nextHop: '198.51.100.1' };
    world.announce(external, '10.0.0.0/8', same);
    world.settle();
    world.down(external);
    world.up(internal);
    world.announce(internal, '10.0.0.0/8', same);
    world.settle();
    expect(world.check()).toEqual([]);
  });
});

it('peers that come, ask or change in the middle of a dump hear all of it, and End-of-RIB behind it', () => {
  const [first, second, third] = [PEERS[4], PEERS[5], PEERS[0]];
  const world = new RibWorld(PEERS);
  const announce = (from: number, med: number): void => {
    const route: Attributes = { ...EMPTY, origin: 'igp', asPath: [], med };
    for (let i = from; i < 5000; i++) world.announce(LOCAL, `10.${i >> 8}.${i & 255}.0/24`, route);
    world.rib.decide(Infinity);
  };
  const ends = (peer: ModelPeer): readonly Family[] => world.sessions.get(peer)!.reader.endOfRibs;
  announce(0, 0);
  world.up(first);
  world.turn(0);
  expect(ends(first)).toEqual([1]);
  world.up(second);
  world.up(third);
  announce(4900, 1);
  world.turn(0);
  expect(ends(first)).toEqual([1, 0]);
  expect([ends(second), ends(third)]).toEqual([[1], [1]]);
  world.change(second, { export: 'none' });
  world.refresh(first, 0);
  world.block(third);
  world.turn(0);
  world.now += PATIENCE + 1;
  announce(4800, 2);
  world.change(second, { export: 'all' });
  world.turn(0);
  world.settle();
  expect(world.check()).toEqual([]);
  expect(ends(first)).toEqual([1, 0, 0]);
  expect([ends(second), ends(third)]).toEqual([
    [1, 0],
    [1, 0],
  ]);
});

it('a peer hears of one family although it is never done with the other', () => {
  const [peer] = PEERS;
  const world = new RibWorld([peer]);
  world.up(peer);
  const route: Attributes = { ...EMPTY, origin: 'igp', asPath: [] };
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 5000; i++) world.announce(LOCAL, `10.${i >> 8}.${i & 255}.0/24`, { ...route, med: round });
    world.announce(LOCAL, '2001:db8:1::/48', { ...route, med: round });
    world.rib.decide(Infinity);
    world.turn(0);
  }
  expect(world.sessions.get(peer)!.reader.routes.get('2001:db8:1::/48')?.med).toBe(3);
});

it('a turn is short however many groups there are, and none of them waits for ever', () => {
  const rules = ['all', 'short', 'ours'] as const;
  const kinds = [{}, { narrow: true }, { extended: true }];
  const peers = kinds.flatMap((kind, k) =>
    rules.map((_, r): ModelPeer => {
      const number = 1 + k * rules.length + r;
      return { name: `192.0.2.${number}`, kind: 'external', routerId: `1.0.0.${number}`, as: 65000 + number, ...kind };
    }),
  );
  const world = new RibWorld(peers);
  for (const [i, peer] of peers.entries()) {
    world.up(peer);
    world.change(peer, { export: rules[i % rules.length] });
  }
  world.settle();
  expect(world.advertising.sizes.groups).toBe(9);
  const heard = (): number[] => peers.map((peer) => world.sessions.get(peer)!.reader.announced);
  for (let round = 0; round < 4; round++) {
    const route: Attributes = { ...EMPTY, origin: 'igp', asPath: [], med: round };
    for (let i = 0; i < 5000; i++) world.announce(LOCAL, `10.${i >> 7}.${(i & 127) * 2}.0/23`, route);
    world.rib.decide(Infinity);
    const before = heard();
    world.turn(0);
    const busy = heard().filter((count, i) => count > before[i]);
    expect(busy).toHaveLength(4);
  }
  expect(Math.min(...heard())).toBeGreaterThan(0);
});
