/** The load of each scenario: everything is encoded before the clock starts, which stops at the last prefix received. */
import { setTimeout as sleep } from 'node:timers/promises';

import { describeEnd } from '../../test/support/bgp/speaker.ts';
import type { Speaker } from '../../test/support/bgp/speaker.ts';
import { HOLD_TIME, neighboursOf } from '../plan.ts';
import type { Job, Measurement, ScenarioName } from '../plan.ts';
import { createRandom } from './random.ts';
import { fibFailover, fibFull, fibInstall } from './fib-scenarios.ts';
import { hearBlocks } from './hear-blocks.ts';
import { externalStyle, settled, timed } from './measure.ts';
import {
  FIRST_GENERATION,
  GENERATION_STEP,
  encodeGroups,
  encodeOne,
  makeAttributeSets,
  makePrefixTable,
} from './routes.ts';
import { services } from './services.ts';
import { establish } from './sessions.ts';
import { PrefixIndex, Sink } from './sink.ts';

/** A sink on a session: told of every UPDATE from now on. */
function listen(speaker: Speaker, index: PrefixIndex, test: ConstructorParameters<typeof Sink>[1]): Sink {
  const sink = new Sink(index, test);
  speaker.onUpdate = sink.listener;
  return sink;
}

async function fullTable(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const [feeder, receiver] = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const stream = encodeGroups(table, makeAttributeSets(sets, externalStyle(job, feeder)));
  const index = new PrefixIndex(table);
  const from = await establish(feeder);
  const to = await establish(receiver);
  const sink = listen(to, index, (path) => path.second === feeder.asn);
  return timed(job, async () => {
    const done = sink.reach(prefixes);
    await from.send(stream);
    await done;
  });
}

async function failover(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const [better, worse, receiver] = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const worseStyle = externalStyle(job, worse);
  const good = encodeGroups(table, makeAttributeSets(sets, externalStyle(job, better)));
  // The same paths, three AS numbers longer.
  const prepended = { ...worseStyle, pathStart: [worse.asn, worse.asn, worse.asn, worse.asn] };
  const bad = encodeGroups(table, makeAttributeSets(sets, prepended));
  const index = new PrefixIndex(table);
  const first = await establish(better);
  const second = await establish(worse);
  const sink = listen(await establish(receiver), index, (path) => path.second === better.asn);
  await second.send(bad);
  await first.send(good);
  await sink.reach(prefixes);
  await settled(job);
  sink.restart((path) => path.second === worse.asn);
  return timed(job, async () => {
    const done = sink.reach(prefixes);
    first.close();
    await done;
  });
}

const CHURN_ROUNDS = 5;

async function churn(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const [feeder, receiver] = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const stream = encodeGroups(table, makeAttributeSets(sets, externalStyle(job, feeder)));
  // A fifth of the groups each time, with attribute sets never seen before.
  const rounds = Array.from({ length: CHURN_ROUNDS }, (_, round) => {
    const first = Math.floor((sets * round) / CHURN_ROUNDS);
    const end = Math.floor((sets * (round + 1)) / CHURN_ROUNDS);
    const fresh = makeAttributeSets(end - first, externalStyle(job, feeder, round + 1));
    const changed = table.groupStart[end] - table.groupStart[first];
    return { changed, stream: encodeGroups(table, fresh, first, end) };
  });
  const from = await establish(feeder);
  const sink = listen(await establish(receiver), new PrefixIndex(table), (path) => path.second === feeder.asn);
  await from.send(stream);
  await sink.reach(prefixes);
  await settled(job);
  let wall = 0;
  let cpu = 0;
  for (const [round, { changed, stream }] of rounds.entries()) {
    const generation = FIRST_GENERATION + (round + 1) * GENERATION_STEP;
    sink.restart((path) => path.last >= generation && path.last < generation + GENERATION_STEP);
    const measured = await timed(job, async () => {
      const done = sink.reach(changed);
      await from.send(stream);
      await done;
    });
    wall += measured.wallSeconds;
    cpu += measured.cpuSeconds;
  }
  return { wallSeconds: wall / CHURN_ROUNDS, cpuSeconds: cpu / CHURN_ROUNDS };
}

async function reflector(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const clients = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes * clients.length, sets * clients.length, job.seed);
  const index = new PrefixIndex(table);
  const streams = clients.map((client, i) => {
    const style = { seed: job.seed + i, nextHop: client.address, pathStart: [], localPref: 100 };
    // Groups are of different sizes, so that clients have about, not exactly, `prefixes` each.
    return encodeGroups(table, makeAttributeSets(sets, style), i * sets, (i + 1) * sets);
  });
  const speakers = await Promise.all(clients.map((client) => establish(client)));
  const sinks = speakers.map((speaker, i) => {
    const sink = listen(speaker, index, () => true);
    sink.ignoreFrom = table.groupStart[i * sets];
    sink.ignoreEnd = table.groupStart[(i + 1) * sets];
    return sink;
  });
  await settled(job);
  return timed(job, async () => {
    const done = sinks.map((sink) => sink.reach(index.size - (sink.ignoreEnd - sink.ignoreFrom)));
    await Promise.all(speakers.map((speaker, i) => speaker.send(streams[i])));
    await Promise.all(done);
  });
}

/** Clients that connect at the same time: more of them the listen queue of BIRD does not take. */
const CONNECTING = 16;

