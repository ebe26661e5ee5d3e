/** Several paths to a prefix (RFC 7911), where what is heard of them is more than the model can tell. */
import { describe, expect, it } from 'vitest';
import { FakeResolver } from '../../test/support/fake-resolver.ts';
import { LOCAL, OWN } from '../../test/support/rib-model.ts';
import type { ModelPeer } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';

const PREFIX = '10.1.0.0/16';

/** Clients of this reflector; the last one is told all paths, and so is the first but of IPv6. */
const CLIENTS = Array.from({ length: 4 }, (_, i): ModelPeer => ({
  name: `192.0.2.${i + 1}`,
  kind: 'client',
  routerId: `1.0.0.${i + 1}`,
  as: OWN.as,
  ...(i === 3 ? { allPaths: [0, 1] } : i === 0 ? { allPaths: [0] } : {}),
}));
const [A, B, C, HEARER] = CLIENTS;

function route(from: ModelPeer, med = 0): Attributes {
  return { ...PLAIN_ATTRIBUTES, nextHop: from.name, localPref: 100, med };
}

function worldOf(...peers: readonly ModelPeer[]): RibWorld {
  const world = new RibWorld(CLIENTS);
  for (const peer of peers) world.up(peer);
  return world;
}

/** Path identifiers by next hop, as a peer has heard them. */
function heard(world: RibWorld, peer: ModelPeer): Map<string, string> {
  const { routes } = world.sessions.get(peer)!.reader;
  return new Map([...routes].map(([key, { nextHop }]) => [nextHop!, key.split(' ')[1]]));
}

describe('a peer that is told all paths', () => {
  it('hears of each change of one path alone, under the identifier that the path has had', () => {
    const world = worldOf(A, B, C, HEARER);
    for (const peer of [A, B, C]) world.announce(peer, PREFIX, route(peer));
    world.settle();
    const before = heard(world, HEARER);
    const { reader } = world.sessions.get(HEARER)!;
    expect([...before.keys()].toSorted()).toEqual([A.name, B.name, C.name]);
    const [announced, withdrawn] = [reader.announced, reader.withdrawn];
    // The best path becomes the worst: the others are what they were.
    world.announce(A, PREFIX, route(A, 50));
    world.settle();
    world.withdraw(B, PREFIX);
    world.settle();
    expect([reader.announced - announced, reader.withdrawn - withdrawn]).toEqual([1, 1]);
    before.delete(B.name);
    expect(heard(world, HEARER)).toEqual(before);
    expect(world.check()).toEqual([]);
  });

  it('hears nothing of a path that comes back as it was before it is told that it went', () => {
    const world = worldOf(A, B, HEARER);
    for (const peer of [A, B]) world.announce(peer, PREFIX, route(peer));
    world.settle();
    const { messages } = world.sessions.get(HEARER)!.reader;
    world.withdraw(B, PREFIX);
    world.announce(B, PREFIX, route(B));
    world.settle();
    expect(world.sessions.get(HEARER)!.reader.messages).toBe(messages);
  });

  it('hears that a path is gone whose identifier is that of its own path now', () => {
    const world = worldOf(A, B, HEARER);
    world.announce(B, PREFIX, route(B));
    world.settle();
    expect([...heard(world, A).keys()]).toEqual([B.name]);
    // Both of one turn: the row of the first is that of the second.
    world.withdraw(B, PREFIX);
    world.announce(A, PREFIX, route(B));
    world.settle();
    expect(heard(world, A).size).toBe(0);
    expect(world.check()).toEqual([]);
  });

  it('hears that a path is gone whose identifier is that of a path to another prefix now', () => {
    const world = worldOf(A, B, HEARER);
    world.announce(B, PREFIX, route(B));
    world.settle();
    world.withdraw(B, PREFIX);
    world.announce(B, '10.2.0.0/16', route(B));
    world.settle();
    expect([...world.sessions.get(HEARER)!.reader.routes.keys()].map((key) => key.split(' ')[0])).toEqual([
      '10.2.0.0/16',
    ]);
    expect(world.check()).toEqual([]);
  });

  it('hears nothing of a path whose peer has gone, even before it is removed', () => {
    const world = worldOf(A, B);
    for (const peer of [A, B]) world.announce(peer, PREFIX, route(peer));
    world.settle();
    world.down(B);
    world.up(HEARER);
    world.turn(0);
    expect([...heard(world, HEARER).keys()]).toEqual([A.name]);
    world.settle();
    expect(world.check()).toEqual([]);
  });

  it('keeps a path that has another next hop until it is known whether that can be reached', () => {
    const world = new RibWorld(CLIENTS, { nextHopListener: new FakeResolver() });
    for (const peer of [A, B, HEARER]) {
      world.up(peer);
      if (peer !== HEARER) world.announce(peer, PREFIX, route(peer));
    }
    world.settle();
    const { reader } = world.sessions.get(HEARER)!;
    const [announced, withdrawn] = [reader.announced, reader.withdrawn];
    world.announce(B, PREFIX, { ...route(B), nextHop: '198.51.100.9' });
    world.turn(10);
    expect([...heard(world, HEARER).keys()].toSorted()).toEqual([A.name, B.name]);
    world.settle();
    expect([...heard(world, HEARER).keys()].toSorted()).toEqual([A.name, '198.51.100.9']);
    expect([reader.announced - announced, reader.withdrawn - withdrawn]).toEqual([1, 0]);
    expect(world.check()).toEqual([]);
  });

  it("hears this router's own route beside those of others", () => {
    const world = worldOf(A, HEARER);
    world.announce(A, PREFIX, route(A));
    world.announce(LOCAL, PREFIX, { ...PLAIN_ATTRIBUTES, med: 1 });
    world.settle();
    expect([...heard(world, HEARER).keys()].toSorted()).toEqual([OWN.ipv4, A.name]);
    expect(world.check()).toEqual([]);
    expect(world.checkEnd()).toEqual([]);
  });
});

it('of paths of one peer that are otherwise equal, the one with the lower identifier is told as the best', () => {
  const giver: ModelPeer = { ...B, givesIds: true };
  const paths = [5, 3, 9].map((pathId): ModelPeer => ({ ...giver, session: giver, pathId }));
  const world = new RibWorld([A, giver, C, HEARER]);
  world.up(giver);
  world.up(C);
  for (const path of paths) world.announce(path, PREFIX, { ...route(giver), communities: [path.pathId!] });
  world.settle();
  expect(world.sessions.get(C)!.reader.routes.get(PREFIX)?.communities).toEqual([3]);
  world.withdraw(paths[1], PREFIX);
  world.settle();
  expect(world.sessions.get(C)!.reader.routes.get(PREFIX)?.communities).toEqual([5]);
  expect(world.check()).toEqual([]);
});

it('identifiers cost nothing where no peer gives any', () => {
  const world = worldOf(A, HEARER);
  for (let i = 0; i < 3000; i++) world.announce(A, `10.${i >> 8}.${i & 255}.0/24`, route(A));
  world.settle();
  expect(world.rib.tables.map(({ pathId }) => pathId.length)).toEqual([0, 0]);
});
