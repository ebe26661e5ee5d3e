import { describe, expect, it } from 'vitest';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parsePrefix } from '../net/prefix.ts';
import { LOCAL_PEER, WORKLOAD_PEER } from '../rib/peers.ts';
import { Rib } from '../rib/rib.ts';
import { OwnRoutes } from './own-routes.ts';

const prefix = parsePrefix('10.244.2.7/32');
const block = { prefix, reason: 'block', attributes: PLAIN_ATTRIBUTES };
const workload = { prefix, reason: 'workload', attributes: PLAIN_ATTRIBUTES, workload: true };
const manual = { prefix, reason: 'added by hand', attributes: PLAIN_ATTRIBUTES };

describe('own routes', () => {
  it('are in the RIB once, as what they are', () => {
    const rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
    const routes = new OwnRoutes(rib);
    const counts = (): number[] => [LOCAL_PEER, WORKLOAD_PEER].map((peer) => rib.peers.received[0][peer]);

    routes.setWanted([workload]);
    expect(counts()).toEqual([0, 1]);
    routes.add(manual);
    expect(counts()).toEqual([1, 0]);
    routes.delete(prefix);
    expect(counts()).toEqual([0, 1]);
    // A block of one address takes the place of the workload that has it.
    expect(routes.setWanted([block]).added).toEqual([block]);
    expect(counts()).toEqual([1, 0]);
    routes.setWanted([]);
    expect(counts()).toEqual([0, 0]);
  });
});
