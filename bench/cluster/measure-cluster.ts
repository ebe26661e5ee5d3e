/** A daemon on one node of a large cluster: its start, its memory, and what changes cost it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { StatusReport } from '../../src/api/types.ts';
import { httpRequest } from '../../test/support/http.ts';
import { relayPort } from '../../test/support/namespace-relay.ts';
import { link } from '../../test/support/namespaces.ts';
import { run, start } from '../../test/support/processes.ts';
import type { RunningProcess } from '../../test/support/processes.ts';
import { STARLINGD } from '../../test/support/routers/starling.ts';
import { createScratch } from '../../test/support/scratch.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import type { Heard } from '../load/hear-blocks.ts';
import { cpuSeconds, peakMemoryBytes } from '../load/meter.ts';
import type { Places } from '../places.ts';
import type { Result, Scenario } from '../plan.ts';
import { makeChanges } from './changes.ts';
import type { WrittenBlock } from './changes.ts';
import { startEtcdStore } from './etcd-store.ts';
import { startKubernetesStore } from './kubernetes-store.ts';
import { DAEMON, PEER, ROUTER } from './nodes.ts';
import type { ClusterStore } from './store.ts';

const START_TIMEOUT_MS = 120_000;
/** From the start on until the daemon is taken to be at rest. */
const SETTLE_MS = 5000;
const REST_MS = 30_000;
const CHANGES = { perSecond: 100, seconds: 20 };

/** The router lets packets to nodes that are not there vanish, as a network does whose nodes are down. */
async function connectNodes({ here, there }: Places): Promise<void> {
  link({ namespace: here, addresses: [`${DAEMON.address}/24`] }, { namespace: there, addresses: [`${ROUTER}/24`] });
  await run(['ip', 'route', 'add', 'default', 'via', ROUTER], { space: here });
  await run(['ip', 'address', 'add', `${PEER.address}/32`, 'dev', 'lo'], { space: there });
  await run(['ip', 'route', 'add', 'blackhole', 'default'], { space: there });
  await run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'], { space: there });
}

function launch(scratch: Scratch, store: ClusterStore, { here, daemonCpu }: Places): RunningProcess {
  const config = {
    nodeName: DAEMON.name,
    datastore: { ...store.settings, cache: join(scratch.path, 'cache') },
    api: { socket: join(scratch.path, 'api.sock'), http: '' },
  };
  const argv = ['node', STARLINGD, '--config', scratch.write('starlingd.yaml', stringify(config))];
  return start(argv, { name: 'starlingd', space: here, cpu: daemonCpu });
}

/** Undefined while the daemon does not answer. */
async function statusOf(scratch: Scratch): Promise<StatusReport | undefined> {
  const asked = { socketPath: join(scratch.path, 'api.sock'), path: '/api/v1/status', agent: false };
  const answer = await httpRequest(asked).catch(() => undefined);
  return answer?.status === 200 ? (JSON.parse(answer.text) as StatusReport) : undefined;
}

/** All prefixes that the peer has told of up to now. */
function heardBy(peer: RunningProcess): Heard[] {
  const lines = peer.output().split('\n').slice(0, -1);
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Heard);
}

/** Waits until the daemon knows all nodes, and the one that is there has heard of its blocks. */
async function steady(scratch: Scratch, daemon: RunningProcess, peer: RunningProcess, scenario: Scenario) {
  const { neighbours: nodes, prefixes: blocks } = scenario;
  const look = async () => {
    if (!daemon.running()) throw new Error(`starlingd has ended: ${daemon.output()}`);
    if (!peer.running()) throw new Error(`its peer has ended: ${peer.output()}`);
    return { status: await statusOf(scratch), heard: heardBy(peer).length };
  };
  await waitFor(look, {
    what: `${nodes - 1} neighbours and ${blocks} announced blocks`,
    timeoutMs: START_TIMEOUT_MS,
    accept: ({ status, heard }) =>
      status?.datastore.state === 'synced' && status.peers.total === nodes - 1 && heard >= blocks,
  });
}

/** CPU time of the daemon per time passed, in percent, while something is done. */
async function corePercent(daemon: RunningProcess, work: () => Promise<unknown>): Promise<number> {
  const cpu = cpuSeconds([daemon.pid]);
  const begun = performance.now();
  await work();
  return (100_000 * (cpuSeconds([daemon.pid]) - cpu)) / (performance.now() - begun);
}

/** Milliseconds from the writing of each block until the peer heard of it, in ascending order. */
async function delays(peer: RunningProcess, blocks: readonly WrittenBlock[]): Promise<number[]> {
  const announced = () =>
    new Map(
      heardBy(peer)
        .filter(({ change }) => change === 'announced')
        .map(({ prefix, at }) => [prefix, BigInt(at)]),
    );
  const found = await waitFor(announced, {
    what: 'all new blocks to be announced',
    accept: (seen) => blocks.every(({ cidr }) => seen.has(cidr)),
  });
  return blocks.map(({ cidr, at }) => Number(found.get(cidr)! - at) / 1e6).toSorted((a, b) => a - b);
}

/** Runs a daemon in a cluster that is kept in etcd or in Kubernetes. Throws where one of them fails. */
export async function measureCluster(scenario: Scenario, seed: number, places: Places): Promise<Result> {
  const size = { nodes: scenario.neighbours, blocksPerNode: scenario.prefixes };
  using scratch = createScratch('cluster');
  await connectNodes(places);
  await using store = await (scenario.name === 'cluster-etcd' ? startEtcdStore(size) : startKubernetesStore(size));
  await using _relay = await relayPort(store.port, places.here);
  const job = JSON.stringify({ scenario, seed });
  const argv = ['node', places.loadProgram, job];
  await using peer = start(argv, { name: 'peer', space: places.there, cpu: places.loadCpu });
  const begun = performance.now();
  await using daemon = launch(scratch, store, places);
  await steady(scratch, daemon, peer, scenario);
  const wallSeconds = (performance.now() - begun) / 1000;
  const startCpuSeconds = cpuSeconds([daemon.pid]);
  await sleep(SETTLE_MS);
  const restPercent = await corePercent(daemon, () => sleep(REST_MS));
  let changes: Awaited<ReturnType<typeof makeChanges>> | undefined;
  const changesPercent = await corePercent(daemon, async () => (changes = await makeChanges(store, size, CHANGES)));
  const { count, seconds, blocks } = changes!;
  const times = await delays(peer, blocks);
  const quantile = (q: number) => times[Math.floor(q * times.length)];
  return {
    scenario: scenario.name,
    daemon: 'starling',
    wallSeconds,
    cpuSeconds: startCpuSeconds,
    peakMemoryBytes: peakMemoryBytes([daemon.pid]),
    cluster: {
      restPercent,
      changesPercent,
      changesPerSecond: count / seconds,
      p50Milliseconds: quantile(0.5),
      p99Milliseconds: quantile(0.99),
    },
  };
}
