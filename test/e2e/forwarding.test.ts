/** Packets take the way that the routes say: counted where they arrive. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNamespace } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { Ping } from '../support/ping.ts';
import { run } from '../support/processes.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, block, linkAddresses } from './daemon-fixture.ts';
import { BLOCKS, connectPod, shell } from './pod-fixture.ts';

const NEEDS = { root: true, programs: [...DAEMON_NEEDS.programs, 'ping', 'bash'] } as const;

/** Each router has all addresses of this network, so that it shows who got a packet. */
const ANYCAST = '10.70.0.0/16';
const FLOWS = 250;

let node: TestNode;
let pod: Namespace;
const routers: Bird[] = [];

beforeEach(async (ctx) => {
  requireOrSkip(ctx, NEEDS);
  node = new TestNode();
  pod = createNamespace('pod');
  await connectPod(node, pod);
});
afterEach(async () => {
  if (missingHere(NEEDS) !== undefined) return;
  for (const router of routers.splice(0)) await router[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
  pod[Symbol.dispose]();
});

/** Starts routers on links 1 to `count`, which all announce {@link ANYCAST}, and the daemon with the pod's block. */
async function startAll(
  count: number,
  { asn = (number: number) => 65_000 + number, nextHop }: { asn?: (number: number) => number; nextHop?: string } = {},
): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const namespace = node.addLink(number);
    await shell(namespace, `ip route add local ${ANYCAST} dev lo`);
    const router = await Bird.start(namespace, number, asn(number), [], nextHop);
    await router.forward(ANYCAST);
    routers.push(router);
  }
  const numbers = routers.map((_, i) => i + 1);
  node.writeBasics();
  node.write('peers.yaml', ...numbers.map((number) => bgpPeer(number, asn(number))));
  node.write('blocks.yaml', block(BLOCKS[0]));
  // The only block is deleted here, and nothing is to wait.
  await node.startDaemon(node.configure({ services: { guard: { enabled: false } } }));
  await node.established(...numbers.map((number) => linkAddresses(number).theirs));
  for (const router of routers) await router.has(BLOCKS[0]);
}

/** Sends a packet to each of many addresses, and tells how many each router got within a while. */
async function spread(): Promise<number[]> {
  const before = await Promise.all(routers.map(received));
  const script = `for i in $(seq 1 ${FLOWS}); do echo >/dev/udp/10.70.7.$i/9; done`;
  await run(['bash', '-c', script], { space: pod });
  const deadline = performance.now() + 300;
  for (;;) {
    const counts = await Promise.all(routers.map(async (router, i) => (await received(router)) - before[i]));
    if (total(counts) === FLOWS || performance.now() > deadline) return counts;
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** UDP packets that came to a router, which listens to none. */
async function received(router: Bird): Promise<number> {
  const [names, values] = (await shell(router.namespace, 'grep ^Udp: /proc/net/snmp')).split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('NoPorts')]);
}

/** Which routers (counted from 1) get packets, each about the same share; waited for until it is these, but not for ever. */
async function receivers(wanted: readonly number[]): Promise<readonly number[] | string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const counts = await spread();
    const [least, most] = [0.6, 1.4].map((share) => (share * FLOWS) / wanted.length);
    const fair = (count: number, i: number) => (wanted.includes(i + 1) ? count >= least && count <= most : count === 0);
    if (total(counts) === FLOWS && counts.every(fair)) return wanted;
    if (performance.now() > deadline) return `packets by router: ${counts.join(', ')}`;
  }
}

describe('packets to a network that several routers announce', () => {
  it.each([2, 3])('are spread over %i of them, and over one less when one withdraws it', async (count) => {
    await startAll(count);
    const all = routers.map((_, i) => i + 1);
    expect(await receivers(all)).toEqual(all);
    await routers[0].announce();
    expect(await receivers(all.slice(1))).toEqual(all.slice(1));
  });

  it('find another way within milliseconds when a link dies', async () => {
    await startAll(2);
    expect(await receivers([1, 2])).toEqual([1, 2]);
    const targets = Array.from({ length: 8 }, (_, i) => `10.70.1.${i + 1}`);
    const pings = targets.map((target) => new Ping(pod, target, { rate: 200 }));
    await Promise.all(pings.map((ping) => ping.answers(50)));
    for (const ping of pings) ping.restart();
    await shell(routers[1].namespace, 'ip link set eth0 down');
    expect(await receivers([1])).toEqual([1]);
    await Promise.all(pings.map((ping) => ping.answers(100)));
    const lost = pings.map((ping) => ping.count().lost);
    for (const ping of pings) await ping[Symbol.asyncDispose]();
    // 100 ms of a stream.
    expect(Math.max(...lost)).toBeLessThanOrEqual(20);
  });

  it('avoid a router that does not answer on its link, though its session lasts', async () => {
    await startAll(2);
    await shell(node.namespace, 'cd /proc/sys/net/ipv4/neigh/link2', 'echo 200 >retrans_time_ms');
    expect(await receivers([1, 2])).toEqual([1, 2]);
    const { theirs } = linkAddresses(2);
    // What the router sends goes on to arrive, but it tells nobody its link address.
    await shell(routers[1].namespace, 'echo 8 >/proc/sys/net/ipv4/conf/all/arp_ignore');
    await shell(node.namespace, `ip neigh flush to ${theirs}`);
    expect(await receivers([1])).toEqual([1]);
    expect((await node.peer(theirs)).state).toBe('Established');
    expect((await node.starling('route', 'explain', '10.70.1.1')).out).toContain(theirs);
    // The node asks for it again and again by itself.
    await shell(routers[1].namespace, 'echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore');
    expect(await receivers([1, 2])).toEqual([1, 2]);
  });
});

describe('packets to a network whose next hop is behind another router', () => {
  it("follow the kernel's route to the next hop", async () => {
    const via = (number: number) => `10.80.0.0/24 via ${linkAddresses(number).theirs}`;
    await startAll(2, { asn: () => NODE_AS, nextHop: '10.80.0.1' });
    await waitFor(async () => (await node.starling('route', 'explain', '10.70.1.1')).out, {
      what: 'the paths not to be eligible',
      accept: (out) => /10\.80\.0\.1.*no route/.test(out),
    });
    await shell(node.namespace, `ip route add ${via(2)}`);
    expect(await receivers([2])).toEqual([2]);
    await shell(node.namespace, `ip route replace ${via(1)}`);
    expect(await receivers([1])).toEqual([1]);
  });
});

describe("packets to an address of the node's block that no workload has", () => {
  it('end at the node', async () => {
    await startAll(2);
    const { theirs } = linkAddresses(2);
    // Without the blackhole they would go on by the default route, to where there is an answer.
    await shell(node.namespace, `ip route add default via ${theirs}`);
    const back = `ip route add ${linkAddresses(1).theirs} via ${linkAddresses(2).ours}`;
    await shell(routers[1].namespace, 'ip address add 10.65.0.9/32 dev lo', back);
    const ping = (from: Bird) =>
      run(['sh', '-c', 'ping -n -c 5 -i 0.05 -W 1 10.65.0.9 || true'], { space: from.namespace });
    expect(await ping(routers[0])).toContain(' 0 received');
    await shell(routers[0].namespace, `ip route add 10.65.0.9 via ${linkAddresses(1).ours}`);
    node.remove('blocks.yaml');
    await routers[0].has();
    expect(await ping(routers[0])).toContain(' 5 received');
  });
});
