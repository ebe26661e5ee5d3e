/** Packets to addresses of services that nobody serves, between a node and the router that leads them to it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestNode, linkAddresses, resource } from './daemon-fixture.ts';
import { BLOCKS, connectPod, shell } from './pod-fixture.ts';

const NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'nft', 'ping'] } as const;

/** Ranges of services, an address of each that no service has, and the one that kube-proxy's part translates. */
const RANGES = [{ cidr: '10.96.0.0/16' }, { cidr: 'fd00:96::/112' }];
const UNUSED = ['10.96.0.99', 'fd00:96::99'] as const;
const SERVICE = '10.96.0.10';
const POD = '10.65.0.5';

/** A service with an address that no range of BGPConfiguration has. */
const OUTSIDE = '203.0.113.9';
const SERVICE_OUTSIDE = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'LoadBalancer', clusterIP: '10.96.0.30', clusterIPs: ['10.96.0.30'], ipFamilies: ['IPv4'] },
    status: { loadBalancer: { ingress: [{ ip: OUTSIDE }] } },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.65.0.5'], nodeName: 'node-1', conditions: { ready: true } }],
  },
  {
    apiVersion: 'starling.dev/v1alpha1',
    kind: 'ServiceAdvertisement',
    metadata: { name: 'outside' },
    spec: { addresses: ['LoadBalancerIP'] },
  },
];

const TTL_EXCEEDED = /Time to live exceeded|Hop limit/;
const NO_ANSWER = / 0 (packets )?received/;
const UNREACHABLE = /Port Unreachable|Port unreachable/;

/** What kube-proxy would write, and nobody else may touch. */
const KUBE_PROXY = `table ip kube-proxy {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr ${SERVICE} dnat to ${POD}
	}
}
`;

