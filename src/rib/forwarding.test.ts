import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeResolver } from '../../test/support/fake-resolver.ts';
import { LOCAL, OWN } from '../../test/support/rib-model.ts';
import type { ModelPath, ModelPeer } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { linkBandwidth } from '../bgp/messages/attributes/extended-communities.ts';
import { formatPrefixWords } from '../net/prefix.ts';
import type { Family } from '../net/family.ts';
import { DEFAULT_BEST_PATH } from './best-path.ts';
import type { ForwardingListener } from './forwarding.ts';
import type { GroupMember } from './next-hop-groups.ts';
import { WORKLOAD_PEER } from './peers.ts';
import { SOURCE_EXTERNAL } from './policy.ts';
import { Rib } from './rib.ts';

const LINK_LOCAL = 'fe80::9';
const GLOBAL = '2001:db8::9';

const PLAIN: Attributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [65001] }],
  atomicAggregate: false,
  communities: [],
  clusterList: [],
  extendedCommunities: [],
  ipv6ExtendedCommunities: [],
  largeCommunities: [],
  unknown: [],
};

/** Where a route of a peer is forwarded to, with the next hops that the peer gave. */
function forwardedTo(peerAddress: string, nextHop: string, linkLocalNextHop?: string): readonly GroupMember[] {
  const groups = new Map<number, readonly GroupMember[]>();
  let group = 0;
  const rib = new Rib({
    self: { routerId: 1, clusterId: 1 },
    forwarding: {
      define: (id, members) => void groups.set(id, members),
      release: () => {},
      set: (...words) => void (group = words[7]),
    },
  });
  const accept = {
    key: '',
    perPrefix: false,
    apply: ({ set }: { set: number }) => set,
    explain: () => ({ accepted: true, why: '' }),
  };
  const peer = rib.peers.add({
    address: peerAddress,
    source: SOURCE_EXTERNAL,
    routerId: 2,
    localAs: 64512,
    allowLocalAs: 0,
    importPolicy: accept,
  });
  const block = encodeAttributes(
    { ...PLAIN, nextHop, ...(linkLocalNextHop === undefined ? {} : { linkLocalNextHop }) },
    1,
  );
  // 2001:db8:7::/48
  const nlri = Uint8Array.of(48, 0x20, 0x01, 0x0d, 0xb8, 0, 7);
  rib.announce(peer, 1, nlri, 0, nlri.length, rib.sets.acquire(block, 0, block.length));
  rib.decide(1);
  return groups.get(group) ?? [];
}

it.each([
  ['a session over IPv4', '192.0.2.9', GLOBAL, LINK_LOCAL, { address: GLOBAL, interface: undefined, weight: 1 }],
  ['a session over global addresses', GLOBAL, GLOBAL, LINK_LOCAL, { address: GLOBAL, interface: undefined, weight: 1 }],
  [
    'a session over link-local addresses',
    `${LINK_LOCAL}%eth0`,
    GLOBAL,
    LINK_LOCAL,
    { address: LINK_LOCAL, interface: 'eth0', weight: 1 },
  ],
  ['no global address', `${LINK_LOCAL}%eth0`, '::', LINK_LOCAL, { address: LINK_LOCAL, interface: 'eth0', weight: 1 }],
  [
    'no link-local address',
    `${LINK_LOCAL}%eth0`,
    GLOBAL,
    undefined,
    { address: GLOBAL, interface: undefined, weight: 1 },
  ],
  [
    'a link-local address alone',
    `${LINK_LOCAL}%eth0`,
    LINK_LOCAL,
    undefined,
    { address: LINK_LOCAL, interface: 'eth0', weight: 1 },
  ],
])(
  'forwards to the address of a pair that the link is known of (RFC 2545 §3): %s',
  (_what, peer, nextHop, second, hop) => {
    expect(forwardedTo(peer, nextHop, second)).toEqual([hop]);
  },
);

const MAX_PATHS = 3;

