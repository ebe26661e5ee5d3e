import { describe, expect, it } from 'vitest';
import { OWN } from '../../test/support/rib-model.ts';
import type { ModelPeer } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';

const RESTARTS: ModelPeer = { name: '192.0.2.1', kind: 'external', routerId: '1.0.0.1', as: 65001 };
const CLIENTS: readonly ModelPeer[] = ['192.0.2.2', '192.0.2.3'].map((name, i) => ({
  name,
  kind: 'client',
  routerId: `1.0.0.${i + 2}`,
  as: OWN.as,
}));
const PEERS = [RESTARTS, ...CLIENTS];
const ROUTE: Attributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [65001] }],
  nextHop: '192.0.2.1',
  atomicAggregate: false,
  communities: [],
  clusterList: [],
  extendedCommunities: [],
  ipv6ExtendedCommunities: [],
  largeCommunities: [],
  unknown: [],
};

/** All peers are up, and the first one has announced 10.1.0.0/16 to 10.4.0.0/16. */
function settledWorld(): RibWorld {
  const world = new RibWorld(PEERS);
  for (const peer of PEERS) world.up(peer);
  for (let i = 1; i <= 4; i++) world.announce(RESTARTS, `10.${i}.0.0/16`, ROUTE);
  world.settle();
  return world;
}

/** What a peer has been told at present, and in how many messages since it came up. */
function heard(world: RibWorld, peer = CLIENTS[0]): { routes: string[]; messages: number } {
  const { routes, messages } = world.sessions.get(peer)!.reader;
  return { routes: [...routes.keys()].toSorted(), messages };
}

describe('a peer that restarts', () => {
  it('is not noticed by others, if it announces the same as before', () => {
    const world = settledWorld();
    const before = heard(world);
    world.lose(RESTARTS);
    world.settle();
    expect(world.check()).toEqual([]);
    world.up(RESTARTS);
    for (let i = 1; i <= 4; i++) world.announce(RESTARTS, `10.${i}.0.0/16`, ROUTE);
    world.sweep(RESTARTS);
    world.settle();
    expect(heard(world)).toEqual(before);
    expect(world.check()).toEqual([]);
  });

  it('loses what it does not announce again', () => {
    const world = settledWorld();
    world.lose(RESTARTS);
    world.up(RESTARTS);
    world.announce(RESTARTS, '10.2.0.0/16', ROUTE);
    world.announce(RESTARTS, '10.9.0.0/16', ROUTE);
    world.withdraw(RESTARTS, '10.3.0.0/16');
    world.settle();
    expect(heard(world).routes).toEqual(['10.1.0.0/16', '10.2.0.0/16', '10.4.0.0/16', '10.9.0.0/16']);
    world.sweep(RESTARTS);
    world.settle();
    expect(heard(world).routes).toEqual(['10.2.0.0/16', '10.9.0.0/16']);
    expect(world.check()).toEqual([]);
  });

  it('loses what is stale already when it restarts again (RFC 4724 §4.2)', () => {
    const world = settledWorld();
    world.lose(RESTARTS);
    world.up(RESTARTS);
    world.announce(RESTARTS, '10.2.0.0/16', ROUTE);
    world.lose(RESTARTS);
    world.settle();
    expect(heard(world).routes).toEqual(['10.2.0.0/16']);
    expect(world.check()).toEqual([]);
    world.sweep(RESTARTS);
    world.settle();
    expect(heard(world).routes).toEqual([]);
    expect(world.checkEnd()).toEqual([]);
  });
});

describe('End-of-RIB of a router that restarts itself', () => {
  it('waits for all that others have to tell, whatever the peers ask for meanwhile', () => {
    const world = new RibWorld(PEERS);
    world.holdEndOfRib = true;
    for (const peer of PEERS) world.up(peer);
    world.announce(RESTARTS, '10.1.0.0/16', ROUTE);
    world.settle();
    world.refresh(CLIENTS[0], 0);
    world.change(CLIENTS[1], { export: 'none' });
    world.settle();
    expect(world.check()).toEqual([]);
    for (const peer of PEERS) expect(world.sessions.get(peer)!.reader.endOfRibs).toEqual([]);
    world.announce(RESTARTS, '10.2.0.0/16', ROUTE);
    world.releaseEndOfRib();
    world.settle();
    for (const peer of PEERS)
      expect(world.sessions.get(peer)!.reader.endOfRibs.toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect(world.checkEnd()).toEqual([]);
  });
});
