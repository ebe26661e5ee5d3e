/**
 * LOCAL_PREF between nodes of one cluster: a BIRD as Calico up to v3.31 has it, which tells 100, and one as of v3.32 on, which
 * tells the metric of the route as 2147483647 minus it, are both clients of a Starling reflector.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bird } from '../e2e/bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, block, linkAddresses, resource } from '../e2e/daemon-fixture.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

/** A service that both nodes have, and one of each alone. */
const SHARED = '203.0.113.7/32';
const OF_OLD = '203.0.113.8/32';
const OF_NEW = '203.0.113.9/32';
const OWN_BLOCK = '10.244.1.0/26';

/** The metric 1024, as Calico from v3.32 on tells it. */
const NORMAL = 2_147_482_623;

const [OLD, NEW] = [1, 2].map((number) => linkAddresses(number).theirs);

let node: TestNode;
let birds: Bird[] = [];

/** The LOCAL_PREF with which a BIRD has a route from the node, once that is settled, which `settled` is the value of. */
async function localPref(bird: Bird, prefix: string, settled: number): Promise<number> {
  const read = async () => Number(/BGP\.local_pref: (\d+)/.exec(await bird.route(prefix).catch(String))?.[1]);
  return waitFor(read, {
    what: `${bird.process.name} to have ${prefix} with LOCAL_PREF ${settled}`,
    accept: (value) => value === settled,
  });
}

describe('LOCAL_PREF of two kinds of nodes', () => {
  beforeAll(async () => {
    if (missingHere(DAEMON_NEEDS) !== undefined) return;
    node = new TestNode();
    const far = [1, 2].map((number) => node.addLink(number));
    // Without aggregation its routes are for the kernel.
    const services = {
      serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }],
      serviceLoadBalancerAggregation: 'Disabled',
    };
    node.writeBasics(services);
    const ours = linkAddresses(1).ours;
    const bgp = { asNumber: NODE_AS, ipv4Address: `${ours}/24`, routeReflectorClusterID: '10.0.0.99' };
    node.write('node.yaml', resource('Node', node.name, { bgp }));
    node.write('routes.yaml', block(OWN_BLOCK), resource('IPPool', 'pods', { cidr: '10.244.0.0/16' }));
    node.write('peers.yaml', bgpPeer(1, NODE_AS), bgpPeer(2, NODE_AS));
    birds = await Promise.all([
      Bird.start(far[0], 1, NODE_AS, [SHARED, OF_OLD]),
      Bird.start(far[1], 2, NODE_AS, [SHARED, OF_NEW], undefined, NORMAL),
      node.startDaemon(),
    ]).then(([old, recent]) => [old, recent]);
  });

  beforeEach((ctx) => requireOrSkip(ctx, DAEMON_NEEDS));

  afterAll(async () => {
    for (const bird of birds) await bird[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
  });

  it('does not keep their common service from being reached over both', async () => {
    const routes = await waitFor(() => node.ip<{ nexthops?: { gateway: string }[] }>('route', 'show', SHARED), {
      what: `a route for ${SHARED} over both`,
      accept: ([route]) => route?.nexthops?.length === 2,
    });
    expect(routes[0].nexthops!.map(({ gateway }) => gateway).toSorted()).toEqual([OLD, NEW]);
  });

  it('is told to each of them on its own scale', async () => {
    const [old, recent] = birds;
    expect(await localPref(old, OF_NEW, 100)).toBe(100);
    expect(await localPref(recent, OF_OLD, NORMAL)).toBe(NORMAL);
    expect(await localPref(old, OWN_BLOCK, 100)).toBe(100);
    expect(await localPref(recent, OWN_BLOCK, NORMAL)).toBe(NORMAL);
  });

  it('is shown as it came', async () => {
    const { out } = await node.starling('route', 'explain', SHARED);
    expect(out).toContain(String(NORMAL));
  });
});