/** As {@link reflector}, but the sessions count too: from the first connection on, each client announces as soon as it can. */
async function manyClients(job: Job): Promise<Measurement> {
  const { prefixes, sets, addPaths = false } = job.scenario;
  const clients = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes * clients.length, sets * clients.length, job.seed);
  const index = new PrefixIndex(table);
  const streams = clients.map((client, i) => {
    const style = { seed: job.seed + i, nextHop: client.address, pathStart: [], localPref: 100 };
    return encodeGroups(table, makeAttributeSets(sets, style), i * sets, (i + 1) * sets, addPaths ? 1 : undefined);
  });
  const sinks = clients.map((_, i) => {
    const sink = new Sink(index, () => true);
    sink.addPaths = addPaths;
    sink.ignoreFrom = table.groupStart[i * sets];
    sink.ignoreEnd = table.groupStart[(i + 1) * sets];
    return sink;
  });
  let next = 0;
  const lost: string[] = [];
  const connectSome = async () => {
    while (next < clients.length) {
      const i = next++;
      const hear = (speaker: Speaker) => (speaker.onUpdate = sinks[i].listener);
      const speaker = await establish(clients[i], 20, HOLD_TIME, addPaths, hear);
      void speaker.closed.then((why) => lost.push(`${clients[i].address}: ${describeEnd(why)}`));
      await speaker.send(streams[i]);
    }
  };
  const measured = await timed(job, async () => {
    const done = sinks.map((sink) => sink.reach(index.size - (sink.ignoreEnd - sink.ignoreFrom)));
    await Promise.all(Array.from({ length: CONNECTING }, connectSome));
    await Promise.all(done);
  });
  if (lost.length > 0) throw new Error(`${lost.length} sessions ended: ${lost[0]}`);
  return measured;
}

const LATENCY_UPDATES = 2000;

async function latency(job: Job): Promise<Measurement> {
  const { prefixes, sets } = job.scenario;
  const [feeder, receiver] = neighboursOf(job.scenario);
  const table = makePrefixTable(prefixes, sets, job.seed);
  const stream = encodeGroups(table, makeAttributeSets(sets, externalStyle(job, feeder)));
  const random = createRandom(job.seed);
  const fresh = makeAttributeSets(LATENCY_UPDATES, externalStyle(job, feeder, 1));
  const chosen = new Set<number>();
  while (chosen.size < LATENCY_UPDATES) chosen.add(random.below(prefixes));
  const messages = [...chosen].map((prefix, i) => encodeOne(table, prefix, fresh[i]));
  const from = await establish(feeder);
  const sink = listen(await establish(receiver), new PrefixIndex(table), (path) => path.second === feeder.asn);
  await from.send(stream);
  await sink.reach(prefixes);
  await settled(job);
  sink.restart((path) => path.last >= FIRST_GENERATION + GENERATION_STEP);
  const times: number[] = [];
  const total = await timed(job, () => oneByOne(from, sink, messages, times));
  times.sort((a, b) => a - b);
  const quantile = (q: number) => times[Math.floor(q * times.length)];
  return { ...total, p50Milliseconds: quantile(0.5), p99Milliseconds: quantile(0.99) };
}

/** Writes each message once the one before has come out at the sink; the time of each, in milliseconds, goes to `times`. */
function oneByOne(from: Speaker, sink: Sink, messages: readonly Buffer[], times: number[]): Promise<void> {
  return new Promise((resolve) => {
    let started = 0;
    const next = () => {
      if (times.length === messages.length) return resolve();
      started = performance.now();
      from.write(messages[times.length]);
    };
    sink.onChange = () => {
      if (sink.count <= times.length) return;
      times.push(performance.now() - started);
      setImmediate(next);
    };
    next();
  });
}

const IDLE_MS = 30_000;
/** Time for what follows the last session's start; idle daemons may use too much CPU to see that they are settled. */
const IDLE_SETTLE_MS = 3000;

async function idle(job: Job): Promise<Measurement> {
  const neighbours = neighboursOf(job.scenario);
  const speakers: Speaker[] = [];
  // In small batches, so that the daemon's listen queue does not decide.
  for (let i = 0; i < neighbours.length; i += 20)
    speakers.push(...(await Promise.all(neighbours.slice(i, i + 20).map((neighbour) => establish(neighbour)))));
  const lost: string[] = [];
  for (const speaker of speakers) void speaker.closed.then((why) => lost.push(describeEnd(why)));
  await sleep(IDLE_SETTLE_MS);
  const measured = await timed(job, () => sleep(IDLE_MS));
  if (lost.length > 0) throw new Error(`${lost.length} of ${speakers.length} sessions ended while idle: ${lost[0]}`);
  return { ...measured, corePercent: (100 * measured.cpuSeconds) / measured.wallSeconds };
}

async function startup(job: Job): Promise<Measurement> {
  await establish(neighboursOf(job.scenario)[0], 1);
  return { wallSeconds: 0, cpuSeconds: 0, establishedAt: process.hrtime.bigint().toString() };
}

/** The load of each scenario; a mesh needs none. */
export const LOADS: Readonly<Partial<Record<ScenarioName, (job: Job) => Promise<Measurement>>>> = {
  'full-table': fullTable,
  failover,
  churn,
  reflector,
  'reflector-1000': manyClients,
  'reflector-add-path': manyClients,
  latency,
  idle,
  startup,
  'fib-install': fibInstall,
  'fib-full': fibFull,
  'fib-failover': fibFailover,
  'fib-peer-loss': fibFailover,
  'fib-restart': fibInstall,
  'cluster-etcd': hearBlocks,
  'cluster-kubernetes': hearBlocks,
  services,
};
