/** A full mesh of daemons on this machine: until all have all routes, and what one of them needs. */
import { createNamespace, link } from '../../test/support/namespaces.ts';
import type { Namespace } from '../../test/support/namespaces.ts';
import { run } from '../../test/support/processes.ts';
import { createScratch } from '../../test/support/scratch.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { cpuSeconds, peakMemoryBytes, proportionalBytes } from '../load/meter.ts';
import type { Result, Scenario } from '../plan.ts';
import { BirdNode, StarlingNode, addressOf, kernelText, routesOf } from './mesh-nodes.ts';
import type { MeshNode } from './mesh-nodes.ts';

const TIMEOUT_MS = 180_000;
/** Blocks given one after the other; the middle of the times counts. */
const NEW_BLOCKS = 3;

/** Waits until the kernel of each node has routes to all others' blocks. */
async function converged(nodes: readonly MeshNode[]): Promise<void> {
  const missing = new Set(nodes);
  const look = () => {
    for (const node of missing) {
      const { process } = node;
      if (!process.running()) throw new Error(`${process.name} has ended: ${process.output()}`);
      if (routesOf(node).size === nodes.length - 1) missing.delete(node);
    }
    return missing.size;
  };
  await waitFor(look, {
    what: 'all routes in all kernels',
    timeoutMs: TIMEOUT_MS,
    intervalMs: 50,
    accept: (count) => count === 0,
  });
}

/** Milliseconds from a new block of a node until all others' kernels have the route. */
async function newBlock(node: MeshNode, nodes: readonly MeshNode[]): Promise<number> {
  const begun = performance.now();
  const text = kernelText(await node.addBlock());
  const missing = new Set(nodes.filter((other) => other !== node));
  const look = () => {
    for (const other of missing) if (routesOf(other).has(text)) missing.delete(other);
    return missing.size;
  };
  await waitFor(look, { what: `${text} in all kernels`, intervalMs: 1, accept: (count) => count === 0 });
  return performance.now() - begun;
}

/** Seconds from the start of a daemon that was killed until it has all sessions again. */
async function restart(node: MeshNode, sessions: number): Promise<number> {
  node.process.signal('SIGKILL');
  await node.process.ended;
  const begun = performance.now();
  node.start();
  await waitFor(() => node.sessions(), {
    what: 'all sessions after a restart',
    timeoutMs: 60_000,
    intervalMs: 10,
    accept: (count) => count === sessions,
  });
  return (performance.now() - begun) / 1000;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The nodes, on one network. Their daemons don't run yet. */
class Mesh implements AsyncDisposable {
  readonly nodes: readonly MeshNode[];
  private readonly network = createNamespace('network');

  constructor(size: number, Node: typeof StarlingNode | typeof BirdNode) {
    const all = Array.from({ length: size }, (_, index) => index + 1);
    this.nodes = all.map((number) => new Node(number, all));
  }

  /**
   * The nodes know each other's link addresses from the start: the kernel has one table of those that it asks for, for all
   * namespaces, and by default no more than 1,024 entries in it.
   */
  async connect(): Promise<void> {
    const { network } = this;
    await shell(network, 'ip link add br0 type bridge; ip link set br0 up');
    using scratch = createScratch('mesh');
    const known = this.nodes.map(
      ({ number }) => `neighbour add ${addressOf(number)} lladdr ${linkAddress(number)} dev eth0 nud permanent\n`,
    );
    const batch = scratch.write('neighbours', known.join(''));
    for (const { number, namespace } of this.nodes) {
      const device = `port${number}`;
      link({ namespace, addresses: [`${addressOf(number)}/24`] }, { namespace: network, device, addresses: [] });
      await shell(network, `ip link set ${device} master br0`);
      const settings = `ip link set eth0 address ${linkAddress(number)}; echo 1 > /proc/sys/net/ipv4/ip_forward`;
      await shell(namespace, `${settings}; ip -batch ${batch}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    this.network[Symbol.dispose]();
  }
}

/** Administered locally. */
function linkAddress(number: number): string {
  return `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`;
}

function shell(space: Namespace, command: string): Promise<string> {
  return run(['sh', '-c', command], { space });
}

/** Runs the mesh with daemons of one kind. Throws where one of them fails. */
export async function measureMesh(scenario: Scenario, daemon: string): Promise<Result> {
  await using mesh = new Mesh(scenario.neighbours, daemon === 'bird' ? BirdNode : StarlingNode);
  await mesh.connect();
  const { nodes } = mesh;
  const begun = performance.now();
  for (const node of nodes) node.start();
  await converged(nodes);
  const wallSeconds = (performance.now() - begun) / 1000;
  const pids = nodes.map(({ process }) => process.pid);
  const cpu = cpuSeconds(pids) / nodes.length;
  const times: number[] = [];
  while (times.length < NEW_BLOCKS) times.push(await newBlock(nodes[nodes.length - 1], nodes));
  return {
    scenario: scenario.name,
    daemon,
    wallSeconds,
    cpuSeconds: cpu,
    peakMemoryBytes: peakMemoryBytes(pids) / nodes.length,
    mesh: {
      pssBytes: proportionalBytes(pids) / nodes.length,
      blockMilliseconds: middle(times),
      restartSeconds: await restart(nodes[Math.floor(nodes.length / 2)], nodes.length - 1),
    },
  };
}
