/** The VXLAN dataplane with the real kernel: packets between nodes, repair, adoption. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { VxlanPlan } from '../../src/fib/tunnel-plan.ts';
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
  readonly linkinfo?: { readonly info_data: { readonly id: number } };
}

/** The VXLAN devices of a node by name. */
function devices(node: VxlanNode): Record<string, IpLink> {
  const links = node.ask<Partial<IpLink>>('-details link show type vxlan').filter((link) => 'ifname' in link);
  return Object.fromEntries(links.map((link) => [link.ifname, link as IpLink]));
}

/** Addresses, neighbours and forwarding entries of `vxlan.calico`, sorted. */
function entries(node: VxlanNode): string[] {
  const addresses = node.run('ip -4 -brief address show dev vxlan.calico').split(/\s+/).slice(2, -1);
  const neighbours = node.run('ip -4 neigh show dev vxlan.calico').trim().split(/ *\n/);
  const forwarding = node.run('bridge fdb show dev vxlan.calico').trim().split(/ *\n/);
  return [...addresses, ...neighbours, ...forwarding].filter(Boolean).toSorted();
}

const ENTRIES_OF_1 = [
  '10.2.0.1/32',
  '10.2.0.2 lladdr 66:00:00:00:00:02 PERMANENT',
  '66:00:00:00:00:02 dst 10.0.0.2 self permanent',
];

/** A dataplane on a node that has synced these plans. */
function start(node: VxlanNode, plans: readonly VxlanPlan[]): VxlanDataplane {
  const dataplane = new VxlanDataplane(node.client);
  dataplane.set(plans);
  expect(dataplane.sync()).toEqual([]);
  node.notify(dataplane);
  return dataplane;
}

/** Sets up the overlay of both families on all nodes, with routes to the pods. */
function startAll(underlay: Underlay): VxlanDataplane[] {
  const dataplanes = underlay.nodes.map((node) => start(node, [underlay.plan(node, 0), underlay.plan(node, 1)]));
  underlay.nodes.forEach((node, i) => underlay.route(node, dataplanes[i]));
  return dataplanes;
}