/** In the order of their addresses. Two are neighbours with the same address on different links. */
const PEERS: readonly ModelPeer[] = [
  { name: '192.0.2.1', kind: 'external', routerId: '1.0.0.1', as: 65001 },
  { name: '192.0.2.2', kind: 'external', routerId: '1.0.0.4', as: 65002 },
  { name: '192.0.2.3', kind: 'internal', routerId: '1.0.0.3', as: OWN.as },
  { name: `${LINK_LOCAL}%eth0`, kind: 'external', routerId: '1.0.0.5', as: 65003 },
  { name: `${LINK_LOCAL}%eth1`, kind: 'external', routerId: '1.0.0.2', as: 65003 },
];
const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '2001:db8:1::/48', '2001:db8:2::/48', '::/0'];
const HOPS4 = ['192.0.2.1', '192.0.2.2', '192.0.2.9'].map((nextHop) => ({ nextHop }));
const HOPS6 = [
  { nextHop: GLOBAL },
  { nextHop: LINK_LOCAL },
  { nextHop: GLOBAL, linkLocalNextHop: LINK_LOCAL },
  { nextHop: '::', linkLocalNextHop: LINK_LOCAL },
];

/** By weight; no two have a divisor in common. */
const BANDWIDTHS = [undefined, ...[1, 2, 3].map((share) => linkBandwidth(65_001, share * 1e8, share > 1))];

/** What the FIB is told, and what it must not be told, in words. */
class Fib implements ForwardingListener {
  readonly groups = new Map<number, string>();
  readonly routes = new Map<string, number>();
  readonly faults: string[] = [];

  define(group: number, members: readonly GroupMember[]): void {
    if (this.groups.has(group)) this.faults.push(`group ${group} is defined twice`);
    this.groups.set(group, inWords(members));
  }

  release(group: number): void {
    if (!this.groups.delete(group)) this.faults.push(`group ${group} is released, but not defined`);
    for (const [route, used] of this.routes) {
      if (used === group) this.faults.push(`group ${group} is released, but ${route} has it`);
    }
  }

  set(
    family: Family,
    _prefix: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    length: number,
    group: number,
  ): void {
    const route = formatPrefixWords(family, a0, a1, a2, a3, length);
    if (this.routes.get(route) === group) this.faults.push(`${route} is set to what it is`);
    if (group !== 0 && !this.groups.has(group))
      this.faults.push(`${route} is given group ${group}, which is undefined`);
    if (group !== 0) this.routes.set(route, group);
    else if (!this.routes.delete(route)) this.faults.push(`${route} is withdrawn, but was not there`);
  }

  /** Members of the groups of all routes. */
  get state(): Record<string, string | undefined> {
    return Object.fromEntries([...this.routes].map(([route, group]) => [route, this.groups.get(group)]));
  }
}

function inWords(members: readonly GroupMember[]): string {
  return members
    .map(({ address, interface: link, weight }) => `${address}%${link ?? ''}${weight === 1 ? '' : `*${weight}`}`)
    .toSorted()
    .join(' ');
}

/** The next hop of a path as the FIB is to use it. */
function memberOf({ peer, attributes }: ModelPath): GroupMember {
  const { nextHop = '', linkLocalNextHop = '' } = attributes;
  const [, zone] = peer.name.split('%');
  const linkLocal = nextHop === LINK_LOCAL ? nextHop : linkLocalNextHop;
  if (zone !== undefined && linkLocal !== '') return { address: linkLocal, interface: zone, weight: 1 };
  return { address: nextHop === '::' ? linkLocal : nextHop, interface: undefined, weight: 1 };
}

/** In units that the paths of a multipath have no divisor of in common; 0 where there is none. */
function bandwidthOf({ attributes }: ModelPath): number {
  return BANDWIDTHS.indexOf(attributes.extendedCommunities[0]);
}

