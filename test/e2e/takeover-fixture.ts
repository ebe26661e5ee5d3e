/**
 * Nodes of a cluster on one network, each with BIRD 1.6 as Calico runs and configures it (a daemon for each family, the
 * node-to-node mesh, routes kept in the kernel), a block, a pod in it, and packets from pod to pod.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { stringify } from 'yaml';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { Ping } from '../support/ping.ts';
import { run, start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { DIST, DaemonClient } from './daemon-client.ts';
import { NODE_AS, block, resource } from './daemon-fixture.ts';
import { connectPod, shell } from './pod-fixture.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Where scripts/lib/bird1.mjs unpacks BIRD 1.6; as a package it can't be installed beside BIRD 2. */
const BIRD1 = join(ROOT, 'node_modules/.cache/starling-peers/bird-1.6/usr/sbin');
const NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'ping'] } as const;
const FAMILIES = [4, 6] as const;

/** Packets a second from each pod to the next one, in each family. */
const RATE = 200;

type AddressFamily = (typeof FAMILIES)[number];

/** Skips a test where this machine can't have the cluster. */
export function requireCluster(ctx: TestContext): void {
  requireOrSkip(ctx, NEEDS);
  if (!existsSync(join(BIRD1, 'bird6'))) ctx.skip('not installed: BIRD 1.6');
}

/** Whether this machine can have the cluster. */
export function mayHaveCluster(): boolean {
  return missingHere(NEEDS) === undefined && existsSync(join(BIRD1, 'bird6'));
}

const nodeAddress = (number: number, family: AddressFamily) => (family === 4 ? `10.92.0.${number}` : `fd92::${number}`);
const podAddress = (number: number, family: AddressFamily) =>
  family === 4 ? `10.65.${number}.5` : `fd65::${number}05`;
const blockOf = (number: number, family: AddressFamily) =>
  family === 4 ? `10.65.${number}.0/26` : `fd65::${number}00/122`;

/** A node: BIRD or Starling may run on it. */
export class ClusterNode extends DaemonClient implements AsyncDisposable {
  readonly number: number;
  readonly name: string;
  readonly namespace: Namespace;
  readonly pod: Namespace;
  private readonly scratch: Scratch;
  private readonly size: number;
  private birds: RunningProcess[] = [];
  private daemon: RunningProcess | undefined;

  constructor(number: number, size: number) {
    super();
    this.number = number;
    this.size = size;
    this.name = `node-${number}`;
    this.namespace = createNamespace(this.name);
    this.pod = createNamespace(`pod-${number}`);
    this.scratch = createScratch(`takeover-${number}`);
    mkdirSync(join(this.scratch.path, 'resources'));
  }

  /** Starts BIRD, as Calico's node container does. */
  async startBird(): Promise<void> {
    this.birds = FAMILIES.map((family) => {
      const file = this.scratch.write(`bird${family}.cfg`, this.birdConfiguration(family));
      const program = join(BIRD1, family === 4 ? 'bird' : 'bird6');
      const argv = [program, '-R', '-f', '-c', file, '-s', join(this.scratch.path, `bird${family}.ctl`)];
      return start(argv, { name: `BIRD for IPv${family} of ${this.name}`, space: this.namespace });
    });
    for (const [index, bird] of this.birds.entries()) {
      await waitUntilReady(bird, () => this.birdc(FAMILIES[index], 'show', 'status'));
    }
  }

  /** Kills BIRD. Ended with SIGTERM, it would tell its peers to forget all it told them (Cease, administrative shutdown). */
  async killBird(): Promise<void> {
    for (const bird of this.birds) bird.signal('SIGKILL');
    await Promise.all(this.birds.map((bird) => bird.ended));
  }

  birdc(family: AddressFamily, ...words: string[]): Promise<string> {
    const program = join(BIRD1, family === 4 ? 'birdc' : 'birdc6');
    return run([program, '-s', join(this.scratch.path, `bird${family}.ctl`), ...words]);
  }

  /** Starts Starling on the resources of the cluster. */
  async startStarling(resources: readonly object[]): Promise<void> {
    this.scratch.write('resources/all.yaml', resources.map((one) => stringify(one)).join('---\n'));
    const config = {
      nodeName: this.name,
      datastore: { type: 'file', file: { path: join(this.scratch.path, 'resources') }, cache: '' },
      api: { socket: this.socket, http: '' },
    };
    const argv = ['node', join(DIST, 'daemon/main.js'), '--config', this.scratch.write('d.yaml', stringify(config))];
    const daemon = start(argv, { name: `starlingd of ${this.name}`, space: this.namespace });
    this.daemon = daemon;
    await waitUntilReady(daemon, () => this.status());
  }

  /** Stops Starling as for a restart. */
  async stopStarling(): Promise<void> {
    await this.daemon?.stop(10_000);
  }

  /** Waits until Starling has a session with every other node in each family, and the kernel what it told. */
  async inSync(): Promise<void> {
    const daemon = this.daemon!;
    await waitFor(() => this.peers(), {
      what: `all sessions of ${daemon.name}`,
      timeoutMs: 40_000,
      accept: (peers) => peers.length === 2 * (this.size - 1) && peers.every(({ state }) => state === 'Established'),
    });
    await waitFor(() => daemon.output(), {
      what: `the end of the first sync of ${daemon.name}`,
      timeoutMs: 20_000,
      accept: (log) => log.includes('the kernel has all routes of the first sync'),
    });
  }

