/** The kernel's routes on a node where others write routes too, with settings other than the defaults. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FibEntry, RouteExplanation } from '../../src/api/route-types.ts';
import { createNamespace, link } from '../support/namespaces.ts';
import { run } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { shell } from './pod-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, block, linkAddresses, resource } from './daemon-fixture.ts';

const { theirs } = linkAddresses(1);
const FAR = '203.0.113.1';
const PREFIX = '10.70.0.0/16';

/** A service of which any node may take the traffic. */
const BALANCED = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    type: 'LoadBalancer',
    clusterIP: '10.96.0.30',
    clusterIPs: ['10.96.0.30'],
    ipFamilies: ['IPv4'],
    externalTrafficPolicy: 'Cluster',
  },
  status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } },
};

let node: TestNode;
let bird: Bird;
let daemon: RunningProcess;

interface IpRoute {
  readonly type?: string;
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
}

/** Starts a BIRD with routes, and the daemon with a configuration and resources. */
async function begin(
  options: { fib?: object; nextHop?: string; resources?: readonly object[]; settings?: object } = {},
): Promise<void> {
  bird = await Bird.start(node.addLink(1), 1, NODE_AS, [PREFIX], options.nextHop);
  node.writeBasics();
  node.write('all.yaml', bgpPeer(1, NODE_AS), ...(options.resources ?? []));
  // The only block and the only pool are deleted here, and nothing is to wait.
  const services = { guard: { enabled: false } };
  daemon = await node.startDaemon(node.configure({ fib: options.fib ?? {}, services, ...options.settings }));
  await node.established(theirs);
}

/** IPv4 routes of the daemon, in words. */
async function kernelRoutes(table = '254'): Promise<string[]> {
  // There is no table without a route in it.
  const routes = await node.ip<IpRoute>('route', 'show', 'proto', 'bird', 'table', table).catch(() => []);
  return routes
    .map(({ type, dst, gateway, dev, prefsrc }) =>
      [type, dst, gateway, dev, prefsrc].filter((word) => word !== undefined).join(' '),
    )
    .toSorted();
}

async function kernelHas(routes: readonly string[], table?: string): Promise<void> {
  const wanted = routes.join('\n');
  await waitFor(async () => (await kernelRoutes(table)).join('\n'), {
    what: `the kernel to have ${wanted === '' ? 'no routes' : wanted}`,
    accept: (seen) => seen === wanted,
  });
}

async function explained(prefix: string): Promise<RouteExplanation> {
  const { out } = await node.starling('route', 'explain', prefix, '-o', 'json');
  return JSON.parse(out) as RouteExplanation;
}

async function eventWords(): Promise<string> {
  return (await node.events()).map(({ type, subject, words }) => `${type} ${subject}: ${words}`).join('\n');
}