function expectedState(world: RibWorld): Record<string, string> {
  const state: Record<string, string> = {};
  for (const prefix of world.paths.keys()) {
    const paths = world.multipath(prefix);
    if (paths.length === 0 || paths[0].peer === LOCAL) continue;
    const used = paths.slice(0, MAX_PATHS);
    const bandwidths = new Map<string, number>();
    for (const path of used) {
      const hop = inWords([memberOf(path)]);
      bandwidths.set(hop, Math.max(bandwidths.get(hop) ?? 0, bandwidthOf(path)));
    }
    const isWeighted = used.every((path) => bandwidthOf(path) > 0) && new Set(bandwidths.values()).size > 1;
    // Bandwidths are small numbers: what is common to all of them is 1.
    const weightOf = (hop: string): string =>
      isWeighted && bandwidths.get(hop) !== 1 ? `*${bandwidths.get(hop)}` : '';
    const hops = [...bandwidths.keys()].map((hop) => `${hop}${weightOf(hop)}`);
    state[prefix] = hops.toSorted().join(' ');
  }
  return state;
}

const anySource = fc.constantFrom(...PEERS, LOCAL);
const anyPeer = fc.constantFrom(...PEERS);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(anySource, fc.constantFrom(...PREFIXES), fc.nat(3), fc.boolean(), fc.nat(3))
      .map(([peer, prefix, hop, long, bandwidth]) => (world: RibWorld) => {
        const asns = [peer.as, 65009].slice(0, long ? 2 : 1);
        const nextHop = world.prefix(prefix).family === 0 ? HOPS4[hop % HOPS4.length] : HOPS6[hop];
        const extendedCommunities = [BANDWIDTHS[bandwidth] ?? []].flat();
        world.announce(peer, prefix, {
          ...PLAIN,
          asPath: [{ type: 'sequence', asns }],
          ...nextHop,
          extendedCommunities,
        });
      }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(anySource, fc.constantFrom(...PREFIXES)).map(
      ([peer, prefix]) =>
        (world: RibWorld) =>
          world.withdraw(peer, prefix),
    ),
  },
  { weight: 1, arbitrary: anyPeer.map((peer) => (world: RibWorld) => world.up(peer)) },
  { weight: 1, arbitrary: anyPeer.map((peer) => (world: RibWorld) => world.down(peer)) },
  {
    weight: 1,
    arbitrary: fc
      .subarray([GLOBAL, LINK_LOCAL, '192.0.2.9'])
      .map((own) => (world: RibWorld) => world.setOwnAddresses(own)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom('192.0.2.9', '192.0.2.1', GLOBAL), fc.constantFrom(0, 20, Infinity)).map(
      ([hop, metric]) =>
        (world: RibWorld) =>
          world.setNextHop(hop, metric),
    ),
  },
  { weight: 3, arbitrary: fc.constant((world: RibWorld) => world.answer()) },
  { weight: 5, arbitrary: fc.constant((world: RibWorld) => world.turn(2)) },
);

