/** A node in a network namespace, with links to BIRD routers, and the built starlingd on it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { DaemonEvent, PeerDetail } from '../../src/api/types.ts';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { run, start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { DIST, DaemonClient } from './daemon-client.ts';

export const NODE_AS = 64_512;

/** Programs that the tests of the daemon need beside a kernel with namespaces. */
export const DAEMON_NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'bird', 'birdc'] } as const;

/** Addresses of a link: the node has .1, what is at the other end .2. */
export function linkAddresses(number: number) {
  const four = (host: number) => `10.91.${number}.${host}`;
  const six = (host: number) => `fd91:${number}::${host}`;
  return { ours: four(1), ours6: six(1), theirs: four(2), theirs6: six(2) };
}

/** A resource as a manifest. */
export function resource(kind: string, name: string, spec: object, labels?: Record<string, string>): object {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec,
  };
}

/** A BlockAffinity of a node. */
export function block(cidr: string, node = 'node-1'): object {
  const name = `${node}-${cidr.replaceAll(/[.:/]+/g, '-')}`;
  return resource('BlockAffinity', name, { cidr, node, state: 'confirmed', deleted: 'false' });
}

/** The BGPPeer for the router at the other end of a link, between the addresses of the link. */
export function bgpPeer(number: number, asNumber: number, more: object = {}): object {
  const peerIP = linkAddresses(number).theirs;
  return resource('BGPPeer', `router-${number}`, { peerIP, asNumber, sourceAddress: 'None', ...more });
}

/** Settings that a router has and a new namespace lacks. */
const ROUTER_SETTINGS = [
  ['net.ipv4.ip_forward', 1],
  ['net.ipv6.conf.all.forwarding', 1],
  ['net.ipv4.fib_multipath_hash_policy', 1],
  ['net.ipv6.fib_multipath_hash_policy', 1],
  ['net.ipv4.nexthop_compat_mode', 0],
] as const;

/** Of a route, or of a next-hop object, as `ip` tells it. */
interface IpHops {
  readonly id?: number;
  readonly nhid?: number;
  readonly gateway?: string;
  readonly dev?: string;
  readonly group?: readonly { readonly id: number }[];
}

/** The node: its namespace, resources and daemon. Links and routers are added by number. */
export class TestNode extends DaemonClient implements AsyncDisposable {
  readonly name = 'node-1';
  readonly namespace: Namespace = createNamespace('node');
  override readonly socket: string;
  /** The compiled programs that run. */
  dist = DIST;
  /** The directory of the resources. */
  readonly resources: string;
  private readonly scratch: Scratch = createScratch('daemon');
  private readonly others: Namespace[] = [];
  private daemon: RunningProcess | undefined;

  constructor() {
    super();
    for (const [name, value] of ROUTER_SETTINGS) {
      const set = `echo ${value} > /proc/sys/${name.replaceAll('.', '/')}`;
      execFileSync('ip', ['netns', 'exec', this.namespace.name, 'sh', '-c', set]);
    }
    this.resources = join(this.scratch.path, 'resources');
    this.socket = join(this.scratch.path, 'api.sock');
    mkdirSync(this.resources);
  }

  /** A namespace at the other end of a new link. */
  addLink(number: number): Namespace {
    const far = createNamespace(`router${number}`);
    this.others.push(far);
    const { ours, ours6, theirs, theirs6 } = linkAddresses(number);
    link(
      { namespace: this.namespace, device: `link${number}`, addresses: [`${ours}/24`, `${ours6}/64`] },
      { namespace: far, addresses: [`${theirs}/24`, `${theirs6}/64`] },
    );
    return far;
  }

  /** Writes a file of resources, in place. */
  write(name: string, ...resources: (object | string)[]): void {
    writeFileSync(join(this.resources, name), yaml(resources));
  }

  /** Writes a file as editors do: beside the old one, which is then replaced. */
  replace(name: string, ...resources: (object | string)[]): void {
    const path = join(this.resources, name);
    writeFileSync(`${path}.new~`, yaml(resources));
    renameSync(`${path}.new~`, path);
  }

  remove(name: string): void {
    rmSync(join(this.resources, name));
  }

  /** Takes all files of resources away; what is returned puts them back. */
  empty(): () => void {
    const aside = join(this.scratch.path, 'aside');
    renameSync(this.resources, aside);
    mkdirSync(this.resources);
    return () => {
      rmSync(this.resources, { recursive: true });
      renameSync(aside, this.resources);
    };
  }

