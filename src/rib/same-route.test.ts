/** Routes that come from elsewhere than before, and say the same. */
import { describe, expect, it } from 'vitest';
import { OWN } from '../../test/support/rib-model.ts';
import type { ModelPeer } from '../../test/support/rib-model.ts';
import { RibWorld } from '../../test/support/rib-world.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { LOCAL_PEER, WORKLOAD_PEER } from './peers.ts';
import type { OwnPeer } from './peers.ts';

const EXTERNAL: ModelPeer = { name: '192.0.2.1', kind: 'external', routerId: '1.0.0.1', as: 65_001 };
const INTERNAL: ModelPeer = { name: '192.0.2.3', kind: 'internal', routerId: '1.0.0.3', as: OWN.as };
const CLIENT: ModelPeer = { name: '192.0.2.5', kind: 'client', routerId: '1.0.0.5', as: OWN.as };
const ALL_PATHS: ModelPeer = { ...CLIENT, name: '192.0.2.6', routerId: '1.0.0.6', allPaths: [0] };
const PEERS = [EXTERNAL, INTERNAL, CLIENT, ALL_PATHS];
const TEXT = '10.0.0.0/8';

describe('a route that comes from elsewhere now and says the same', () => {
  it.each([
    ['whom the best path is told', CLIENT],
    ['whom all paths are told', ALL_PATHS],
  ])('is told nobody anew, and is known to come from there, by those %s', (_, member) => {
    const world = new RibWorld(PEERS);
    for (const peer of [INTERNAL, member, EXTERNAL]) world.up(peer);
    const prefix = world.prefix(TEXT);
    const { index, reader } = world.sessions.get(member)!;
    const originate = (from: OwnPeer): void => {
      const block = encodeAttributes(PLAIN_ATTRIBUTES, 0);
      const set = world.rib.sets.acquire(block, 0, block.length);
      world.rib.originate(prefix, set, from);
      world.rib.sets.release(set);
    };
    const from = (): number[] => {
      const id = world.rib.tables[0].prefixes.find(...prefix.words, prefix.length);
      return world.advertising.told(index, 0, id).paths.map((path) => path.from);
    };
    originate(WORKLOAD_PEER);
    world.settle();
    expect([from(), reader.announced]).toEqual([[WORKLOAD_PEER], 1]);
    world.rib.withdrawOwn(prefix, WORKLOAD_PEER);
    originate(LOCAL_PEER);
    world.settle();
    expect([from(), reader.announced - reader.withdrawn]).toEqual([[LOCAL_PEER], 1]);
    expect(reader.repeated).toBe(0);
  });

  it('is told the one that it came from, and taken back from it when it comes from there again', () => {
    const world = new RibWorld(PEERS);
    for (const peer of [EXTERNAL, INTERNAL, { ...EXTERNAL, name: '192.0.2.2' }]) world.up(peer);
    const same = { ...PLAIN_ATTRIBUTES, asPath: [{ type: 'sequence' as const, asns: [65_009] }] };
    world.announce(EXTERNAL, TEXT, { ...same, nextHop: EXTERNAL.name });
    world.settle();
    const { reader } = world.sessions.get(EXTERNAL)!;
    expect(reader.routes.size).toBe(0);
    world.announce(INTERNAL, TEXT, { ...same, nextHop: INTERNAL.name, localPref: 200 });
    world.settle();
    expect(reader.routes.get(TEXT)).toMatchObject({ asPath: [{ asns: [OWN.as, 65_009] }] });
    world.withdraw(INTERNAL, TEXT);
    world.settle();
    expect(reader.routes.size).toBe(0);
    expect(world.check()).toEqual([]);
  });
});
