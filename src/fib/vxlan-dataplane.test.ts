import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../net/address.ts';
import { FakeOverlay } from '../../test/support/fake-overlay.ts';
import { RTPROT_KERNEL } from './netlink/constants.ts';
import { NetlinkClient } from './netlink/netlink-client.ts';
import type { VxlanPlan } from './tunnel-plan.ts';
import { VxlanDataplane } from './vxlan-dataplane.ts';

const [EPERM, EINVAL] = [1, 22];
const RTPROT_BIRD = 12;

const PLAN: VxlanPlan = {
  family: 0,
  device: 'vxlan.calico',
  vni: 4096,
  port: 4789,
  mac: '66:00:00:00:00:01',
  localAddress: '10.0.0.1',
  tunnelAddress: '10.2.0.1',
  peers: [peer(2), peer(3)],
};

function peer(n: number): VxlanPlan['peers'][number] {
  const low = `${n >> 8}.${n & 255}`;
  const mac = `66:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
  return { node: `node${n}`, address: `10.0.${low}`, gateway: `10.2.${low}`, mac };
}

function start(kernel: FakeOverlay, plans: readonly VxlanPlan[]): { dataplane: VxlanDataplane; troubles: string[] } {
  const dataplane = new VxlanDataplane(new NetlinkClient(kernel));
  dataplane.set(plans);
  return { dataplane, troubles: dataplane.sync().map(({ message }) => message) };
}

const FRESH = [
  'add vxlan.calico vni 4096 port 4789 local 10.0.0.1',
  'set mtu 1450',
  'set mac 66:00:00:00:00:01',
  'set alias starling',
  'set up',
  'add address 10.2.0.1/32',
  'set 10.2.0.2 66:00:00:00:00:02',
  'set 10.2.0.3 66:00:00:00:00:03',
  'set bridge 10.0.0.2 66:00:00:00:00:02',
  'set bridge 10.0.0.3 66:00:00:00:00:03',
];

describe('VxlanDataplane', () => {
  it('makes the device and what belongs to it, once', () => {
    const kernel = new FakeOverlay();
    const { dataplane } = start(kernel, [PLAN]);
    expect(kernel.takeChanges()).toEqual(FRESH);
    expect(dataplane.sync()).toEqual([]);
    start(kernel, [PLAN]);
    expect(kernel.takeChanges()).toEqual([]);
    const way = dataplane.vxlan('10.0.0.3');
    expect('gateway' in way && [formatAddress(way.gateway), way.interfaceIndex]).toEqual(['10.2.0.3', kernel.index]);
  });

  it('changes only what differs, and has the new in place before the old goes', () => {
    const kernel = new FakeOverlay();
    const { dataplane } = start(kernel, [PLAN]);
    kernel.takeChanges();
    const moved = { ...peer(3), address: '10.0.0.33' };
    dataplane.set([{ ...PLAN, tunnelAddress: '10.2.0.11', peers: [moved, peer(4)] }]);
    dataplane.sync();
    expect(kernel.takeChanges()).toEqual([
      'add address 10.2.0.11/32',
      'delete address 10.2.0.1/32',
      'set 10.2.0.4 66:00:00:00:00:04',
      'delete 10.2.0.2',
      'set bridge 10.0.0.33 66:00:00:00:00:03',
      'set bridge 10.0.0.4 66:00:00:00:00:04',
      'delete bridge 10.0.0.2 66:00:00:00:00:02',
    ]);
  });

  it.each([{ vni: 7 }, { port: 8472 }, { localAddress: '10.0.0.7' }] as const)(
    'makes the device anew for %o',
    (change) => {
      const kernel = new FakeOverlay();
      const { dataplane } = start(kernel, [PLAN]);
      kernel.takeChanges();
      dataplane.set([{ ...PLAN, ...change }]);
      dataplane.sync();
      const { vni, port, localAddress } = { ...PLAN, ...change };
      const [deleted, added] = kernel.takeChanges();
      expect(deleted).toBe('delete vxlan.calico');
      expect(added).toBe(`add vxlan.calico vni ${vni} port ${port} local ${localAddress}`);
    },
  );

  it("does the rest when the kernel refuses something, and names it with the kernel's reason", () => {
    const kernel = new FakeOverlay();
    kernel.refusals = { 'set mtu 1450': EINVAL, 'set 10.2.0.2 66:00:00:00:00:02': EINVAL };
    const { dataplane, troubles } = start(kernel, [PLAN]);
    expect(troubles).toEqual([
      'vxlan.calico: change VXLAN device vxlan.calico: invalid argument (EINVAL)',
      'vxlan.calico: neighbour 10.2.0.2 at 66:00:00:00:00:02 of node node2: set it: invalid argument (EINVAL)',
    ]);
    const refused = Object.keys(kernel.refusals);
    expect(kernel.takeChanges()).toEqual(FRESH.filter((change) => !refused.includes(change)));
    kernel.refusals = {};
    expect(dataplane.sync()).toEqual([]);
    expect(kernel.takeChanges()).toEqual(refused);
  });

  it('says so once if it may change nothing', () => {
    const kernel = new FakeOverlay();
    kernel.refusals = { 'add vxlan.calico vni 4096 port 4789 local 10.0.0.1': EPERM };
    const { dataplane, troubles } = start(kernel, [PLAN]);
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain('CAP_NET_ADMIN');
    expect(dataplane.vxlan('10.0.0.2')).toMatchObject({
      why: expect.stringContaining('vxlan.calico is not there') as string,
    });
  });

  it('writes the entries of thousands of nodes, and counts those refused', () => {
    const kernel = new FakeOverlay();
    const peers = Array.from({ length: 3000 }, (_, i) => peer(i + 2));
    kernel.refusals = Object.fromEntries(
      [1000, 2000].map((n) => [`set ${peer(n).gateway} ${peer(n).mac}`, EINVAL] as const),
    );
    const { troubles } = start(kernel, [{ ...PLAN, peers }]);
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatch(/neighbour 10\.2\.3\.232 .* of node node1000: .* \(and 1 more\)$/);
    expect(kernel.takeChanges()).toHaveLength(6 + 6000 - 2);
  });

  it('does not take the way out while a new plan is not in the kernel yet', () => {
    const kernel = new FakeOverlay();
    const { dataplane } = start(kernel, []);
    dataplane.set([PLAN]);
    expect(dataplane.vxlan('10.0.0.2')).toEqual({ why: 'vxlan.calico is not there: it is not set up yet' });
    dataplane.sync();
    dataplane.set([{ ...PLAN, mtu: 1400 }]);
    expect(dataplane.vxlan('10.0.0.2')).toEqual({
      gateway: parseAddress('10.2.0.2').bytes,
      interfaceIndex: kernel.index,
    });
  });

  it('keeps a device that is not wanted any more, and the way over it, until no route leads there', () => {
    const kernel = new FakeOverlay();
    const { dataplane } = start(kernel, [PLAN]);
    kernel.takeChanges();
    kernel.routes = [RTPROT_KERNEL, RTPROT_BIRD];
    dataplane.set([]);
    const way = { gateway: parseAddress('10.2.0.2').bytes, interfaceIndex: kernel.index };
    expect(dataplane.vxlan('10.0.0.2')).toEqual(way);
    const message = 'vxlan.calico is not wanted any more: it goes when no route leads over it';
    expect(dataplane.sync()).toEqual([{ code: 'FIB_TUNNEL', message }]);
    expect(dataplane.vxlan('10.0.0.2')).toEqual(way);
    expect(kernel.takeChanges()).toEqual([]);

    kernel.routes = [RTPROT_KERNEL];
    expect(dataplane.sync()).toEqual([]);
    expect(kernel.takeChanges()).toEqual(['delete vxlan.calico']);
    expect(dataplane.vxlan('10.0.0.2')).toEqual({ why: 'no VXLAN is set up here' });
  });

  it('hands its device over to Felix as it is, with the way over it, and takes it back', () => {
    const kernel = new FakeOverlay();
    const { dataplane } = start(kernel, [PLAN]);
    kernel.takeChanges();
    dataplane.set([{ ...PLAN, mtu: 1400, peers: [], leftToFelix: true }]);
    expect(dataplane.sync()).toEqual([]);
    expect(kernel.takeChanges()).toEqual(['set alias ']);
    expect(dataplane.vxlan('10.0.0.2')).toEqual({
      gateway: parseAddress('10.2.0.2').bytes,
      interfaceIndex: kernel.index,
    });
    dataplane.sync();
    dataplane.clear();
    expect(kernel.takeChanges()).toEqual([]);
    dataplane.set([PLAN]);
    dataplane.sync();
    expect(kernel.takeChanges()).toEqual(['set alias starling']);
  });

  it('makes no device for Felix', () => {
    const kernel = new FakeOverlay();
    const { dataplane, troubles } = start(kernel, [{ ...PLAN, leftToFelix: true }]);
    expect([troubles, kernel.takeChanges()]).toEqual([[], []]);
    expect(dataplane.vxlan('10.0.0.2')).toHaveProperty('why');
  });
});
