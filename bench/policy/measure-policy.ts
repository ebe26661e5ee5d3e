/** The policy agent in a large cluster in etcd: its start, what a pod's event takes to be in the kernel, and a stream of changes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startEtcd } from '../../test/support/etcd.ts';
import type { Etcd } from '../../test/support/etcd.ts';
import type { RunningProcess } from '../../test/support/processes.ts';
import { createScratch } from '../../test/support/scratch.ts';
import { inParallel, numbers } from '../cluster/store.ts';
import { cpuSeconds, peakMemoryBytes } from '../load/meter.ts';
import type { Places } from '../places.ts';
import type { PolicyDelays, PolicyFigures, PolicyStream, Result, Scenario } from '../plan.ts';
import { launchAgent, residentBytes, untilReady } from './agent.ts';
import { addressOf, contents, endpointEntry, interfaceOf, workload } from './contents.ts';
import type { PolicySize } from './contents.ts';
import { KernelWatch } from './kernel-watch.ts';
import { measurePlainNft, rulesOf } from './plain-nft.ts';

/** Keys written in one transaction, of the 128 that etcd allows. */
const BATCH = 100;

/** Of the node whose events are measured one by one: 100 pods, and two sets for the app of each. */
const FEW: PolicySize = { local: 100, remote: 1000, policies: 400, apps: 400 };
const EVENTS = 200;

const PER_SECOND = 1000;
/** Changes written in one transaction of etcd. */
const TOGETHER = 10;
const PROBES_PER_SECOND = 10;
const STREAM_SECONDS = 60;
const SETTLE_MS = 5000;

interface World extends AsyncDisposable {
  readonly etcd: Etcd;
}

