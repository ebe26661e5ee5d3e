/**
 * A client behind a ToR, and nodes in two zones behind it, which tell it their services by eBGP and each other everything by
 * a mesh. The ToR spreads what comes for an address over all nodes that told it.
 */
import { link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { run } from '../support/processes.ts';
import type { Router, StartRouter } from '../support/routers/router.ts';
import { createScratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { NODE_AS } from './daemon-fixture.ts';
import { proxyAddresses } from './services-model.ts';
import type { Endpoint, Pod, TestService } from './services-model.ts';
import { ServiceNode, TOR_AS, calico, createRouterNamespace, fabricLink, shell } from './services-node.ts';
import type { Store } from './services-stores.ts';
import { Traffic, failures } from './services-traffic.ts';
import type { Target } from './services-traffic.ts';

/** Programs that a fabric needs beside the router and the datastore. */
export const FABRIC_NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'nft', 'ping'] } as const;

/** Zones of nodes 1, 2 and so on. */
const ZONES = ['a', 'a', 'b', 'b'];

/** The route to an address alone. */
export const hostRoute = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

/** Ranges in which all services have their addresses. */
export const RANGES = {
  clusterIPs: ['10.96.0.0/16', 'fd00:10:96::/112'],
  externalIPs: ['10.98.0.0/24', 'fd98:0:0:1::/64'],
  loadBalancerIPs: ['10.98.1.0/24', 'fd98:0:0:2::/64', '10.98.2.7/32', 'fd98:0:0:3::7/128'],
};

/** A next hop of the ToR. */
export interface Hop {
  /** Number of the node. */
  readonly node: number;
  readonly weight: number;
}

/** How a fabric is. */
export interface FabricOptions {
  readonly store: Store;
  readonly tor: StartRouter;
  /** Settings of the daemon of a node. */
  readonly settings?: (number: number) => object;
  readonly nodes?: number;
  /** Whether the nodes have sessions with each other. */
  readonly mesh?: boolean;
}

export class Fabric implements AsyncDisposable {
  readonly nodes: readonly ServiceNode[];
  readonly traffic: Traffic;
  readonly tor: Namespace = createRouterNamespace('tor');
  readonly store: Store;
  router: Router | undefined;
  private readonly client: Namespace = createRouterNamespace('client');
  private readonly scratch = createScratch('fabric');
  private readonly services = new Map<string, TestService>();

  private constructor({ store, settings = () => ({}), nodes = ZONES.length }: FabricOptions) {
    this.store = store;
    const options = { store, scratch: this.scratch };
    this.nodes = ZONES.slice(0, nodes).map((zone, index) => {
      const number = index + 1;
      return new ServiceNode(number, zone, { ...options, settings: settings(number) });
    });
    this.connect(0, this.client);
    for (const { number, namespace } of this.nodes) this.connect(number, namespace);
    this.traffic = new Traffic(this.client);
  }

  /** Starts all of it, with these services. */
  static async start(options: FabricOptions, services: (fabric: Fabric) => readonly TestService[]): Promise<Fabric> {
    const fabric = new Fabric(options);
    const { tor, tor6 } = fabricLink(0);
    shell(fabric.client, `ip route add default via ${tor}`, `ip -6 route add default via ${tor6}`);
    try {
      await fabric.run(options, services(fabric));
    } catch (error) {
      await fabric[Symbol.asyncDispose]();
      throw error;
    }
    return fabric;
  }

  /** Takes a node's link to the ToR down. */
  cutOff(number: number): void {
    shell(this.tor, `ip link set port${number} down`);
  }

  /** A client beside the one of {@link traffic}. */
  anotherClient(): Traffic {
    return new Traffic(this.client);
  }

  /** A pod by its name, such as `1a`. */
  pod(name: string): Pod {
    return this.nodes.flatMap(({ pods }) => pods).find((pod) => pod.name === name)!;
  }

  /** Makes services, or changes those that are there: kube-proxy knows at once, and then the datastore. */
  async set(...services: readonly TestService[]): Promise<void> {
    for (const service of services) this.services.set(service.name, service);
    await this.tellServices();
  }

  /** Gives a service other endpoints. */
  async setEndpoints(name: string, ...endpoints: readonly Endpoint[]): Promise<void> {
    await this.set({ ...this.services.get(name)!, endpoints });
  }

  /** Has the datastore tell other services than those that there are. kube-proxy goes on as it was. */
  async pretend(services: readonly TestService[]): Promise<void> {
    await this.store.replaceServices(services);
  }

  /** The services that there are. */
  get all(): readonly TestService[] {
    return [...this.services.values()];
  }

