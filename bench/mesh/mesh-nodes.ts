/** Nodes of a full mesh, each in a namespace with a block of its own, all on one network. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { StatusReport } from '../../src/api/types.ts';
import { httpRequest } from '../../test/support/http.ts';
import { createNamespace } from '../../test/support/namespaces.ts';
import type { Namespace } from '../../test/support/namespaces.ts';
import { run, start } from '../../test/support/processes.ts';
import type { RunningProcess } from '../../test/support/processes.ts';
import { STARLINGD } from '../../test/support/routers/starling.ts';
import { createScratch } from '../../test/support/scratch.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import { DUT_ASN } from '../plan.ts';

const POOL = '10.65.0.0/16';

export const addressOf = (number: number) => `10.92.0.${number}`;

/** Blocks of a node: every node has the one with index 0, more are given later. */
const blockOf = (number: number, index: number) => `10.65.${number}.${64 * index}/26`;

/** A daemon in its namespace. */
export abstract class MeshNode implements AsyncDisposable {
  readonly number: number;
  readonly namespace: Namespace;
  /** Numbers of all nodes. */
  protected readonly all: readonly number[];
  protected readonly scratch: Scratch;
  /** How many blocks it has. */
  protected blocks = 1;
  private running: RunningProcess | undefined;

  constructor(number: number, all: readonly number[]) {
    this.number = number;
    this.all = all;
    this.namespace = createNamespace(`mesh${number}`);
    this.scratch = createScratch('mesh');
  }

  get process(): RunningProcess {
    if (this.running === undefined) throw new Error(`the daemon of node ${this.number} was not started`);
    return this.running;
  }

  start(): void {
    this.running = start(this.command(), { name: `daemon of node ${this.number}`, space: this.namespace });
  }

  /** Gives the node one more block, and returns it. */
  async addBlock(): Promise<string> {
    this.blocks++;
    await this.blocksChanged();
    return blockOf(this.number, this.blocks - 1);
  }

  /** How many sessions are up; 0 while the daemon does not answer. */
  abstract sessions(): Promise<number>;

  /** Writes what is needed and says how to start the daemon. */
  protected abstract command(): readonly string[];

  protected abstract blocksChanged(): Promise<void>;

  protected get own(): readonly string[] {
    return Array.from({ length: this.blocks }, (_, index) => blockOf(this.number, index));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running?.stop();
    this.namespace[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }
}

/** Destination, of the pool, and gateway in a line of /proc/PID/net/route: hexadecimal, in the byte order of the machine. */
const ROUTE = /^\S+\t([0-9A-F]{4}410A)\t([0-9A-F]{8})\t/;

/** Blocks of other nodes to which a node's kernel has a route, as text of the kernel. */
export function routesOf({ process }: MeshNode): Set<string> {
  const found = new Set<string>();
  for (const line of readFileSync(`/proc/${process.pid}/net/route`, 'latin1').split('\n')) {
    const [, destination, gateway] = ROUTE.exec(line) ?? [];
    if (destination !== undefined && gateway !== '00000000') found.add(destination);
  }
  return found;
}

/** A block as {@link routesOf} has it. */
export function kernelText(cidr: string): string {
  const octets = cidr.split('/')[0].split('.').map(Number).toReversed();
  return octets.map((octet) => octet.toString(16).padStart(2, '0').toUpperCase()).join('');
}

function resource(kind: string, name: string, spec: object): object {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec };
}

/** Starling, with the resources of the whole mesh in files of its own. */
export class StarlingNode extends MeshNode {
  async sessions(): Promise<number> {
    const asked = { socketPath: this.socket, path: '/api/v1/status', agent: false };
    const answer = await httpRequest(asked).catch(() => undefined);
    return answer?.status === 200 ? (JSON.parse(answer.text) as StatusReport).peers.established : 0;
  }

  protected command(): readonly string[] {
    mkdirSync(join(this.scratch.path, 'resources'), { recursive: true });
    const cluster = [
      resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: true, asNumber: DUT_ASN }),
      resource('IPPool', 'pods', { cidr: POOL }),
      // As BIRD's below: by default it grows to 30 s, which would be most of the time here.
      { ...resource('PeerProfile', 'all', { connectRetryTime: '2s' }), apiVersion: 'starling.dev/v1alpha1' },
      ...this.all.map((number) =>
        resource('Node', `node-${number}`, { bgp: { ipv4Address: `${addressOf(number)}/24` } }),
      ),
    ];
    this.write('cluster.yaml', cluster);
    this.writeBlocks();
    const config = {
      nodeName: `node-${this.number}`,
      datastore: {
        type: 'file',
        file: { path: join(this.scratch.path, 'resources') },
        cache: join(this.scratch.path, 'cache'),
      },
      api: { socket: this.socket, http: '' },
    };
    return ['node', STARLINGD, '--config', this.scratch.write('starlingd.yaml', stringify(config))];
  }

  protected blocksChanged(): Promise<void> {
    this.writeBlocks();
    return Promise.resolve();
  }

  private get socket(): string {
    return join(this.scratch.path, 'api.sock');
  }

  private writeBlocks(): void {
    const node = `node-${this.number}`;
    const affinities = this.own.map((cidr, index) =>
      resource('BlockAffinity', `${node}-${index}`, { cidr, node, state: 'confirmed', deleted: 'false' }),
    );
    this.write('blocks.yaml', affinities);
  }

  private write(name: string, resources: readonly object[]): void {
    this.scratch.write(`resources/${name}`, resources.map((one) => stringify(one)).join('---\n'));
  }
}

/** BIRD, as Calico configures it, but with timers that wait no longer than those of {@link StarlingNode}. */
export class BirdNode extends MeshNode {
  async sessions(): Promise<number> {
    const answer = await this.birdc('show', 'protocols').catch(() => '');
    return (answer.match(/^n\d+ .*Established/gm) ?? []).length;
  }

  protected command(): readonly string[] {
    return ['bird', '-R', '-f', '-c', this.writeConfiguration(), '-s', this.control];
  }

  protected async blocksChanged(): Promise<void> {
    this.writeConfiguration();
    await this.birdc('configure');
  }

  private get control(): string {
    return join(this.scratch.path, 'bird.ctl');
  }

  private birdc(...words: string[]): Promise<string> {
    return run(['birdc', '-s', this.control, ...words]);
  }

  private writeConfiguration(): string {
    const own = addressOf(this.number);
    const session = (number: number) => {
      const passive = addressOf(number) > own ? 'passive on; ' : '';
      return `protocol bgp n${number} from mesh { neighbor ${addressOf(number)} as ${DUT_ASN}; ${passive}}`;
    };
    const text = `router id ${own};
protocol device {}
protocol direct { ipv4; interface "eth0"; }
protocol kernel { learn; persist; scan time 2; ipv4 { import all; export all; }; graceful restart; merge paths on; }
protocol static { ipv4; ${this.own.map((cidr) => `route ${cidr} blackhole;`).join(' ')} }
template bgp mesh {
  local ${own} as ${DUT_ASN};
  multihop;
  hold time 90;
  graceful restart on;
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  error forget time 1;
  ipv4 { import all; export where net ~ [ 10.65.${this.number}.0/24{26,26} ]; gateway recursive; add paths on; };
}
${this.all
  .filter((number) => number !== this.number)
  .map(session)
  .join('\n')}
`;
    return this.scratch.write('bird.conf', text);
  }
}