/** etcd with a cluster in it, in the agent's namespace. */
async function startWorld(size: PolicySize, { here }: Places): Promise<World> {
  const scratch = createScratch('policy-etcd');
  const etcd = await startEtcd({ directory: scratch.path, space: here });
  const all = contents(size);
  const batches = numbers(Math.ceil(all.length / BATCH)).map((index) => all.slice(index * BATCH, (index + 1) * BATCH));
  await inParallel(batches, 4, (batch) => etcd.putAll(Object.fromEntries(batch)));
  return {
    etcd,
    async [Symbol.asyncDispose]() {
      await etcd[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

function delaysOf(times: readonly number[]): PolicyDelays {
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { p50Milliseconds: quantile(0.5), p99Milliseconds: quantile(0.99), longestMilliseconds: quantile(1) };
}

/** Pods come one by one, on this node and on others; from the put to the kernel's announcement of the interface, or of the address in a set. */
async function measureEvents(places: Places) {
  using scratch = createScratch('policy-few');
  await using world = await startWorld(FEW, places);
  await using agent = launchAgent(scratch, world.etcd.url, places);
  await untilReady(scratch, agent);
  using watch = await KernelWatch.start(places.here, true);
  const times: number[] = [];
  const transactions: string[] = [];
  // The first events only show that announcements come, and warm up the agent.
  for (const index of numbers(EVENTS + 20)) {
    const isLocal = index % 2 === 0;
    // Of an app that workloads have already; the remote ones are in a set that the node has.
    const pod = isLocal
      ? workload(FEW.apps + (index % 100), true, FEW)
      : { ...workload(0, false, FEW), app: 100 + (index % 100) };
    const of = {
      ...pod,
      number: 2000 * FEW.apps + pod.number + index * FEW.apps,
      address: addressOf(isLocal ? 62 : 63, index),
    };
    const [key, value] = endpointEntry(of);
    watch.takeStatements();
    const announced = watch.next(isLocal ? interfaceOf(of) : of.address);
    const begun = performance.now();
    await world.etcd.put(key, value);
    const at = await announced;
    // The rest of the transaction is announced with it.
    await sleep(20);
    if (index < 20) continue;
    times.push(at - begun);
    transactions.push(watch.takeStatements());
  }
  const rules = await rulesOf(places.here);
  const { transactions: plain } = await measurePlainNft(scratch, { rules, transactions }, { space: places.there });
  return { events: delaysOf(times), nftEvents: delaysOf(plain) };
}

/** Changes of endpoints evenly spread over time, and beside them new ones whose way into the kernel is timed. */
async function measureStream(
  world: World,
  agent: RunningProcess,
  watch: KernelWatch,
  of: { readonly size: PolicySize; readonly seconds: number; readonly concerns: boolean; readonly round: number },
): Promise<PolicyStream> {
  const { size, seconds, concerns, round } = of;
  const cpu = cpuSeconds([agent.pid]);
  const begun = performance.now();
  const probes: Promise<number>[] = [];
  const written: Promise<unknown>[] = [];
  const write = (writing: Promise<unknown>) => {
    // Where it fails, that is told at the end.
    writing.catch(() => undefined);
    written.push(writing);
  };
  const every = (1000 * TOGETHER) / PER_SECOND;
  for (let step = 0; step * every < seconds * 1000; step++) {
    const due = begun + step * every;
    if (due > performance.now()) await sleep(due - performance.now());
    const changed = numbers(TOGETHER).map((index) => {
      const number = ((step * TOGETHER + index) * 7) % size.remote;
      const pod = workload(number, false, size);
      const turn = round + Math.floor((step * TOGETHER + index) / size.remote);
      return concerns
        ? { ...pod, app: (pod.app + 100 * (1 + turn)) % size.apps }
        : { ...pod, version: 1 + round + turn };
    });
    write(world.etcd.putAll(Object.fromEntries(changed.map(endpointEntry))));
    if (step % (PER_SECOND / TOGETHER / PROBES_PER_SECOND) !== 0) continue;
    const number = 10 * size.remote + round * 100_000 + step;
    const probe = { ...workload(number, false, size), app: 100 + (step % 90), address: addressOf(80 + round, step) };
    const at = performance.now();
    const announced = watch.next(probe.address).then((seen) => seen - at);
    announced.catch(() => undefined);
    probes.push(announced);
    write(world.etcd.put(...endpointEntry(probe)));
  }
  await Promise.all(written);
  const wallSeconds = (performance.now() - begun) / 1000;
  const delays = delaysOf(await Promise.all(probes));
  const corePercent = (100 * (cpuSeconds([agent.pid]) - cpu)) / wallSeconds;
  const changes = (written.length - probes.length) * TOGETHER + probes.length;
  return { perSecond: changes / wallSeconds, corePercent, ...delays };
}

async function measureLarge(size: PolicySize, seconds: number, places: Places) {
  using scratch = createScratch('policy-large');
  await using world = await startWorld(size, places);
  const begun = performance.now();
  await using agent = launchAgent(scratch, world.etcd.url, places);
  await untilReady(scratch, agent);
  const startSeconds = (performance.now() - begun) / 1000;
  const startCpuSeconds = cpuSeconds([agent.pid]);
  const startPeakBytes = peakMemoryBytes([agent.pid]);
  await sleep(SETTLE_MS);
  const settledBytes = residentBytes(agent);
  const rules = await rulesOf(places.here);
  const { loadSeconds } = await measurePlainNft(scratch, { rules, transactions: [] }, { space: places.there });
  using watch = await KernelWatch.start(places.here, false);
  const stream = await measureStream(world, agent, watch, { size, seconds, concerns: true, round: 0 });
  const unconcerned = await measureStream(world, agent, watch, {
    size,
    seconds: seconds / 3,
    concerns: false,
    round: 1,
  });
  const peakBytes = peakMemoryBytes([agent.pid]);
  return {
    startSeconds,
    startCpuSeconds,
    startPeakBytes,
    settledBytes,
    peakBytes,
    nftLoadSeconds: loadSeconds,
    stream,
    unconcerned,
  };
}

/** Throws where the agent fails, or something does not come into the kernel. */
export async function measurePolicy(scenario: Scenario, places: Places): Promise<Result> {
  const size: PolicySize = { local: 250, remote: scenario.prefixes, policies: scenario.sets, apps: 500 };
  const few = await measureEvents(places);
  const large = await measureLarge(size, STREAM_SECONDS, places);
  const { startPeakBytes, startCpuSeconds, startSeconds, ...rest } = large;
  const policy: PolicyFigures = { ...few, ...rest, startSeconds, startCpuSeconds, startPeakBytes };
  return {
    scenario: scenario.name,
    daemon: 'starling',
    wallSeconds: startSeconds,
    cpuSeconds: startCpuSeconds,
    peakMemoryBytes: large.peakBytes,
    policy,
  };
}
