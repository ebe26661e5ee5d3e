import { describe, expect, it } from 'vitest';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { LOCAL_PEER, SERVICE_PEER, WORKLOAD_PEER } from '../rib/peers.ts';
import { Rib } from '../rib/rib.ts';
import { OwnRoutes } from './own-routes.ts';

const prefix = parsePrefix('10.244.2.7/32');
const block = { prefix, kind: 'block', reason: 'block', attributes: PLAIN_ATTRIBUTES } as const;
const workload = { prefix, kind: 'workload', reason: 'workload', attributes: PLAIN_ATTRIBUTES } as const;
const manual = { prefix, kind: 'manual', reason: 'added by hand', attributes: PLAIN_ATTRIBUTES } as const;

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

describe('routes to services', () => {
  const [address, other] = [parsePrefix('10.96.0.7/32'), parsePrefix('10.96.0.8/32')];

  function world() {
    const rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
    const routes = new OwnRoutes(rib);
    const label = ({ words, length }: Prefix): number | undefined => {
      rib.decide(100);
      const [table] = rib.tables;
      const id = table.prefixes.find(...words, length);
      return id === 0 || table.bestSet[id] === 0 ? undefined : rib.sets.label[table.bestSet[id]];
    };
    const count = (peer: number): number => rib.peers.received[0][peer];
    return { rib, routes, label, count };
  }

  it('come with labels, change and go', () => {
    const { routes, label, count } = world();
    routes.changeServices(
      [address, other].map((prefix, i) => ({ prefix, label: i, reason: 'a service' })),
      [],
    );
    expect([address, other].map(label)).toEqual([0, 1]);
    routes.changeServices([{ prefix: other, label: 7, reason: 'a service' }], [address]);
    expect([address, other].map(label)).toEqual([undefined, 7]);
    expect(count(SERVICE_PEER)).toBe(1);
    routes.clear();
    expect([address, other].map(label)).toEqual([undefined, undefined]);
  });

  it('give way to blocks and to routes added by hand, and come back', () => {
    const { routes, label, count } = world();
    const counts = (): number[] => [LOCAL_PEER, SERVICE_PEER].map(count);
    routes.changeServices([{ prefix: address, label: 3, reason: 'a service' }], []);
    routes.add({ ...manual, prefix: address });
    expect([counts(), label(address)]).toEqual([[1, 0], 0]);
    routes.changeServices([{ prefix: address, label: 4, reason: 'a service' }], []);
    expect(counts()).toEqual([1, 0]);
    routes.delete(address);
    expect([counts(), label(address)]).toEqual([[0, 1], 4]);
    routes.setWanted([{ ...block, prefix: address }]);
    expect([counts(), routes.get(address)?.reason]).toEqual([[1, 0], 'block']);
    routes.setWanted([]);
    expect([counts(), routes.get(address)?.reason]).toEqual([[0, 1], 'a service']);
  });
});
