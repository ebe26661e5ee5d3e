/** Starling takes the place of BIRD on one node of a cluster after the other while pods talk to each other. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cluster, mayHaveCluster, requireCluster } from './takeover-fixture.ts';

let cluster: Cluster;

beforeEach(async (ctx) => {
  requireCluster(ctx);
  cluster = await Cluster.start(3);
  await cluster.startTraffic();
});
afterEach(async () => {
  if (mayHaveCluster()) await cluster[Symbol.asyncDispose]();
});

describe('taking over from BIRD', () => {
  it('loses no packet, node by node, and none of IPv4 on the way back', { timeout: 180_000 }, async () => {
    for (const node of cluster.nodes) {
      await node.killBird();
      await node.startStarling(cluster.resources);
      await node.inSync();
      await cluster.trafficFlows();
      expect(cluster.losses(), `after ${node.name}`).toEqual([]);
    }
    const [first] = cluster.nodes;
    await first.stopStarling();
    await first.startBird();
    await first.birdInSync();
    await cluster.trafficFlows();
    // BIRD 1.6 deletes an IPv6 route before it adds the other one, so that a packet may find none.
    expect(cluster.losses([4])).toEqual([]);
  });
});