describe('packets to services that nobody serves', () => {
  let node: TestNode;
  let router: Namespace;
  let client: Namespace;
  let pod: Namespace;

  beforeAll(async () => {
    if (missingHere(NEEDS) !== undefined) return;
    node = new TestNode();
    router = node.addLink(1);
    client = createNamespace('client');
    pod = createNamespace('pod');
    const { ours, ours6, theirs, theirs6 } = linkAddresses(1);
    link(
      { namespace: router, device: 'client', addresses: ['10.92.0.1/24', 'fd92::1/64'] },
      { namespace: client, addresses: ['10.92.0.2/24', 'fd92::2/64'] },
    );
    await shell(client, 'ip route add default via 10.92.0.1', 'ip route add default via fd92::1');
    await shell(
      router,
      'echo 1 >/proc/sys/net/ipv4/ip_forward',
      'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
      'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter',
      `ip route add 10.96.0.0/16 via ${ours}`,
      `ip route add fd00:96::/112 via ${ours6}`,
    );
    await shell(node.namespace, `ip route add default via ${theirs}`, `ip route add default via ${theirs6}`);
    await connectPod(node, pod);
    await shell(node.namespace, `nft -f - <<'END'\n${KUBE_PROXY}END`);
    node.writeBasics({ serviceClusterIPs: RANGES });
    node.write('pools.yaml', resource('IPPool', 'pods', { cidr: BLOCKS[0] }));
    felix('Disabled');
    await node.startDaemon(configuration());
  });

  beforeEach((ctx) => requireOrSkip(ctx, NEEDS));

  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    for (const space of [client, pod]) space?.[Symbol.dispose]();
  });

  function configuration(): string {
    return node.configure({ fib: { felix: 'absent' } });
  }

  function felix(serviceLoopPrevention: string): void {
    node.write('felix.yaml', resource('FelixConfiguration', 'default', { serviceLoopPrevention }));
  }

  /** What becomes of a packet of the client. */
  function ping(address: string): Promise<string> {
    return shell(client, `ping -n -c 1 -W 1 -t 40 ${address} 2>&1 || true`);
  }

  function table(name: string): Promise<string> {
    return shell(node.namespace, `nft list table ${name} 2>/dev/null || true`);
  }

  async function loops(what: string, accept: (text: string) => boolean): Promise<string> {
    return waitFor(() => table('inet starling_loops'), { what, accept });
  }

  it('loop where that is not prevented', async () => {
    // The first packets may be lost until links are settled.
    for (const address of UNUSED) {
      await waitFor(() => ping(address), { what: 'a loop', accept: (answer) => TTL_EXCEEDED.test(answer) });
    }
    expect(await table('inet starling_loops')).toBe('');
  });

  it('are dropped, and counted', async () => {
    felix('Drop');
    await loops('rules that drop', (text) => text.includes('drop'));
    for (const address of UNUSED) {
      const answer = await ping(address);
      expect(answer).toMatch(NO_ANSWER);
      expect(answer).not.toMatch(TTL_EXCEEDED);
    }
    const rules = await table('inet starling_loops');
    expect(rules).toMatch(/ip daddr @services4 counter packets [1-9]\d* bytes \d+ drop/);
    expect(rules).toMatch(/ip6 daddr @services6 counter packets [1-9]\d* bytes \d+ drop/);
  });

  it('do not include those to services that are served, or to the node itself', async () => {
    expect(await ping(SERVICE)).toContain('1 received');
    // As kube-proxy's IPVS mode has it.
    await shell(node.namespace, 'ip address add 10.96.0.20/32 dev lo');
    expect(await ping('10.96.0.20')).toContain('1 received');
  });

  it('do not include those that a route within a range leads to', async () => {
    await shell(pod, 'ip address add 10.96.3.5/32 dev eth0');
    await shell(node.namespace, 'ip route add 10.96.3.0/24 dev cali1');
    await loops('the prefix to be left out', (text) => text.includes('10.96.3.0/24'));
    expect(await ping('10.96.3.5')).toContain('1 received');
    await shell(node.namespace, 'ip route delete 10.96.3.0/24');
    await loops('the prefix to count again', (text) => !text.includes('10.96.3.0/24'));
    expect(await ping('10.96.3.5')).toMatch(NO_ANSWER);
  });

  it('do not come to an address outside of the ranges while it is advertised', async () => {
    await shell(router, `ip route add ${OUTSIDE} via ${linkAddresses(1).ours}`);
    await waitFor(() => ping(OUTSIDE), { what: 'a loop', accept: (answer) => TTL_EXCEEDED.test(answer) });
    node.write('service.yaml', ...SERVICE_OUTSIDE);
    await loops('the address', (text) => text.includes(OUTSIDE));
    expect(await ping(OUTSIDE)).toMatch(NO_ANSWER);
    node.remove('service.yaml');
    await loops('no such address', (text) => !text.includes(OUTSIDE));
  });

  it('are refused where that is asked for', async () => {
    felix('Reject');
    await loops('rules that reject', (text) => text.includes('reject'));
    for (const address of UNUSED) expect(await ping(address)).toMatch(UNREACHABLE);
  });

  it('are dropped again soon after somebody flushed all rules', async () => {
    await shell(node.namespace, 'nft flush ruleset');
    const text = await loops('the table', (found) => found.includes('@services6'));
    expect(text).toContain('reject');
    await waitFor(() => node.events(), {
      what: 'the event',
      accept: (events) => events.some(({ words }) => words.includes('was changed by another program')),
    });
    await shell(node.namespace, `nft -f - <<'END'\n${KUBE_PROXY}END`);
  });

  it('stay dropped over a restart, and go on looping after a shutdown for good; other tables stay as they are', async () => {
    const before = await table('ip kube-proxy');
    const rules = await table('inet starling_loops');
    await node.starling('shutdown');
    expect(await table('inet starling_loops')).toBe(rules);
    // Resources that do not know the node may not be all there.
    node.remove('node.yaml');
    node.remove('cluster.yaml');
    await node.startDaemon(configuration());
    await waitFor(() => node.problems(), { what: 'the lack of the node', accept: (words) => words.includes('node-1') });
    expect(await table('inet starling_loops')).toBe(rules);
    node.writeBasics({ serviceClusterIPs: RANGES });
    await waitFor(() => node.events(), {
      what: 'the rules to be in force',
      accept: (events) => events.some(({ words }) => words.includes('that nobody serves are rejected')),
    });
    await node.starling('shutdown', '--for-good');
    await loops('no table', (text) => text === '');
    expect(await table('ip kube-proxy')).toBe(before);
  });
});