  /** Waits until BIRD has a session with every other node in each family. */
  async birdInSync(): Promise<void> {
    for (const family of FAMILIES) {
      await waitFor(() => this.birdc(family, 'show', 'protocols'), {
        what: `all sessions of BIRD for IPv${family} on ${this.name}`,
        timeoutMs: 40_000,
        accept: (text) => (text.match(/^Mesh_.*Established/gm) ?? []).length === this.size - 1,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.birds, ...(this.daemon === undefined ? [] : [this.daemon])].map((one) => one.stop()));
    this.pod[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }

  override get socket(): string {
    return join(this.scratch.path, 'api.sock');
  }

  /** What Calico's templates come to for this node: kernel, device and direct protocols, blocks, one session for each other node. */
  private birdConfiguration(family: AddressFamily): string {
    const own = nodeAddress(this.number, family);
    const others = numbers(this.size).filter((number) => number !== this.number);
    const pool = family === 4 ? '10.65.0.0/16' : 'fd65::/64';
    return `router id ${nodeAddress(this.number, 4)};
filter calico_export_to_bgp_peers {
  if net = ${blockOf(this.number, family)} then accept;
  if net ~ ${blockOf(this.number, family)} then reject;
  if net ~ ${pool} then accept;
  reject;
}
protocol kernel { learn; persist; scan time 2; import all; export all; graceful restart; merge paths on; }
protocol device { debug off; scan time 2; }
protocol direct { debug off; interface -"cali*", -"kube-ipvs*", "*"; }
protocol static { route ${blockOf(this.number, family)} blackhole; }
template bgp bgp_template {
  local as ${NODE_AS};
  multihop;
  gateway recursive;
  import all;
  export filter calico_export_to_bgp_peers;
  add paths on;
  graceful restart;
  connect delay time 2;
  connect retry time 5;
  error wait time 5, 30;
}
${others.map((number) => meshSession(own, number, family)).join('')}`;
  }
}

/** A session of the mesh; the one with the smaller address, as text, connects. */
function meshSession(own: string, number: number, family: AddressFamily): string {
  const peer = nodeAddress(number, family);
  return `protocol bgp Mesh_${number} from bgp_template {
  neighbor ${peer} as ${NODE_AS};
  source address ${own};
  ${peer > own ? 'passive on;' : ''}
}
`;
}

function numbers(size: number): number[] {
  return Array.from({ length: size }, (_, index) => index + 1);
}

/** The nodes, the network between them, and the packets of their pods. */
export class Cluster implements AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  private readonly network = createNamespace('network');
  private readonly pings: Ping[] = [];

  private constructor(size: number) {
    this.nodes = numbers(size).map((number) => new ClusterNode(number, size));
  }

  /** Connects the nodes, and starts BIRD on all of them. */
  static async start(size: number): Promise<Cluster> {
    const cluster = new Cluster(size);
    await shell(cluster.network, 'ip link add br0 type bridge', 'ip link set br0 up');
    for (const node of cluster.nodes) {
      const port = `port${node.number}`;
      const addresses = [`${nodeAddress(node.number, 4)}/24`, `${nodeAddress(node.number, 6)}/64`];
      link({ namespace: node.namespace, addresses }, { namespace: cluster.network, device: port, addresses: [] });
      await shell(cluster.network, `ip link set ${port} master br0`);
      await connectPod(node, node.pod, [podAddress(node.number, 4), podAddress(node.number, 6)]);
    }
    await Promise.all(cluster.nodes.map((node) => node.startBird()));
    await Promise.all(cluster.nodes.map((node) => node.birdInSync()));
    return cluster;
  }

  /** The resources that say what Calico's templates say. */
  get resources(): object[] {
    return [
      resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: true, asNumber: NODE_AS }),
      resource('IPPool', 'pods', { cidr: '10.65.0.0/16' }),
      resource('IPPool', 'pods-6', { cidr: 'fd65::/64' }),
      ...this.nodes.flatMap(({ number, name }) => [
        resource('Node', name, {
          bgp: { ipv4Address: `${nodeAddress(number, 4)}/24`, ipv6Address: `${nodeAddress(number, 6)}/64` },
        }),
        ...FAMILIES.map((family) => block(blockOf(number, family), name)),
      ]),
    ];
  }

  /** Has every pod send packets to that of the next node, and waits until they flow. */
  async startTraffic(): Promise<void> {
    for (const { number, pod } of this.nodes) {
      const next = (number % this.nodes.length) + 1;
      for (const family of FAMILIES) this.pings.push(new Ping(pod, podAddress(next, family), { rate: RATE }));
    }
    await this.trafficFlows();
    for (const ping of this.pings) ping.restart();
  }

  /** Waits until packets of about half a second more were answered to each pod. */
  async trafficFlows(): Promise<void> {
    await Promise.all(this.pings.map((ping) => ping.answers(RATE / 2)));
  }

  /** What was lost up to now, in words; of these families. */
  losses(families: readonly AddressFamily[] = FAMILIES): string[] {
    const counted = this.pings.filter(({ target }) => families.includes(target.includes(':') ? 6 : 4));
    return counted.flatMap((ping) => {
      const { received, lost, gaps } = ping.count();
      return lost === 0 ? [] : [`${ping.target}: ${lost} of ${received + lost} lost: ${gaps.join('; ')}`];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.pings.map((ping) => ping[Symbol.asyncDispose]()));
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    this.network[Symbol.dispose]();
  }
}