describe('what the FIB is told', () => {
  it('equals a naive multipath after any churn, with every group defined before its use and released after it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fib = new Fib();
        const world = new RibWorld(PEERS, {
          forwarding: fib,
          nextHopListener: new FakeResolver(),
          bestPath: { ...DEFAULT_BEST_PATH, maxPaths: MAX_PATHS },
        });
        for (const peer of PEERS) world.up(peer);
        for (const happen of steps) happen(world);
        world.settle();
        expect(fib.state).toEqual(expectedState(world));
        expect(fib.faults).toEqual([]);
        expect(fib.groups.size).toBe(new Set(fib.routes.values()).size);
        expect(world.checkEnd()).toEqual([]);
        expect(fib.state).toEqual({});
        expect(fib.faults).toEqual([]);
      }),
      { numRuns: 300 },
    );
  }, 30_000);

  it('is weights by bandwidth, whatever the order in which paths came, the greatest of a next hop that several have', () => {
    const fib = new Fib();
    const world = new RibWorld(PEERS, { forwarding: fib });
    const [first, second, , third] = PEERS;
    for (const peer of [first, second, third]) world.up(peer);
    const announce = (prefix: string, ...paths: readonly [peer: ModelPeer, nextHop: string, share: number][]): void => {
      for (const [peer, nextHop, share] of paths) {
        const extendedCommunities = [BANDWIDTHS[share] ?? []].flat();
        const asPath = [{ type: 'sequence' as const, asns: [peer.as] }];
        world.announce(peer, prefix, { ...PLAIN, asPath, nextHop, extendedCommunities });
      }
      world.settle();
    };
    announce('10.0.0.0/8', [second, '192.0.2.2', 3], [first, '192.0.2.1', 1]);
    announce('10.1.0.0/16', [second, '192.0.2.2', 1], [first, '192.0.2.1', 3]);
    announce('10.2.0.0/16', [second, '192.0.2.2', 2], [first, '192.0.2.1', 2]);
    announce('10.3.0.0/16', [first, '192.0.2.9', 3], [second, '192.0.2.9', 1], [third, '192.0.2.1', 2]);
    announce('10.4.0.0/16', [second, '192.0.2.9', 3], [first, '192.0.2.9', 1], [third, '192.0.2.1', 2]);
    announce('10.5.0.0/16', [first, '192.0.2.9', 3], [second, '192.0.2.2', 1], [third, '192.0.2.1', 0]);
    announce('10.6.0.0/16', [first, '192.0.2.9', 3]);
    expect(fib.state).toEqual({
      '10.0.0.0/8': '192.0.2.1% 192.0.2.2%*3',
      '10.1.0.0/16': '192.0.2.1%*3 192.0.2.2%',
      '10.2.0.0/16': '192.0.2.1% 192.0.2.2%',
      '10.3.0.0/16': '192.0.2.1%*2 192.0.2.9%*3',
      '10.4.0.0/16': '192.0.2.1%*2 192.0.2.9%*3',
      '10.5.0.0/16': '192.0.2.1% 192.0.2.2% 192.0.2.9%',
      '10.6.0.0/16': '192.0.2.9%',
    });
    world.announce(LOCAL, '10.0.0.0/8', PLAIN);
    world.settle();
    expect(fib.state).not.toHaveProperty('10.0.0.0/8');
    expect(fib.faults).toEqual([]);
  });

  it('is a group that is defined anew after nothing used it, though its next hop never went away', () => {
    const fib = new Fib();
    const world = new RibWorld(PEERS, { forwarding: fib });
    world.up(PEERS[0]);
    world.announce(PEERS[0], PREFIXES[0], { ...PLAIN, nextHop: '192.0.2.9' });
    world.settle();
    const before = fib.state;
    world.announce(LOCAL, PREFIXES[0], PLAIN);
    world.settle();
    expect([fib.state, fib.groups.size]).toEqual([{}, 0]);
    world.withdraw(LOCAL, PREFIXES[0]);
    world.settle();
    expect(fib.state).toEqual(before);
    expect(fib.faults).toEqual([]);
  });

  it('is nothing for a route to a workload', () => {
    const fib = new Fib();
    const world = new RibWorld(PEERS, { forwarding: fib });
    const { rib } = world;
    const prefix = world.prefix('10.9.9.9/32');
    const block = encodeAttributes({ ...PLAIN, asPath: [] }, 0);
    rib.originate(prefix, rib.sets.acquire(block, 0, block.length), WORKLOAD_PEER);
    world.settle();
    expect(rib.tables[0].bestPeer[rib.tables[0].prefixes.find(...prefix.words, 32)]).toBe(WORKLOAD_PEER);
    expect(fib.routes.size).toBe(0);
  });

  it('is the link of a peer, not that of the one before it that had its number', () => {
    const fib = new Fib();
    const world = new RibWorld(PEERS, { forwarding: fib });
    const [keeper, , , first, second] = PEERS;
    const route = { ...PLAIN, nextHop: LINK_LOCAL };
    for (const peer of [keeper, first]) {
      world.up(peer);
      world.announce(peer, peer === keeper ? PREFIXES[2] : PREFIXES[3], route);
      world.settle();
    }
    world.down(first);
    world.settle();
    world.up(second);
    world.announce(second, PREFIXES[3], route);
    world.settle();
    expect(fib.state).toEqual(expectedState(world));
  });
});