  /** The next hops that the ToR's kernel has for just this prefix, by node. */
  async hops(prefix: string): Promise<readonly Hop[]> {
    const output = await run(['ip', '-json', prefix.includes(':') ? '-6' : '-4', 'route', 'show', 'exact', prefix], {
      space: this.tor,
    });
    const routes = JSON.parse(output.trim() || '[]') as KernelRoute[];
    const hops = routes.flatMap((route): readonly KernelHop[] => route.nexthops ?? [route]);
    return hops
      .map(({ gateway = '', weight = 1 }) => ({ node: Number(GATEWAY.exec(gateway)?.[1]), weight }))
      .sort((a, b) => a.node - b.node);
  }

  /** Waits until the ToR sends what comes for just this prefix to these nodes, or has no such route; gives the nodes. */
  async reachedOver(prefix: string, ...numbers: readonly number[]): Promise<readonly number[]> {
    const wanted = numbers.join();
    return waitFor(async () => (await this.hops(prefix)).map(({ node }) => node), {
      what: `the ToR to reach ${prefix} over nodes ${wanted || 'none'}`,
      timeoutMs: 20_000,
      accept: (nodes) => nodes.join() === wanted,
    });
  }

  /** The same for several prefixes. */
  async allReachedOver(prefixes: readonly string[], ...numbers: readonly number[]): Promise<void> {
    for (const prefix of prefixes) await this.reachedOver(prefix, ...numbers);
  }

  /** Has the client ask these targets, before, during and after what is done; gives the requests that failed, in words. */
  async failuresDuring(targets: readonly Target[], action: () => Promise<void>): Promise<readonly string[]> {
    await this.traffic.start(targets);
    await this.traffic.answers(20);
    await action();
    await this.traffic.answers(20);
    return failures(await this.traffic.stop());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.traffic[Symbol.asyncDispose]();
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.router?.[Symbol.asyncDispose]();
    for (const namespace of [this.tor, this.client]) namespace[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
    await this.store[Symbol.asyncDispose]();
  }

  private connect(number: number, namespace: Namespace): void {
    const { ours, ours6, tor, tor6 } = fabricLink(number);
    link(
      { namespace, addresses: [`${ours}/24`, `${ours6}/64`] },
      { namespace: this.tor, device: `port${number}`, addresses: [`${tor}/24`, `${tor6}/64`] },
    );
  }

  private async run({ store, tor, mesh = true }: FabricOptions, services: readonly TestService[]): Promise<void> {
    const serviceRanges = {
      serviceClusterIPs: RANGES.clusterIPs,
      serviceExternalIPs: RANGES.externalIPs,
      serviceLoadBalancerIPs: RANGES.loadBalancerIPs,
    };
    const ranges = Object.entries(serviceRanges).map(([field, cidrs]) => [field, cidrs.map((cidr) => ({ cidr }))]);
    const cluster = { nodeToNodeMeshEnabled: mesh, asNumber: NODE_AS, ...Object.fromEntries(ranges) };
    await store.apply(
      calico('BGPConfiguration', 'default', cluster),
      ...this.nodes.flatMap(({ resources }) => resources),
    );
    await this.set(...services);
    const pods = this.nodes.map((node) => node.startPods());
    this.router = await tor(this.torConfig, { namespace: this.tor });
    await Promise.all(pods);
    await Promise.all(this.nodes.map((node) => node.start()));
    const meshSessions = mesh ? 2 * (this.nodes.length - 1) : 0;
    await Promise.all(this.nodes.map((node) => node.established(1 + meshSessions)));
    await Promise.all([this.client, ...this.nodes.map(({ namespace }) => namespace)].map(reachTor));
  }

  private get torConfig() {
    const neighbours = this.nodes.map(({ number }) => {
      const { ours, tor, tor6 } = fabricLink(number);
      const local = { address: tor, address6: tor6 };
      return { address: ours, asn: NODE_AS, families: ['ipv4', 'ipv6'] as const, local, holdTime: 90 };
    });
    const { tor, tor6 } = fabricLink(0);
    return { asn: TOR_AS, routerId: tor, address: tor, address6: tor6, kernel: true, neighbours };
  }

  private async tellServices(): Promise<void> {
    const addresses = this.all.flatMap(proxyAddresses);
    for (const node of this.nodes) node.proxy(addresses);
    await this.store.replaceServices(this.all);
  }
}

interface KernelHop {
  readonly gateway?: string;
  readonly weight?: number;
}

interface KernelRoute extends KernelHop {
  readonly nexthops?: readonly KernelHop[];
}

/** The address of a node on its link to the ToR, which has its number. */
const GATEWAY = /^(?:10\.97\.|fd97:0:0:)(\d+)/;

/** Waits until the ToR answers: the kernel may take a second to find a neighbour's link address, and drop packets meanwhile. */
async function reachTor(space: Namespace, link: number): Promise<void> {
  const { tor, tor6 } = fabricLink(link);
  for (const address of [tor, tor6]) await run(['ping', '-n', '-c', '1', '-w', '20', address], { space });
}
