/** The RIB under long churn, with numbers that come from a seed: larger tables than the property tests have. */
import { expect, it } from 'vitest';
import { FakeResolver } from '../../test/support/fake-resolver.ts';
import { LOCAL, OWN } from '../../test/support/rib-model.ts';
import type { ModelPeer } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { PATIENCE } from './advertising.ts';

const OPERATIONS = 100_000;
const CHECKS = 2;
const PREFIXES = 3000;
const FLAPPING_PREFIXES = 200;

const KINDS = ['external', 'external', 'client', 'internal'] as const;
/** In the order of their addresses. */
const PEERS = Array.from({ length: 12 }, (_, i): ModelPeer => {
  const kind = KINDS[i % KINDS.length];
  const as = kind === 'external' ? 65001 + i : OWN.as;
  return {
    name: `192.0.2.${i + 1}`,
    kind,
    routerId: `1.0.0.${(i * 7) % 12}`,
    as,
    ...(i === 5 && { narrow: true }),
    ...(i % 5 === 2 && { allPaths: i === 2 ? [1] : [0, 1] }),
    ...(i % 4 === 2 && { givesIds: true }),
  };
});

/** What each peer announces with: itself, or paths with an identifier (RFC 7911) of which some are 0. */
const PATHS = new Map(
  PEERS.map((peer) => [
    peer,
    peer.givesIds === true ? [0, 7, 4_294_967_295].map((pathId) => ({ ...peer, session: peer, pathId })) : [peer],
  ]),
);

/** Numbers in [0, limit), the same in every run (a linear congruential generator, Numerical Recipes' constants). */
class Numbers {
  private state = 1;

  below(limit: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
}

const texts = Array.from({ length: PREFIXES }, (_, i) =>
  i % 10 === 0 ? `2001:db8:${(i + 1).toString(16)}::/48` : `10.${i >> 8}.${i & 255}.0/24`,
);

/** A few attributes for each source, so that sets are shared, and freed and made anew. */
const variants = new Map(
  [...PEERS, LOCAL].map((peer) => [peer, Array.from({ length: 24 }, (_, i) => attributesOf(peer, i))]),
);

function attributesOf(peer: ModelPeer, variant: number): (family: number) => Attributes {
  const asns = [...(peer.kind === 'external' ? [peer.as] : []), ...[65100, 4_200_000_000].slice(0, variant % 3)];
  const common = {
    origin: 'igp' as const,
    asPath: asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }],
    med: variant >> 3,
    atomicAggregate: false,
    communities: variant === 23 ? [0xffffff02] : [variant],
    clusterList: [],
    extendedCommunities: [],
    ipv6ExtendedCommunities: [],
    largeCommunities: [],
    unknown: [],
  };
  if (peer === LOCAL) return () => common;
  const both = [0, 1].map((family) => ({ ...common, nextHop: hopOf(peer, family) }));
  return (family) => both[family];
}

function hopOf({ name }: ModelPeer, family: number): string {
  return family === 0 ? name : `2001:db8::${name.split('.')[3]}`;
}

/** What the way to a next hop costs. */
const METRICS = [0, 0, 20, Infinity];

/** What happens to a peer now and then. */
const RARE: readonly ((world: RibWorld, peer: ModelPeer) => void)[] = [
  (world, peer) => world.down(peer),
  (world, peer) => world.lose(peer),
  (world, peer) => world.sweep(peer),
  (world, peer) => world.change(peer, { export: 'ours' }),
  (world, peer) => world.change(peer, { export: 'all' }),
  (world, peer) => world.change(peer, { export: 'lower' }),
  (world, peer) => world.change(peer, { import: 'raise', export: 'raise' }),
  (world, peer) => world.change(peer, { import: 'all' }),
];

/** What has all paths of a peer looked at, or all there are. */
const SCANS: readonly ((world: RibWorld, peer: ModelPeer) => void)[] = [
  (world, peer) => world.down(peer),
  (world, peer) => world.lose(peer),
  (world, peer) => world.sweep(peer),
  (world, peer) => world.change(peer, { import: 'none' }),
  (world, peer) => world.change(peer, { import: 'ours' }),
  (world, peer) => world.change(peer, { import: 'all' }),
  (world, peer) => world.change(peer, { import: 'raise' }),
  (world, peer) => world.change(peer, { import: 'lower', export: 'raise' }),
  (world, peer) => world.change(peer, { kind: peer.kind === 'external' ? 'external' : 'client' }),
  (world, peer) => world.change(peer, { kind: peer.kind }),
  (world, peer) => world.setNextHop(hopOf(peer, 0), METRICS[(world.now / 10) % METRICS.length]),
];

function pathOf(peer: ModelPeer, numbers: Numbers): ModelPeer {
  const paths = PATHS.get(peer)!;
  return paths.length === 1 ? peer : paths[numbers.below(paths.length)];
}

/** One random thing that happens to the world. */
function happen(world: RibWorld, numbers: Numbers): void {
  const kind = numbers.below(1000);
  const peer = PEERS[numbers.below(PEERS.length)];
  const text = texts[numbers.below(PREFIXES)];
  if (kind < 600) {
    const source = kind < 5 ? LOCAL : pathOf(peer, numbers);
    world.announce(source, text, variants.get(kind < 5 ? LOCAL : peer)![numbers.below(24)](world.prefix(text).family));
  } else if (kind < 980) world.withdraw(kind < 605 ? LOCAL : pathOf(peer, numbers), text);
  else if (kind < 988) world.block(peer);
  else if (kind < 994) world.fast(peer);
  else if (kind < 996) world.setNextHop(hopOf(peer, numbers.below(2)), METRICS[numbers.below(METRICS.length)]);
  else if (kind < 998 || numbers.below(8) > 0) world.up(peer);
  else RARE[numbers.below(RARE.length)](world, peer);
}

it(`the RIB stays true to the model over ${OPERATIONS} operations of 12 peers on ${PREFIXES} prefixes`, () => {
  const world = new RibWorld(PEERS, { nextHopListener: new FakeResolver() });
  const numbers = new Numbers();
  for (const peer of PEERS) world.up(peer);
  for (let i = 1; i <= OPERATIONS; i++) {
    happen(world, numbers);
    if (i % 160 === 0) world.answer();
    if (i % 250 === 0) {
      world.now += PATIENCE / 2;
      world.turn(200);
    }
    if (i % (OPERATIONS / CHECKS) !== 0) continue;
    world.settle(1000);
    expect(world.check()).toEqual([]);
  }
  expect(world.checkEnd()).toEqual([]);
}, 30_000);

it('the RIB stays true to the model where peers flap while what they left is still removed', () => {
  const world = new RibWorld(PEERS, { nextHopListener: new FakeResolver() });
  const numbers = new Numbers();
  for (let i = 1; i <= 30_000; i++) {
    const peer = PEERS[numbers.below(PEERS.length)];
    const text = texts[numbers.below(FLAPPING_PREFIXES)];
    const kind = numbers.below(1000);
    if (kind < 960)
      world.announce(pathOf(peer, numbers), text, variants.get(peer)![numbers.below(24)](world.prefix(text).family));
    else if (kind < 970) world.withdraw(pathOf(peer, numbers), text);
    else if (kind < 990) world.up(peer);
    else SCANS[numbers.below(SCANS.length)](world, peer);
    if (i % 50 === 0) {
      world.now += 10;
      world.answer();
      world.turn(8);
    }
    if (i % 3000 !== 0) continue;
    world.settle(20);
    expect(world.check()).toEqual([]);
  }
  expect(world.checkEnd()).toEqual([]);
}, 30_000);
