/** A node of a fabric: its namespace with pods and a daemon. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createNamespace } from '../support/namespaces.ts';
import { relayPort } from '../support/namespace-relay.ts';
import type { Manifest } from '../support/kube-api.ts';
import { start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import type { Scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { DIST, DaemonClient } from './daemon-client.ts';
import { NODE_AS } from './daemon-fixture.ts';
import type { Pod } from './services-model.ts';
import { proxy } from './services-proxy.ts';
import type { ProxyAddress } from './services-proxy.ts';
import type { Store } from './services-stores.ts';
import { startPods } from './services-traffic.ts';

const ROUTER_SETTINGS = [
  'echo 1 >/proc/sys/net/ipv4/ip_forward',
  'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  'echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy',
  'echo 1 >/proc/sys/net/ipv6/fib_multipath_hash_policy',
  // Nobody else has its addresses. While they are looked for, it asks for no neighbour's link address.
  'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad',
];
/** AS of the ToR. */
export const TOR_AS = 65_000;

/** Addresses of the link between a node, or the client (0), and the ToR. */
export function fabricLink(number: number) {
  return {
    ours: `10.97.${number}.1`,
    ours6: `fd97:0:0:${number}::1`,
    tor: `10.97.${number}.254`,
    tor6: `fd97:0:0:${number}::254`,
  };
}

/** Runs a script in a namespace. */
export function shell(namespace: { readonly name: string }, ...lines: readonly string[]): string {
  const argv = ['netns', 'exec', namespace.name, 'sh', '-ec', lines.join('\n')];
  return execFileSync('ip', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Makes a namespace that forwards, over all equally good next hops by address and port. */
export function createRouterNamespace(label: string) {
  const namespace = createNamespace(label);
  shell(namespace, ...ROUTER_SETTINGS);
  return namespace;
}

const PODS_OF_A_NODE = ['a', 'b', 'c', 'd'];
const blocksOf = (number: number) => [`10.65.${number}.0/26`, `fd65:0:0:${number}::/122`];

export class ServiceNode extends DaemonClient {
  readonly number: number;
  readonly name: string;
  readonly zone: string;
  readonly namespace;
  /** Pods that may be endpoints: `1a` to `1d` on node 1. */
  readonly pods: readonly Pod[];
  private readonly store: Store;
  private readonly scratch: Scratch;
  private readonly settings: object;
  private podProcess: RunningProcess | undefined;
  private relay: AsyncDisposable | undefined;
  private daemon: RunningProcess | undefined;

  constructor(
    number: number,
    zone: string,
    { store, scratch, settings }: { store: Store; scratch: Scratch; settings: object },
  ) {
    super();
    this.number = number;
    this.zone = zone;
    this.name = `node-${number}`;
    this.store = store;
    this.scratch = scratch;
    this.settings = settings;
    this.namespace = createRouterNamespace(this.name);
    shell(this.namespace, 'echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode');
    this.pods = PODS_OF_A_NODE.map((letter, index) => ({
      name: `${number}${letter}`,
      nodeName: this.name,
      zone,
      addresses: [`10.65.${number}.${index + 1}`, `fd65:0:0:${number}::${index + 1}`],
    }));
  }

  /** Gives the pods their addresses, and the node its way to everything else; its link to the ToR must be there. */
  async startPods(): Promise<void> {
    const { tor, tor6 } = fabricLink(this.number);
    const addresses = this.pods.flatMap(({ addresses: [ipv4, ipv6] }) => [
      `ip address add ${ipv4}/32 dev lo`,
      `ip address add ${ipv6}/128 dev lo nodad`,
    ]);
    shell(this.namespace, ...addresses, `ip route add default via ${tor}`, `ip -6 route add default via ${tor6}`);
    this.podProcess = await startPods(this.namespace, this.pods);
    if (this.store.port !== undefined) this.relay = await relayPort(this.store.port, this.namespace);
  }

  /** Takes a pod's addresses away: nothing answers there any more. */
  remove({ addresses: [ipv4, ipv6] }: Pod): void {
    shell(this.namespace, `ip address del ${ipv4}/32 dev lo`, `ip address del ${ipv6}/128 dev lo`);
  }

  /** The resources of the node. */
  get resources(): Manifest[] {
    const { ours, ours6, tor } = fabricLink(this.number);
    const bgp = { asNumber: NODE_AS, ipv4Address: `${ours}/24`, ipv6Address: `${ours6}/64` };
    const labels = { 'topology.kubernetes.io/zone': this.zone };
    const peer = { node: this.name, peerIP: tor, asNumber: TOR_AS, sourceAddress: 'None' };
    return [
      calico('Node', this.name, { bgp }, labels),
      calico('BGPPeer', `tor-of-${this.name}`, peer),
      ...blocksOf(this.number).map((cidr) =>
        calico('BlockAffinity', `${this.name}-${cidr.replaceAll(/[.:/]+/g, '-')}`, {
          cidr,
          node: this.name,
          state: 'confirmed',
          deleted: false,
        }),
      ),
    ];
  }

  proxy(addresses: readonly ProxyAddress[]): void {
    proxy(this.namespace, this.name, addresses);
  }

  /** Starts the daemon. */
  async start(): Promise<void> {
    const api = { socket: this.socket, http: '' };
    const settings = { nodeName: this.name, datastore: this.store.settings, api, ...this.settings };
    const config = this.scratch.write(`${this.name}.yaml`, stringify(settings));
    const argv = ['node', join(DIST, 'daemon/main.js'), '--config', config];
    const daemon = start(argv, { name: `starlingd of ${this.name}`, space: this.namespace });
    this.daemon = daemon;
    await waitUntilReady(daemon, () => this.status());
  }

  /** Ends the daemon with a signal. */
  async endDaemon(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.daemon?.signal(signal);
    await this.daemon?.ended;
  }

  /** Waits until this many sessions are established, and no other is wanted. */
  async established(sessions: number): Promise<void> {
    await waitFor(() => this.peers(), {
      what: `${sessions} sessions of ${this.name}; ${this.log.slice(-1500)}`,
      timeoutMs: 20_000,
      accept: (peers) => peers.length === sessions && peers.every(({ state }) => state === 'Established'),
    });
  }

  get log(): string {
    return this.daemon?.output() ?? '';
  }

  async stop(): Promise<void> {
    await Promise.all([this.daemon?.stop(), this.podProcess?.stop(), this.relay?.[Symbol.asyncDispose]()]);
    this.namespace[Symbol.dispose]();
  }

  override get socket(): string {
    return join(this.scratch.path, `${this.name}.sock`);
  }
}

/** A resource of Calico. */
export function calico(kind: string, name: string, spec: object, labels: object = {}): Manifest {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec };
}