beforeEach((ctx) => {
  requireOrSkip(ctx, DAEMON_NEEDS);
  node = new TestNode();
});
afterEach(async () => {
  if (missingHere(DAEMON_NEEDS) !== undefined) return;
  await bird[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

describe('routes of the daemon', () => {
  it('are repaired when others change them, which is told', async () => {
    await begin();
    await kernelHas([`${PREFIX} ${theirs} link1`]);
    expect(await node.starling('fib', 'diff')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('in sync'),
    });
    await node.ip('route', 'delete', PREFIX, 'proto', 'bird');
    await waitFor(() => node.metric('starling_fib_repaired_total'), {
      what: 'the repair',
      accept: (count) => count === 1,
    });
    await kernelHas([`${PREFIX} ${theirs} link1`]);
    expect(await eventWords()).toMatch(/^fib 10\.70\.0\.0\/16: the route is as it should be again: .+$/m);
    expect((await node.starling('status')).out).toMatch(/^Kernel +in sync, 1 of 1 route, 1 repaired$/m);
    expect((await node.starling('fib', 'diff')).code).toBe(0);
  });

  it('are read anew after the kernel told more than the daemon could take in', async () => {
    await begin();
    await kernelHas([`${PREFIX} ${theirs} link1`]);
    daemon.signal('SIGSTOP');
    try {
      const many = `seq 0 199999 | awk '{ print "route add 20." int($1/65536) "." int($1/256)%256 "." $1%256 " dev lo" }'`;
      await shell(node.namespace, `${many} | ip -batch -`, `ip route delete ${PREFIX} proto bird`);
      // The last column but two of /proc/net/netlink: messages that a socket had no room for.
      const dropped = await shell(node.namespace, `awk 'NR > 1 { sum += $9 } END { print sum }' /proc/net/netlink`);
      expect(Number(dropped)).toBeGreaterThan(0);
      expect(await kernelRoutes()).toEqual([]);
    } finally {
      daemon.signal('SIGCONT');
    }
    await kernelHas([`${PREFIX} ${theirs} link1`]);
    expect(await eventWords()).toContain('a comparison found it changed');
  });

  it('use next hops that other routes lead to, for as long as they do', async () => {
    await begin({ nextHop: FAR });
    const unresolved = await waitFor(() => explained(PREFIX), {
      what: 'a path without a way to its next hop',
      accept: ({ candidates }) => candidates[0]?.words.includes("can't be resolved") ?? false,
    });
    expect(unresolved.candidates).toMatchObject([{ outcome: 'ineligible' }]);
    expect(await kernelRoutes()).toEqual([]);
    expect(await node.metric('starling_fib_unresolved_next_hops')).toBe(1);

    await node.ip('route', 'add', '203.0.113.0/24', 'via', theirs, 'proto', 'static');
    await kernelHas([`${PREFIX} ${theirs} link1`]);
    const { out } = await node.starling('fib', 'list', '--why', PREFIX);
    expect(out).toMatch(/^ +next hops +.*203\.0\.113\.0\/24/m);
    expect(await explained(PREFIX)).toMatchObject({ candidates: [{ outcome: 'best' }], fib: { installed: [theirs] } });

    await node.ip('route', 'delete', '203.0.113.0/24');
    await kernelHas([]);
    expect((await explained(PREFIX)).candidates).toMatchObject([{ outcome: 'ineligible' }]);
  });

  it('that the kernel refuses are shown with its words, until it takes them', async () => {
    await begin({ fib: { preferredSource: { ipv4: '192.0.2.99' } } });
    const list = async (): Promise<FibEntry[]> => {
      const { out } = await node.starling('fib', 'list', '-o', 'json');
      return (JSON.parse(out) as { routes: FibEntry[] }).routes;
    };
    const [entry] = await waitFor(list, {
      what: 'the kernel to refuse the route',
      accept: ([first]) => first?.state === 'failed',
    });
    expect(entry).toMatchObject({ prefix: PREFIX, difference: 'failed', installed: [] });
    expect(entry.error).toMatch(/prefsrc/);
    const { code, out } = await node.starling('fib', 'diff');
    expect(code).toBe(1);
    expect(out).toMatch(/^10\.70\.0\.0\/16 +failed .*, tried again in \d+s$/m);
    expect(await node.problems()).toContain('1 route is not in the kernel as wanted');
    expect((await node.status()).fib).toMatchObject({ inSync: false, failed: 1, lastError: expect.anything() });

    await node.ip('address', 'add', '192.0.2.99/32', 'dev', 'lo');
    await waitFor(kernelRoutes, {
      what: 'the route with its source address',
      timeoutMs: 30_000,
      accept: (routes) => routes[0] === `${PREFIX} ${theirs} link1 192.0.2.99`,
    });
    await waitFor(() => node.status(), {
      what: 'nothing to be wrong',
      accept: ({ fib }) => fib.inSync && fib.lastError === null,
    });
  });
});

describe('routes of others', () => {
  it('to workloads of this node are announced while they are there', async () => {
    await begin({ resources: [resource('IPPool', 'pods', { cidr: '10.244.0.0/16', ipipMode: 'Never' })] });
    await node.ip('link', 'add', 'cali0', 'type', 'veth', 'peer', 'name', 'pod0');
    for (const name of ['cali0', 'pod0']) await node.ip('link', 'set', name, 'up');
    await node.ip('route', 'add', '10.244.9.5/32', 'dev', 'cali0', 'scope', 'link');
    await bird.has('10.244.9.5/32');
    expect(await eventWords()).toMatch(
      /advertisement 10\.244\.9\.5\/32: originated: Workload 10\.244\.9\.5 runs on this node/,
    );
    await node.ip('route', 'delete', '10.244.9.5/32');
    await bird.has();
  });

  it('are none of the blackholes that stand for own blocks', async () => {
    await begin({ resources: [block('10.244.1.0/26')] });
    await kernelHas([`${PREFIX} ${theirs} link1`, 'blackhole 10.244.1.0/26']);
    expect((await node.starling('fib', 'list')).out).toMatch(/^10\.244\.1\.0\/26 +installed +blackhole$/m);
    await bird.has('10.244.1.0/26');
    node.write('all.yaml', bgpPeer(1, NODE_AS));
    await kernelHas([`${PREFIX} ${theirs} link1`]);
  });
});

describe('single addresses of services', () => {
  it('are blackholes while they are advertised as in Calico', async () => {
    const address = '203.0.113.9/32';
    const learned = `${PREFIX} ${theirs} link1`;
    await begin({ settings: { calicoCompatible: 'strict', drain: { wait: 0, servicesWait: 0 } } });
    node.writeBasics({ serviceLoadBalancerIPs: [{ cidr: address }] });
    node.write('service.yaml', BALANCED);
    await bird.has(address);
    await kernelHas([learned, 'blackhole 203.0.113.9']);
    expect((await node.starling('fib', 'list', '--why', address)).out).toContain('no range covers it');
    await node.starling('drain');
    await kernelHas([learned]);
    await node.starling('undrain');
    await kernelHas([learned, 'blackhole 203.0.113.9']);
    node.remove('service.yaml');
    await kernelHas([learned]);
    node.write('service.yaml', BALANCED);
    await kernelHas([learned, 'blackhole 203.0.113.9']);
    await node.starling('shutdown', '--for-good');
    await kernelHas([]);
  });
});

describe('routes of pools', () => {
  const POOL = resource('IPPool', 'pods', { cidr: '10.70.0.0/15', ipipMode: 'Never', vxlanMode: 'Always' });
  const other = resource('Node', 'node-2', {
    bgp: { ipv4Address: `${theirs}/24` },
    ipv4VXLANTunnelAddr: '10.70.9.0',
    vxlanTunnelMACAddr: '66:00:00:00:00:02',
  });

  it('go through a tunnel that is set up where no Felix is', async () => {
    await begin({ resources: [POOL, other] });
    await kernelHas([`${PREFIX} 10.70.9.0 vxlan.calico`]);
    const neighbours = await node.ip<{ dst: string; lladdr: string }>('neighbour', 'show', 'dev', 'vxlan.calico');
    expect(neighbours).toMatchObject([{ dst: '10.70.9.0', lladdr: '66:00:00:00:00:02' }]);
    expect((await node.starling('route', 'explain', PREFIX)).out).toContain('programmed over VXLAN: IPPool "pods"');

    node.write('all.yaml', bgpPeer(1, NODE_AS), other);
    await kernelHas([`${PREFIX} ${theirs} link1`]);
    await waitFor(() => node.ip('link', 'show', 'type', 'vxlan'), {
      what: 'the device to go',
      accept: (links) => links.length === 0,
    });
  });

  it('go over tunl0 where a pool is encapsulated in IPIP, with CrossSubnet only to other networks', async () => {
    const pool = (name: string, cidr: string, ipipMode: string): object => resource('IPPool', name, { cidr, ipipMode });
    const far = createNamespace('tunl0');
    try {
      // What counts here is the name: not every kernel has the module.
      link({ namespace: node.namespace, device: 'tunl0', addresses: [] }, { namespace: far, addresses: [] });
      await begin({
        resources: [pool('always', '10.70.0.0/16', 'Always'), pool('near', '10.71.0.0/16', 'CrossSubnet')],
      });
      await bird.announce('10.70.0.0/24', '10.71.0.0/24');
      await kernelHas([`10.70.0.0/24 ${theirs} tunl0`, `10.71.0.0/24 ${theirs} link1`]);
      const hops = await node.ip<{ gateway: string; dev: string; flags: string[] }>('nexthop');
      expect(hops.find(({ dev }) => dev === 'tunl0')).toMatchObject({ gateway: theirs, flags: ['onlink'] });
      await node.ip('link', 'delete', 'tunl0');
      await waitFor(() => explained('10.70.0.1'), {
        what: 'the reason',
        accept: ({ fib }) => fib?.words.includes('tunl0') === true,
      });
      await kernelHas([`10.71.0.0/24 ${theirs} link1`]);
    } finally {
      far[Symbol.dispose]();
    }
  });

  it('are handed over to Felix when it comes, with the device', async () => {
    const felix = resource('FelixConfiguration', 'default', { vxlanVNI: 'none' });
    await begin({ resources: [POOL, other] });
    await kernelHas([`${PREFIX} 10.70.9.0 vxlan.calico`]);
    node.write('all.yaml', bgpPeer(1, NODE_AS), POOL, other, felix);
    await kernelHas([]);
    await waitFor(() => node.ip<{ ifalias?: string }>('link', 'show', 'type', 'vxlan'), {
      what: "the device to be nobody else's",
      accept: ([link]) => link.ifalias !== 'starling',
    });
    await node.starling('shutdown', '--for-good');
    await daemon.ended;
    expect(await node.ip('link', 'show', 'type', 'vxlan')).toMatchObject([{ ifname: 'vxlan.calico' }]);
    expect(await node.ip('neighbour', 'show', 'dev', 'vxlan.calico')).toMatchObject([{ dst: '10.70.9.0' }]);
  });

  it('are left to Felix where it is, and taken back', async () => {
    const felix = resource('FelixConfiguration', 'default', {});
    await begin({ resources: [POOL, other, felix] });
    await waitFor(() => explained(PREFIX), {
      what: 'the route',
      accept: ({ candidates }) => candidates[0]?.outcome === 'best',
    });
    expect((await explained(PREFIX)).fib).toMatchObject({ installed: [], words: 'not programmed here' });
    expect(await kernelRoutes()).toEqual([]);
    expect((await node.starling('status')).out).toMatch(/Felix/);
    node.write('all.yaml', bgpPeer(1, NODE_AS), felix);
    await kernelHas([`${PREFIX} ${theirs} link1`]);
  });
});

describe('settings', () => {
  it('lead to another table by rules, which go with a shutdown for good', async () => {
    await begin({ fib: { table: 100, metric: 50, rules: [{ priority: 1000, from: '10.244.0.0/16' }] } });
    await kernelHas([`${PREFIX} ${theirs} link1`], '100');
    expect(await kernelRoutes()).toEqual([]);
    const rules = async (): Promise<string> => run(['ip', 'rule'], { space: node.namespace });
    expect(await rules()).toMatch(/^1000:\s+from 10\.244\.0\.0\/16 lookup 100/m);
    await node.ip('rule', 'delete', 'priority', '1000');
    await waitFor(rules, { what: 'the rule to be back', accept: (text) => text.includes('lookup 100') });
    expect(await node.problems()).not.toContain('Routes are written');
    await node.starling('shutdown', '--for-good');
    await waitFor(rules, { what: 'the rule to be gone', accept: (text) => !text.includes('lookup 100') });
  });

  it('say so when no rule leads to the table', async () => {
    await begin({ fib: { table: 100 } });
    expect(await node.problems()).toContain('Routes are written to table 100, and no rule of fib.rules leads there');
  });

  it('of the kernel are told of, and set when they are to be managed', async () => {
    const forward = '/proc/sys/net/ipv4/ip_forward';
    await run(['ip', 'netns', 'exec', node.namespace.name, 'sh', '-c', `echo 0 > ${forward}`]);
    const forwards = (): Promise<string> => run(['ip', 'netns', 'exec', node.namespace.name, 'cat', forward]);
    await begin();
    expect(await node.problems()).toContain('net.ipv4.ip_forward is 0');
    expect(await forwards()).toBe('0\n');
    node.configure({ fib: { sysctl: 'manage' } });
    daemon.signal('SIGHUP');
    await waitFor(() => node.problems(), { what: 'nothing to be wrong', accept: (words) => words === '' });
    expect(await forwards()).toBe('1\n');
    expect(await eventWords()).toContain('net.ipv4.ip_forward: net.ipv4.ip_forward set from 0 to 1');
  });
});
