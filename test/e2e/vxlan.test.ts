/** The VXLAN dataplane with the real kernel: packets between nodes, repair, adoption. */
import { beforeEach, describe, expect, it } from 'vitest';
import { VxlanDataplane } from '../../src/fib/vxlan-dataplane.ts';
import { requireOrSkip } from '../support/skip.ts';
import { Underlay } from './vxlan-fixture.ts';
import type { VxlanNode } from './vxlan-fixture.ts';

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip', 'bridge', 'ping'] }));

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly mtu: number;
  readonly address: string;
  readonly ifalias?: string;
  readonly flags: readonly string[];
}

/** The VXLAN devices of a node. */
function devices(node: VxlanNode): IpLink[] {
  return node.ask<IpLink>('-details link show type vxlan').filter(({ ifname }) => ifname !== undefined);
}

/** Sets up the overlay of both families on all nodes, with routes to the pods. */
function setUp(underlay: Underlay): VxlanDataplane[] {
  const dataplanes = underlay.nodes.map((node) => {
    const dataplane = new VxlanDataplane(node.client);
    dataplane.set([underlay.plan(node, 0), underlay.plan(node, 1)]);
    expect(dataplane.sync()).toEqual([]);
    return dataplane;
  });
  underlay.nodes.forEach((node, i) => {
    const others = underlay.nodes.filter((other) => other !== node);
    for (const family of [0, 1] as const) node.route(dataplanes[i], family, others);
    node.notify(dataplanes[i]);
  });
  return dataplanes;
}

describe('the VXLAN dataplane', () => {
  it('carries packets of both families between the pods of three nodes', async () => {
    using underlay = new Underlay(3);
    const [a, b, c] = underlay.nodes;
    setUp(underlay);
    for (const family of [0, 1] as const) {
      expect(await Promise.all([a.ping(b, family), b.ping(c, family), c.ping(a, family)])).toEqual([1, 1, 1]);
    }
    const [v4, v6] = devices(a);
    expect([v4.mtu, v6.mtu, v4.ifalias, v4.address]).toEqual([1450, 1430, 'starling', '66:00:00:00:00:01']);
    // The largest packets that fit: ICMP echo has 28 (48) bytes of headers.
    expect(await a.ping(b, 0, '-c 1 -W 1 -M do -s 1422')).toBe(1);
    expect(await a.ping(b, 1, '-c 1 -W 1 -M do -s 1382')).toBe(1);
  });
});
