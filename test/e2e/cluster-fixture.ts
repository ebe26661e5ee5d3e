/** Nodes of a cluster on one network, each in a namespace with its own starlingd, that read the same resources. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait-for.ts';
import { DIST, DaemonClient } from './daemon-client.ts';

/** Address of a node on the network of the cluster. */
export function nodeAddress(number: number): string {
  return `10.94.0.${number}`;
}

/** Address of what is behind a node, in its block. */
export function podAddress(number: number): string {
  return `10.95.${number}.1`;
}

/** One node. What is behind it stands on its loopback. */
export class ClusterNode extends DaemonClient {
  readonly number: number;
  readonly name: string;
  readonly namespace: Namespace;
  /** Folder of its resources. */
  resources: string;
  override readonly socket: string;
  private daemon: RunningProcess | undefined;

  constructor(number: number, name: string, folder: string) {
    super();
    this.number = number;
    this.name = name;
    this.namespace = createNamespace(name);
    this.resources = join(folder, 'resources');
    this.socket = join(folder, `${name}.sock`);
    const shell = [
      'echo 1 >/proc/sys/net/ipv4/ip_forward',
      'echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode',
      `ip address add ${podAddress(number)}/32 dev lo`,
    ].join('\n');
    execFileSync('ip', ['netns', 'exec', this.namespace.name, 'sh', '-ec', shell]);
  }

  /** Starts the daemon on its resources. */
  async start(scratch: Scratch): Promise<void> {
    const datastore = { type: 'file', file: { path: this.resources }, cache: '' };
    const api = { socket: this.socket, http: '' };
    const config = scratch.write(`${this.name}.yaml`, stringify({ nodeName: this.name, datastore, api }));
    const argv = ['node', join(DIST, 'daemon/main.js'), '--config', config];
    this.daemon = start(argv, { name: `starlingd ${this.name}`, space: this.namespace });
    await waitUntilReady(this.daemon, () => this.status());
  }

  /** Waits until the node has sessions with just these nodes, all established and nothing postponed. */
  async peersWith(...numbers: readonly number[]): Promise<void> {
    const wanted = numbers.map((number) => `${nodeAddress(number)} Established`).sort();
    await waitFor(
      async () => {
        const peers = await this.peers();
        return peers.map(({ address, state, postponed }) => `${address} ${state}${postponed?.kind ?? ''}`).sort();
      },
      {
        what: `${this.name} to peer with ${wanted.join(', ')}; ${this.daemon?.output().slice(-1500)}`,
        timeoutMs: 30_000,
        accept: (seen) => seen.join() === wanted.join(),
      },
    );
  }

  get log(): string {
    return this.daemon?.output() ?? '';
  }

  /** What `ip` says in the namespace. */
  ip(...words: string[]): string {
    return execFileSync('ip', ['-n', this.namespace.name, ...words], { encoding: 'utf8' });
  }

  async stop(): Promise<void> {
    await this.daemon?.stop();
    this.namespace[Symbol.dispose]();
  }
}

/** The cluster: its nodes, and what their resources are. */
export class Cluster implements AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  private readonly scratch = createScratch('cluster');
  private readonly network = createNamespace('network');

  constructor(names: readonly string[]) {
    execFileSync('ip', ['-n', this.network.name, 'link', 'add', 'br0', 'up', 'type', 'bridge']);
    this.nodes = names.map((name, index) => new ClusterNode(index + 1, name, this.scratch.path));
    mkdirSync(this.nodes[0].resources);
    for (const { number, namespace } of this.nodes) {
      const port = `port${number}`;
      link(
        { namespace, addresses: [`${nodeAddress(number)}/24`] },
        { namespace: this.network, device: port, addresses: [] },
      );
      execFileSync('ip', ['-n', this.network.name, 'link', 'set', port, 'master', 'br0']);
    }
  }

  /** Has a node read resources of its own: it is a router outside the cluster. */
  separate(node: ClusterNode, ...resources: readonly object[]): void {
    node.resources = join(this.scratch.path, node.name);
    mkdirSync(node.resources);
    writeFileSync(join(node.resources, 'all.yaml'), resources.map((one) => stringify(one)).join('---\n'));
  }

  /** Replaces a file of resources as editors do. */
  write(name: string, ...resources: readonly object[]): void {
    const path = join(this.nodes[0].resources, name);
    writeFileSync(`${path}.new~`, resources.map((one) => stringify(one)).join('---\n'));
    renameSync(`${path}.new~`, path);
  }

  /** Takes files of resources away; the function returned puts them back. */
  remove(...names: readonly string[]): () => void {
    const paths = names.map((name) => join(this.nodes[0].resources, name));
    for (const path of paths) renameSync(path, `${path}.gone~`);
    return () => {
      for (const path of paths) renameSync(`${path}.gone~`, path);
    };
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start(this.scratch)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    this.network[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }
}
