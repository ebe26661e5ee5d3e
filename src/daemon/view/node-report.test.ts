import { describe, expect, it } from 'vitest';
import type { RouteEntry } from '../../api/route-types.ts';
import type { FibRoute } from '../../fib/worker-messages.ts';
import { parsePrefix } from '../../net/prefix.ts';
import { calicoNodeStatusReport } from '../../resources/kinds/calico-node-status.ts';
import { TOR_A } from '../../../test/support/fake-peers.ts';
import { HEALTHY, NOW } from '../../../test/support/fake-status.ts';
import { nodeReport } from './node-report.ts';

const MESH = { ...TOR_A, address: 'fd00::2', type: 'mesh' as const, state: 'Active' as const };

function route(
  prefix: string,
  nextHop: string | null,
  peer: string | null,
  more: Partial<RouteEntry> = {},
): RouteEntry {
  const family = prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast';
  const source = peer === null ? 'local' : 'external';
  return { prefix, family, nextHop, asPath: '', origin: 'igp', peer, source, best: true, multipath: false, ...more };
}

function kernel(prefix: string, ...actual: string[]): FibRoute {
  const { family } = parsePrefix(prefix);
  return { family, prefix, nextHops: [], wanted: actual, actual, state: 'installed', inKernel: true, notes: [] };
}

const LOST = route('10.1.0.0/16', '10.0.0.253', '10.0.0.253', { best: false });
const ROUTES: readonly RouteEntry[] = [
  route('10.1.0.0/16', '10.0.0.254', '10.0.0.254'),
  LOST,
  route('10.2.0.0/26', null, null),
  route('10.2.0.7/32', null, null),
  route('fd00:1::/64', 'fd00::2', 'fd00::2'),
];

function report(classes: ('Agent' | 'BGP' | 'Routes')[], routes = ROUTES) {
  const daemon = {
    status: () => HEALTHY,
    peers: () => [TOR_A, MESH],
    routes: ({ view }: { view: string }, position: number, limit: number) => {
      const all = view === 'best' ? routes.filter(({ best }) => best) : routes.filter(({ peer }) => peer !== null);
      const next = position + limit;
      return { items: all.slice(position, next), next: next < all.length ? next : null };
    },
  };
  const fib = [kernel('10.1.0.0/16', '10.0.0.254 dev eth0 weight 1'), kernel('10.2.0.0/26', 'blackhole')];
  return nodeReport(daemon, classes, {
    now: NOW,
    lastChange: NOW - 60_000,
    workloads: [parsePrefix('10.2.0.7/32')],
    find: ({ words }) => Promise.resolve(fib.find(({ prefix }) => parsePrefix(prefix).words.join() === words.join())),
  });
}

describe('what a CalicoNodeStatus is told', () => {
  it('is what it asks for, as Calico has it', async () => {
    const { status, cut } = await report(['Agent', 'BGP', 'Routes']);
    expect(cut).toBe(false);
    expect(calicoNodeStatusReport.parse(status)).toEqual(status);
    expect(await report([])).toEqual({ status: { lastUpdated: '2026-01-02T03:04:05Z' }, cut: false });
  });

  it('says how the daemon is', async () => {
    const { agent } = (await report(['Agent'])).status;
    expect(agent?.birdV6).toEqual(agent?.birdV4);
    expect(agent?.birdV4).toEqual({
      state: 'Ready',
      version: '0.1.0',
      routerID: '10.0.0.1',
      lastBootTime: '2026-01-02T02:04:05Z',
      lastReconfigurationTime: '2026-01-02T03:03:05Z',
    });
  });

  it('counts sessions and names them by family', async () => {
    const { bgp } = (await report(['BGP'])).status;
    expect(bgp).toMatchObject({
      numberEstablishedV4: 1,
      numberNotEstablishedV4: 0,
      numberEstablishedV6: 0,
      numberNotEstablishedV6: 1,
      peersV4: [{ peerIP: '10.0.0.254', type: 'GlobalPeer', state: 'Established', since: TOR_A.since.time }],
      peersV6: [{ peerIP: 'fd00::2', type: 'NodeMesh', state: 'Active' }],
    });
  });

  it('tells routes of the kernel from those that only BGP knows', async () => {
    const { routes } = (await report(['Routes'])).status;
    const learned = (sourceType: string, peerIP?: string) => ({ sourceType, ...(peerIP !== undefined && { peerIP }) });
    const row = (type: string, destination: string, gateway: string, link: string, learnedFrom: object) => ({
      type,
      destination,
      gateway,
      interface: link,
      learnedFrom,
    });
    expect(routes?.routesV4).toEqual([
      row('FIB', '10.1.0.0/16', '10.0.0.254', 'eth0', learned('BGPPeer', '10.0.0.254')),
      row('FIB', '10.2.0.0/26', 'N/A', 'blackhole', learned('Static')),
      row('FIB', '10.2.0.7/32', 'N/A', 'N/A', learned('Kernel')),
      row('RIB', '10.1.0.0/16', '10.0.0.253', 'N/A', learned('BGPPeer', '10.0.0.253')),
    ]);
    expect(routes?.routesV6).toEqual([row('RIB', 'fd00:1::/64', 'fd00::2', 'N/A', learned('NodeMesh', 'fd00::2'))]);
  });

  it('holds no more than etcd takes, and says so', async () => {
    const many = Array.from({ length: 5_001 }, (_, i) =>
      route(`2001:db8:${i.toString(16)}::/48`, '2001:db8:ffff:ffff::ffff', '2001:db8:ffff:ffff::ffff'),
    );
    const { status, cut } = await report(['Agent', 'BGP', 'Routes'], many);
    expect(cut).toBe(true);
    expect(status.routes?.routesV6).toHaveLength(5_000);
    expect(JSON.stringify(status).length).toBeLessThan(1_400_000);
    expect((await report(['Routes'], many.slice(1))).cut).toBe(false);
  });
});
