import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdjRibInReader } from '../../test/support/adj-rib-in-reader.ts';
import { OWN, modelTold } from '../../test/support/rib-model.ts';
import type { ModelPeer } from '../../test/support/rib-model.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { parseAddress, parseU32 } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { parsePrefix, prefixBytes } from '../net/prefix.ts';
import { Advertising, PATIENCE } from './advertising.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL, SOURCE_INTERNAL } from './policy.ts';
import type { RoutePolicy } from './policy.ts';
import { Rib } from './rib.ts';
import type { GroupProfile } from './update-group.ts';

const ACCEPT: RoutePolicy = {
  key: 'accept',
  perPrefix: false,
  apply: (route) => route.set,
  explain: () => ({ accepted: true, why: 'accepted' }),
};

const PEERS: readonly ModelPeer[] = [
  { name: '192.0.2.1', kind: 'external', routerId: '1.0.0.1', as: 65001 },
  { name: '192.0.2.2', kind: 'external', routerId: '1.0.0.9', as: 65002 },
  { name: '192.0.2.3', kind: 'internal', routerId: '1.0.0.3', as: OWN.as },
  { name: '192.0.2.4', kind: 'internal', routerId: '1.0.0.4', as: OWN.as },
  { name: '192.0.2.5', kind: 'client', routerId: '1.0.0.5', as: OWN.as },
  { name: '192.0.2.6', kind: 'client', routerId: '1.0.0.6', as: OWN.as },
];
const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3/32', '0.0.0.0/0', '2001:db8:1::/48', '::/0'];
const LOCAL: ModelPeer = { name: 'local', kind: 'local', routerId: OWN.routerId, as: OWN.as };

const SOURCES = { external: SOURCE_EXTERNAL, internal: SOURCE_INTERNAL, client: SOURCE_CLIENT } as const;

const EMPTY = {
  atomicAggregate: false,
  communities: [],
  clusterList: [],
  extendedCommunities: [],
  ipv6ExtendedCommunities: [],
  largeCommunities: [],
  unknown: [],
};

/** The RIB under test with readers behind its peers, and the model's state beside it. */
class World {
  readonly rib = new Rib({ self: { routerId: parseU32(OWN.routerId), clusterId: parseU32(OWN.clusterId) } });
  readonly advertising = new Advertising(this.rib);
  readonly index = new Map<ModelPeer, number>();
  readonly readers = new Map<ModelPeer, AdjRibInReader>();
  readonly paths = new Map<string, Map<ModelPeer, Attributes>>();
  readonly slow = new Set<ModelPeer>();
  now = 0;

  up(peer: ModelPeer): void {
    if (this.index.has(peer) || peer.kind === 'local') return;
    const index = this.rib.peers.add({
      address: peer.name,
      source: SOURCES[peer.kind],
      routerId: parseU32(peer.routerId),
      localAs: OWN.as,
      allowLocalAs: 0,
      importPolicy: ACCEPT,
    });
    this.index.set(peer, index);
    this.readers.set(peer, new AdjRibInReader());
    this.advertising.join(index, profileFor(peer));
  }

  down(peer: ModelPeer): void {
    const index = this.index.get(peer);
    if (index === undefined) return;
    this.advertising.leave(index);
    for (const family of [0, 1] as const) this.rib.flush(index, family);
    this.rib.peers.remove(index);
    this.index.delete(peer);
    this.slow.delete(peer);
    for (const paths of this.paths.values()) paths.delete(peer);
  }

  announce(peer: ModelPeer, text: string, attributes: Attributes): void {
    const prefix = parsePrefix(text);
    const own = { ...attributes, ...nextHopOf(peer, prefix.family) };
    const block = encodeAttributes(own, prefix.family);
    const set = this.rib.sets.acquire(block, 0, block.length);
    if (peer.kind === 'local') this.rib.originate(prefix, set);
    else {
      const index = this.index.get(peer);
      if (index !== undefined) this.rib.announce(index, prefix.family, ...nlri(text), set);
    }
    this.rib.sets.release(set);
    if (peer.kind === 'local' || this.index.has(peer)) this.pathsOf(text).set(peer, own);
  }

  withdraw(peer: ModelPeer, text: string): void {
    const prefix = parsePrefix(text);
    if (peer.kind === 'local') this.rib.withdrawOwn(prefix);
    else {
      const index = this.index.get(peer);
      if (index !== undefined) this.rib.withdraw(index, prefix.family, ...nlri(text));
    }
    this.pathsOf(text).delete(peer);
  }

  turn(): void {
    this.rib.decide(3);
    this.advertising.flush(this.now, (index, bytes) => {
      const peer = [...this.index].find(([, known]) => known === index)![0];
      this.readers.get(peer)!.feed(bytes);
      return !this.slow.has(peer);
    });
  }

  settle(): void {
    for (const peer of this.slow) this.advertising.writable(this.index.get(peer)!);
    this.slow.clear();
    for (let i = 0; this.rib.hasWork || this.advertising.hasWork; i++) {
      if (i > 1000) throw new Error('does not settle');
      this.turn();
    }
  }