describe('the VXLAN dataplane', () => {
  it('carries packets of both families between the pods of three nodes', async () => {
    using underlay = new Underlay(3);
    const [a, b, c] = underlay.nodes;
    startAll(underlay);
    for (const family of [0, 1] as const) {
      expect(await Promise.all([a.ping(b, family), b.ping(c, family), c.ping(a, family)])).toEqual([1, 1, 1]);
    }
    const { 'vxlan.calico': v4, 'vxlan-v6.calico': v6 } = devices(a);
    expect([v4.mtu, v6.mtu, v4.ifalias, v4.address]).toEqual([1450, 1430, 'starling', '66:00:00:00:00:01']);
    // The largest packets that fit: ICMP echo has 28 (48) bytes of headers.
    expect(await a.ping(b, 0, '-c 1 -W 1 -M do -s 1422')).toBe(1);
    expect(await a.ping(b, 1, '-c 1 -W 1 -M do -s 1382')).toBe(1);
  });

  it.each([
    'ip link delete vxlan.calico',
    'ip link set vxlan.calico down',
    'ip link set vxlan.calico mtu 1300',
    'ip link set vxlan.calico address 02:00:00:00:00:01',
    'ip address delete 10.2.0.1/32 dev vxlan.calico',
    'ip address add 10.9.9.9/24 dev vxlan.calico',
    'ip neigh delete 10.2.0.2 dev vxlan.calico',
    'ip neigh replace 10.2.0.2 lladdr 02:00:00:00:00:02 dev vxlan.calico',
    'ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev vxlan.calico nud permanent',
    'bridge fdb delete 66:00:00:00:00:02 dev vxlan.calico',
    'bridge fdb replace 66:00:00:00:00:02 dst 10.0.0.9 dev vxlan.calico self permanent',
    'bridge fdb add 02:00:00:00:00:09 dst 10.0.0.9 dev vxlan.calico self permanent',
  ])('mends what "%s" breaks', async (command) => {
    using underlay = new Underlay(2);
    const [a, b] = underlay.nodes;
    const [dataplane] = startAll(underlay);
    expect(entries(a)).toEqual(ENTRIES_OF_1);
    expect(dataplane.sync()).toEqual([]);
    expect(a.notify(dataplane)).toBe(false);

    a.run(command);
    expect(a.notify(dataplane)).toBe(true);
    expect(dataplane.sync()).toEqual([]);
    expect(entries(a)).toEqual(ENTRIES_OF_1);
    expect(devices(a)['vxlan.calico']).toMatchObject({ mtu: 1450, address: '66:00:00:00:00:01', ifalias: 'starling' });
    underlay.route(a, dataplane);
    expect(await a.ping(b, 0)).toBe(1);
  });

  it('minds its own devices only', () => {
    using underlay = new Underlay(2);
    const [a] = underlay.nodes;
    const [dataplane] = startAll(underlay);
    a.run('ip link add other type vxlan id 7 dstport 4790 local 10.0.0.1; ip link set other up');
    a.run('ip address add 10.7.0.1/24 dev other; ip neigh add 10.7.0.2 lladdr 02:00:00:00:00:07 dev other');
    a.run('bridge fdb add 02:00:00:00:00:07 dst 10.0.0.2 dev other; ip link set lo mtu 60000');
    expect(a.notify(dataplane)).toBe(false);
    a.run('ip route delete 10.1.2.1; ip -6 route delete fd01:2::1');
    dataplane.set([]);
    expect(dataplane.sync()).toEqual([]);
    expect(Object.keys(devices(a))).toEqual(['other']);
    expect(dataplane.vxlan('10.0.0.2')).toEqual({ why: 'no VXLAN is set up here' });
  });

  it('follows the underlay: another MTU, an address that comes later', () => {
    using underlay = new Underlay(2);
    const [a] = underlay.nodes;
    const dataplane = start(a, [underlay.plan(a, 0)]);
    a.run('ip link set eth0 mtu 1400');
    expect(a.notify(dataplane)).toBe(true);
    expect([dataplane.sync(), devices(a)['vxlan.calico'].mtu]).toEqual([[], 1350]);

    const dataplane6 = start(a, [underlay.plan(a, 0), underlay.plan(a, 1)]);
    a.run('ip link set eth0 mtu 1340');
    expect(dataplane6.sync().map(({ message }) => message)[0]).toBe(
      'vxlan-v6.calico: its MTU of 1270 is too small for IPv6, which needs 1280',
    );
    a.run('ip link set eth0 mtu 1400');
    a.notify(dataplane);

    a.run('ip address delete 10.0.0.1/24 dev eth0');
    expect(a.notify(dataplane)).toBe(true);
    const message = 'vxlan.calico: no interface has 10.0.0.1, the address that its packets come from';
    expect(dataplane.sync()).toEqual([{ code: 'FIB_TUNNEL', message }]);
    // On the loopback, the MTU is that of the way to the peers.
    a.run('ip address add 10.0.0.1/32 dev lo; ip route add 10.0.0.0/24 dev eth0');
    expect(a.notify(dataplane)).toBe(true);
    expect([dataplane.sync(), devices(a)['vxlan.calico'].mtu]).toEqual([[], 1350]);
  });

  it('takes over a device that Felix or an earlier run left, and loses no packet', async () => {
    using underlay = new Underlay(2);
    const [a, b] = underlay.nodes;
    startAll(underlay);
    // As Felix makes it: bound to its parent, without alias; with an entry for a node that is no more.
    a.run('ip link delete vxlan.calico');
    a.run('ip link add vxlan.calico type vxlan id 4096 dstport 4789 local 10.0.0.1 dev eth0 nolearning');
    a.run(
      'ip link set vxlan.calico address 66:00:00:00:00:01 mtu 1440 up; ip address add 10.2.0.1/32 dev vxlan.calico',
    );
    for (const n of [2, 9]) {
      a.run(`ip neigh add 10.2.0.${n} lladdr 66:00:00:00:00:0${n} dev vxlan.calico nud permanent`);
      a.run(`bridge fdb add 66:00:00:00:00:0${n} dst 10.0.0.${n} dev vxlan.calico self permanent`);
    }
    a.run('ip route add 10.1.2.1 via 10.2.0.2 dev vxlan.calico onlink');
    const before = devices(a)['vxlan.calico'].ifindex;

    const pings = a.ping(b, 0, '-c 200 -i 0.002 -W 1');
    const plans = [underlay.plan(a, 0), underlay.plan(a, 1)];
    const next = start(a, plans);
    for (let i = 0; i < 5; i++) start(a, plans);
    expect(await pings).toBe(200);
    expect(entries(a)).toEqual(ENTRIES_OF_1);
    expect(devices(a)['vxlan.calico']).toMatchObject({ ifindex: before, mtu: 1450, ifalias: 'starling' });
    expect(next.vxlan('10.0.0.2')).toMatchObject({ interfaceIndex: before });
  });

  it('deletes its device only after the routes have moved off it', async () => {
    using underlay = new Underlay(2);
    const [a, b] = underlay.nodes;
    const [dataplane] = startAll(underlay);
    a.run('ip nexthop add id 7 via 10.2.0.2 dev vxlan.calico onlink; ip route add 10.8.0.0/24 nhid 7');
    const pings = a.ping(b, 0, '-c 200 -i 0.002 -W 1');
    dataplane.set([]);
    const stays = (device: string) => `${device} is not wanted any more: it goes when no route leads over it`;
    const sync = () => dataplane.sync().map(({ message }) => message);
    expect(sync()).toEqual([stays('vxlan.calico'), stays('vxlan-v6.calico')]);
    b.run('ip route replace 10.1.1.1 via 10.0.0.1 dev eth0');
    a.run('ip route replace 10.1.2.1 via 10.0.0.2 dev eth0; ip -6 route replace fd01:2::1 via fd00::2 dev eth0');
    expect(sync()).toEqual([stays('vxlan.calico')]);
    a.run('ip route delete 10.8.0.0/24');
    expect(sync()).toEqual([]);
    expect(devices(a)).toEqual({});
    expect(await pings).toBe(200);
  });

  it('leaves to Felix a device that both know, with what it carries', () => {
    using underlay = new Underlay(2);
    const [a] = underlay.nodes;
    const [dataplane] = startAll(underlay);
    const { ifindex } = devices(a)['vxlan.calico'];
    dataplane.set([{ ...underlay.plan(a, 0, { mtu: 1300, peers: [] }), leftToFelix: true }, underlay.plan(a, 1)]);
    expect(dataplane.sync()).toEqual([]);
    expect(entries(a)).toEqual(ENTRIES_OF_1);
    expect(devices(a)['vxlan.calico']).toMatchObject({ ifindex, mtu: 1450 });
    a.run('ip link set vxlan.calico mtu 1350; ip neigh delete 10.2.0.2 dev vxlan.calico');
    expect(a.notify(dataplane)).toBe(false);
    dataplane.clear();
    expect(Object.keys(devices(a))).toEqual(['vxlan.calico']);
  });

  it('changes in place what can change, and makes anew what cannot', () => {
    using underlay = new Underlay(3);
    const [a] = underlay.nodes;
    const plan = underlay.plan(a, 0);
    const dataplane = start(a, [plan]);
    const { ifindex } = devices(a)['vxlan.calico'];
    const [peer] = plan.peers;
    const moved = { ...peer, address: '10.0.0.22', mac: '66:00:00:00:00:22' };
    dataplane.set([{ ...plan, mac: '66:00:00:00:00:11', mtu: 1300, tunnelAddress: '10.2.0.11', peers: [moved] }]);
    expect(dataplane.vxlan('10.0.0.22')).toMatchObject({ interfaceIndex: ifindex });
    expect(dataplane.sync()).toEqual([]);
    expect(devices(a)['vxlan.calico']).toMatchObject({ ifindex, mtu: 1300, address: '66:00:00:00:00:11' });
    expect(entries(a)).toEqual([
      '10.2.0.11/32',
      '10.2.0.2 lladdr 66:00:00:00:00:22 PERMANENT',
      '66:00:00:00:00:22 dst 10.0.0.22 self permanent',
    ]);

    dataplane.set([{ ...plan, vni: 5000 }]);
    expect(dataplane.sync()).toEqual([]);
    const remade = devices(a)['vxlan.calico'];
    expect(remade.linkinfo?.info_data.id).toBe(5000);
    expect(remade.ifindex).not.toBe(ifindex);
    expect(dataplane.vxlan('10.0.0.2')).toMatchObject({ interfaceIndex: remade.ifindex });
  });

  it('says what the kernel refuses, and does the rest', () => {
    using underlay = new Underlay(2);
    const [a] = underlay.nodes;
    a.run('ip link add other type vxlan id 4096 dstport 4789 local 10.0.0.1');
    const dataplane = new VxlanDataplane(a.client);
    const plan = underlay.plan(a, 1);
    const strange = { node: 'node9', address: '10.0.0.9', gateway: 'fd02::9', mac: '66:00:00:00:00:09' };
    dataplane.set([underlay.plan(a, 0), { ...plan, peers: [...plan.peers, strange] }]);
    const messages = dataplane.sync().map(({ message }) => message);
    expect(messages).toEqual([
      'vxlan.calico: add VXLAN device vxlan.calico: A VXLAN device with the specified VNI already exists (EEXIST)',
      `vxlan-v6.calico: node node9: "10.0.0.9" is not an address of the overlay's family`,
    ]);
    expect(dataplane.vxlan('10.0.0.2')).toMatchObject({ why: expect.stringContaining('already exists') as string });
    expect(dataplane.vxlan('fd00::2')).toHaveProperty('interfaceIndex');
    expect(dataplane.vxlan('fd00::7')).toEqual({
      why: 'no node with this address is known, so there is no VXLAN endpoint for it',
    });

    a.run('ip link delete other');
    expect(a.notify(dataplane)).toBe(true);
    dataplane.sync();
    expect(dataplane.vxlan('10.0.0.2')).toHaveProperty('interfaceIndex');
  });

  it('touches nothing before it is told what is wanted, and clears away only what is its own', () => {
    using underlay = new Underlay(2);
    const [a] = underlay.nodes;
    start(a, [underlay.plan(a, 0), underlay.plan(a, 1)]);
    a.run('ip link add other type vxlan id 7 dstport 4790 local 10.0.0.1; ip link set vxlan-v6.calico alias mine');
    const next = new VxlanDataplane(a.client);
    expect(next.sync()).toEqual([]);
    expect(Object.keys(devices(a))).toHaveLength(3);
    next.clear();
    expect(Object.keys(devices(a))).toEqual(['vxlan-v6.calico', 'other']);
  });
});
