/**
 * A node between a pod and two routers that both reach the same networks. Packets of the pod go through the node by
 * routes that it learned by BGP, and their answers by the routes that the routers learned from it.
 */
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createNamespace } from '../support/namespaces.ts';
import { Ping } from '../support/ping.ts';
import { run, start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { NODE_AS, TestNode, bgpPeer, block, linkAddresses } from './daemon-fixture.ts';
import { BLOCKS, connectPod, shell } from './pod-fixture.ts';

/** Networks behind the routers, and an address in each. */
export const FAR = ['10.70.0.0/16', 'fd70::/32'] as const;
const FAR_ADDRESSES = ['10.70.0.1', 'fd70::1'] as const;
/** BIRD as the daemon of the node, with everything that it needs to leave its routes to a successor. */
const PREDECESSOR = `router id ${linkAddresses(1).ours};
protocol device {}
protocol kernel { ipv4 { export where source = RTS_BGP; }; persist; merge paths on; }
protocol kernel { ipv6 { export where source = RTS_BGP; }; persist; merge paths on; }
protocol static { ipv4; route ${BLOCKS[0]} blackhole; }
protocol static { ipv6; route ${BLOCKS[1]} blackhole; }
${[1, 2].map(predecessorSession).join('')}`;

function predecessorSession(number: number): string {
  const { ours, ours6, theirs } = linkAddresses(number);
  return `protocol bgp router${number} {
  local ${ours} as ${NODE_AS};
  neighbor ${theirs} as ${65_000 + number};
  connect delay time 1;
  graceful restart on;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; next hop address ${ours6}; };
}
`;
}

/** The pod, its node and the routers. */
export class RestartScene implements AsyncDisposable {
  readonly node = new TestNode();
  readonly routers: Bird[] = [];
  readonly pod = createNamespace('pod');
  private readonly pings: Ping[] = [];
  private readonly scratch = createScratch('restart');

  /** Sets everything up, except for the daemon on the node. */
  static async start(): Promise<RestartScene> {
    const scene = new RestartScene();
    await connectPod(scene.node, scene.pod);
    for (const number of [1, 2]) {
      const namespace = scene.node.addLink(number);
      const add = (address: string, length: number) => `ip address add ${address}/${length} dev lo`;
      await shell(namespace, add(FAR_ADDRESSES[0], 32), add(FAR_ADDRESSES[1], 128));
      const router = await Bird.start(namespace, number, 65_000 + number);
      await router.forward(...FAR);
      scene.routers.push(router);
    }
    scene.node.writeBasics();
    scene.node.write('peers.yaml', bgpPeer(1, 65_001), bgpPeer(2, 65_002));
    scene.node.write('blocks.yaml', ...BLOCKS.map((cidr) => block(cidr)));
    return scene;
  }

  /** Waits until the routers have the blocks and the kernel of the node has the far networks, over both routers. */
  async converged(): Promise<void> {
    for (const router of this.routers) {
      await waitFor(() => router.prefixes(), {
        what: `${router.process.name} to have the blocks`,
        timeoutMs: 20_000,
        accept: (prefixes) => BLOCKS.every((cidr) => prefixes.includes(cidr)),
      });
    }
    const hops = [linkAddresses(1), linkAddresses(2)].flatMap(({ theirs, theirs6 }) => [theirs, theirs6]);
    await waitFor(() => this.farRoutes(), {
      what: 'the kernel to have the far networks over both routers',
      timeoutMs: 20_000,
      accept: (routes) => hops.every((hop) => routes.includes(hop)),
    });
  }

  /** The node's routes to the far networks, and the next hops that routes refer to by number, as `ip` tells them. */
  async farRoutes(): Promise<string> {
    return shell(this.node.namespace, `ip route show ${FAR[0]}`, `ip -6 route show ${FAR[1]}`, 'ip nexthop show');
  }

  /** Starts BIRD as the node's daemon. */
  async startPredecessor(): Promise<RunningProcess> {
    const argv = [
      'bird',
      '-f',
      '-c',
      this.scratch.write('bird.conf', PREDECESSOR),
      '-s',
      join(this.scratch.path, 'ctl'),
    ];
    const bird = start(argv, { name: 'bird', space: this.node.namespace });
    await waitUntilReady(bird, () => run(['birdc', '-s', join(this.scratch.path, 'ctl'), 'show', 'status']));
    return bird;
  }

  /** Puts a copy of the programs in place of those that have run so far. */
  upgrade(): void {
    const copy = join(this.scratch.path, 'dist');
    cpSync(this.node.dist, copy, { recursive: true });
    const root = join(this.node.dist, '..');
    for (const name of ['package.json', 'node_modules']) symlinkSync(join(root, name), join(this.scratch.path, name));
    this.node.dist = copy;
  }

  /** Starts 1,000 packets a second of each family from the pod to the far networks, and waits until they flow. */
  async startTraffic(): Promise<void> {
    for (const target of FAR_ADDRESSES) this.pings.push(new Ping(this.pod, target));
    // The first packets may have to wait for a neighbour's link address, where there is little room for them.
    await this.trafficFlows(500);
    for (const ping of this.pings) ping.restart();
  }

  /** Waits until this many more packets of each family have been answered. */
  async trafficFlows(packets: number): Promise<void> {
    await Promise.all(this.pings.map((ping) => ping.answers(packets)));
  }

  /** What was lost up to now, in words, by address; empty where nothing was. */
  losses(): string[] {
    return this.pings.flatMap((ping) => {
      const { received, lost, gaps } = ping.count();
      return lost === 0 ? [] : [`${ping.target}: ${lost} of ${received + lost} lost: ${gaps.join('; ')}`];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ping of this.pings) await ping[Symbol.asyncDispose]();
    for (const router of this.routers) await router[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    this.pod[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }
}