  check(): void {
    for (const [peer, reader] of this.readers) {
      if (!this.index.has(peer)) continue;
      const expected: Record<string, unknown> = {};
      for (const [text, paths] of this.paths) {
        const list = [...paths].map(([from, attributes]) => ({ peer: from, attributes }));
        const told = modelTold(list, peer, parsePrefix(text).family);
        if (told !== undefined) expected[text] = told;
      }
      expect({ [peer.name]: Object.fromEntries(reader.routes) }).toEqual({ [peer.name]: expected });
      const index = this.index.get(peer)!;
      const count = this.advertising.toldCount(index, 0) + this.advertising.toldCount(index, 1);
      expect(count).toBe(reader.routes.size);
      expect(reader.needless).toBe(0);
    }
  }

  private pathsOf(text: string): Map<ModelPeer, Attributes> {
    let paths = this.paths.get(text);
    if (paths === undefined) this.paths.set(text, (paths = new Map()));
    return paths;
  }
}

function profileFor(peer: ModelPeer): GroupProfile {
  return {
    to: peer.kind === 'local' ? 'external' : peer.kind,
    localAs: OWN.as,
    nextHopMode: 'auto',
    selfNextHop: [parseAddress(OWN.ipv4).bytes, parseAddress(OWN.ipv6).bytes],
    clusterId: parseU32(OWN.clusterId),
    exportPolicy: ACCEPT,
    families: [0, 1],
    fourOctetAs: true,
    maxMessage: 4096,
  };
}

function nextHopOf(peer: ModelPeer, family: Family): { nextHop?: string } {
  if (peer.kind === 'local') return {};
  return { nextHop: family === 0 ? peer.name : `2001:db8::${peer.name.split('.')[3]}` };
}

function nlri(text: string): [Uint8Array, number, number] {
  const { family, words, length } = parsePrefix(text);
  const bytes = prefixBytes(family, ...words).subarray(0, (length + 7) >> 3);
  const buffer = Uint8Array.of(length, ...bytes);
  return [buffer, 0, buffer.length];
}

const attributes = fc.record({
  origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
  asns: fc.array(fc.constantFrom(65001, 65002, 4_200_000_000), { maxLength: 3 }),
  med: fc.option(fc.constantFrom(0, 10, 20), { nil: undefined }),
  localPref: fc.option(fc.constantFrom(50, 100, 200), { nil: undefined }),
  communities: fc.subarray([0xffffff01, 0xffffff02, 6_500_001], { maxLength: 1 }),
  extended: fc.subarray([
    { high: 0x0002_fde8, low: 1 },
    { high: 0x4004_fde8, low: 2 },
  ]),
  unknown: fc.boolean(),
});

type Drawn = typeof attributes extends fc.Arbitrary<infer T> ? T : never;

/** Attributes as a peer of that kind may send them. */
function attributesFor(peer: ModelPeer, drawn: Drawn): Attributes {
  const asns = peer.kind === 'external' ? [peer.as, ...drawn.asns] : drawn.asns;
  return {
    ...EMPTY,
    origin: drawn.origin,
    asPath: asns.length === 0 ? [] : [{ type: 'sequence', asns }],
    ...(drawn.med !== undefined && { med: drawn.med }),
    ...(drawn.localPref !== undefined && peer.kind !== 'external' && { localPref: drawn.localPref }),
    communities: drawn.communities,
    extendedCommunities: drawn.extended,
    unknown: drawn.unknown ? [{ code: 99, flags: 0xe0, value: Uint8Array.of(1, 2, 3) }] : [],
  };
}

const anyPeer = fc.constantFrom(...PEERS);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constant('announce' as const),
      fc.constantFrom(...PEERS, LOCAL),
      fc.constantFrom(...PREFIXES),
      attributes,
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant('withdraw' as const),
      fc.constantFrom(...PEERS, LOCAL),
      fc.constantFrom(...PREFIXES),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('up' as const), anyPeer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('down' as const), anyPeer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('slow' as const), anyPeer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('refresh' as const), anyPeer) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('turn' as const), fc.constantFrom(1, PATIENCE + 1)) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(world: World, [kind, ...rest]: Step): void {
  switch (kind) {
    case 'announce': {
      const [peer, prefix, drawn] = rest as [ModelPeer, string, Drawn];
      return world.announce(peer, prefix, attributesFor(peer, drawn));
    }
    case 'withdraw':
      return world.withdraw(...(rest as [ModelPeer, string]));
    case 'up':
      return world.up(rest[0] as ModelPeer);
    case 'down':
      return world.down(rest[0] as ModelPeer);
    case 'slow': {
      const peer = rest[0] as ModelPeer;
      if (world.index.has(peer)) world.slow.add(peer);
      return undefined;
    }
    case 'refresh': {
      const index = world.index.get(rest[0] as ModelPeer);
      if (index !== undefined) world.advertising.refresh(index, 0);
      return undefined;
    }
    case 'turn':
      world.now += rest[0] as number;
      return world.turn();
  }
}

describe('what peers are told', () => {
  it('equals a naive model after any churn, slow peers, refreshes and sessions that come and go', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const world = new World();
        for (const peer of PEERS) world.up(peer);
        for (const one of steps) run(world, one);
        world.settle();
        world.check();
        for (const peer of PEERS) world.down(peer);
        for (const prefix of PREFIXES) world.withdraw(LOCAL, prefix);
        world.settle();
        // Nothing leaks: no prefix, path or attribute set is left.
        expect(world.rib.tables.map(({ prefixes, count }) => [prefixes.count, count])).toEqual([
          [0, 0],
          [0, 0],
        ]);
        expect(world.rib.sets.count).toBe(0);
      }),
      { numRuns: 400 },
    );
  });
});