  /** The Node itself and the settings of the cluster, without a mesh. */
  writeBasics(more: object = {}): void {
    const { ours, ours6 } = linkAddresses(1);
    const bgp = { asNumber: NODE_AS, ipv4Address: `${ours}/24`, ipv6Address: `${ours6}/64` };
    this.write('node.yaml', resource('Node', this.name, { bgp }));
    this.write('cluster.yaml', resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false, ...more }));
  }

  /** Writes the configuration of the daemon, and returns its path. */
  configure(more: object = {}, file = 'starlingd.yaml'): string {
    const { datastore, ...rest } = { datastore: { type: 'file', file: { path: this.resources } }, ...more };
    const api = { socket: this.socket, http: '127.0.0.1:8179' };
    // By default all daemons of a machine have one, and keep there whether their node is drained, by its name.
    const cache = join(this.scratch.path, 'cache');
    const config = { nodeName: this.name, datastore: { cache, ...datastore }, api, ...rest };
    return this.scratch.write(file, stringify(config));
  }

  /** Starts a daemon without waiting for it; `wrapper` is a command that runs it. */
  launch(config: string, namespace = this.namespace, wrapper: readonly string[] = []): RunningProcess {
    const argv = [...wrapper, 'node', join(this.dist, 'daemon/main.js'), '--config', config];
    return start(argv, { name: 'starlingd', space: namespace });
  }

  /** Starts the daemon, and waits until it answers and its datastore is in a state: has been read, by default. */
  async startDaemon(config = this.configure(), state = 'synced'): Promise<RunningProcess> {
    const daemon = this.launch(config);
    this.daemon = daemon;
    await waitUntilReady(daemon, () => this.status());
    await waitFor(() => this.status(), {
      what: `the datastore to be ${state}`,
      accept: ({ datastore }) => datastore.state === state,
    });
    return daemon;
  }

  async events(): Promise<DaemonEvent[]> {
    return (await this.api<{ events: DaemonEvent[] }>('GET', '/api/v1/events')).events;
  }

  /** What is wrong, in the words of the status. */
  async problems(): Promise<string> {
    return (await this.status()).problems.join('\n');
  }

  /** What the daemon wrote to its log. */
  get log(): string {
    return this.daemon?.output() ?? '';
  }

  /** Starts the `starling` command without waiting for its end. */
  startStarling(...argv: string[]): RunningProcess {
    return start(['node', join(DIST, 'cli/main.js'), '--socket', this.socket, ...argv], { name: 'starling' });
  }

  /** A metric; `labels` as they stand in the text, e.g. `peer="10.0.0.1"`. Undefined where there is none. */
  async metric(name: string, labels = ''): Promise<number | undefined> {
    const text = await this.request('GET', '/metrics');
    const line = text.split('\n').find((one) => one.startsWith(labels === '' ? `${name} ` : `${name}{${labels}} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  }

  peer(address: string): Promise<PeerDetail> {
    return this.api('GET', `/api/v1/peers/${address}`);
  }

  /** Waits until the sessions with these peers are established. */
  async established(...addresses: string[]): Promise<void> {
    await waitFor(() => this.peers(), {
      what: `sessions with ${addresses.join(', ')}`,
      timeoutMs: 20_000,
      accept: (peers) =>
        addresses.every((wanted) => peers.some(({ address, state }) => address === wanted && state === 'Established')),
    });
  }

  /** Asks `ip` in the node's namespace. Routes come with the gateways that their next-hop objects have. */
  async ip<T>(...words: string[]): Promise<T[]> {
    const output = await run(['ip', '-json', ...words], { space: this.namespace });
    const answer = output.trim() === '' ? [] : (JSON.parse(output) as T[]);
    if (!words.includes('route') || !output.includes('"nhid"')) return answer;
    const objects = new Map((await this.ip<IpHops>('nexthop')).map((object) => [object.id, object]));
    return answer.map((route) => ({ ...route, ...hopsOf((route as IpHops).nhid, objects) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon?.stop();
    for (const name of this.others) name[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }
}

/** What a route has in the words of `ip` without next-hop objects. */
function hopsOf(id: number | undefined, objects: ReadonlyMap<number | undefined, IpHops>): object {
  const object = id === undefined ? undefined : objects.get(id);
  if (object === undefined) return {};
  const single = ({ gateway, dev }: IpHops) => ({ ...(gateway !== undefined && { gateway }), dev });
  if (object.group === undefined) return object.dev === undefined ? {} : single(object);
  const members = object.group.map((member) => single(objects.get(member.id) ?? {}));
  return members.length === 1 ? members[0] : { nexthops: members };
}

function yaml(resources: readonly (object | string)[]): string {
  return resources.map((one) => (typeof one === 'string' ? one : stringify(one))).join('---\n');
}
