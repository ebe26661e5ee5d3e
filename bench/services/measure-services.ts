/** A daemon on a node of a cluster with many Services: what a change of an endpoint costs it, and when its peer hears of it. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import { run, start, waitUntilReady } from '../../test/support/processes.ts';
import type { RunningProcess } from '../../test/support/processes.ts';
import { STARLINGD } from '../../test/support/routers/starling.ts';
import { createScratch } from '../../test/support/scratch.ts';
import type { Scratch } from '../../test/support/scratch.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { API_PORT } from '../load/services.ts';
import { cpuSeconds, peakMemoryBytes } from '../load/meter.ts';
import type { Places } from '../places.ts';
import { DUT_ADDRESS, DUT_ASN, neighboursOf } from '../plan.ts';
import type { Job, Measurement, Result, Scenario } from '../plan.ts';
import { NODE } from './cluster.ts';
import { GOBGP_PORT } from './gobgp-changer.ts';

const LOAD_TIMEOUT_MS = 120_000;
/** How often to look whether the changes have begun, or ended. */
const POLL_MS = 5;

function launchStarling(scratch: Scratch, scenario: Scenario, { here, daemonCpu }: Places): RunningProcess {
  const [peer] = neighboursOf(scenario);
  const kubeconfig = scratch.write(
    'kubeconfig.yaml',
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'bench', cluster: { server: `http://${peer.address}:${API_PORT}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'bench', user: {} }],
      contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
      'current-context': 'bench',
    }),
  );
  const config = {
    nodeName: NODE,
    datastore: {
      type: 'kubernetes',
      cache: join(scratch.path, 'cache'),
      kubernetes: { kubeconfig, apiGroup: 'crd.projectcalico.org/v1' },
    },
    api: { socket: join(scratch.path, 'api.sock'), http: '' },
  };
  const file = scratch.write('starlingd.yaml', stringify(config));
  return start(['node', STARLINGD, '--config', file], { name: 'starlingd', space: here, cpu: daemonCpu });
}

async function launchGobgpd(
  scratch: Scratch,
  scenario: Scenario,
  { here, daemonCpu }: Places,
): Promise<RunningProcess> {
  const [peer] = neighboursOf(scenario);
  const lines = [
    '[global.config]',
    `as = ${DUT_ASN}`,
    `router-id = "${DUT_ADDRESS}"`,
    '[[neighbors]]',
    '[neighbors.config]',
    `neighbor-address = "${peer.address}"`,
    `peer-as = ${peer.asn}`,
    '[neighbors.transport.config]',
    'passive-mode = true',
    '',
  ];
  const file = scratch.write('gobgpd.toml', lines.join('\n'));
  const argv = ['gobgpd', '-f', file, '--api-hosts', `0.0.0.0:${GOBGP_PORT}`, '--pprof-disable'];
  const daemon = start(argv, { name: 'gobgpd', space: here, cpu: daemonCpu });
  await waitUntilReady(daemon, () => run(['gobgp', 'global'], { space: here }));
  return daemon;
}

/** Waits for a line of the load on its own. */
async function line(load: RunningProcess, text: string): Promise<void> {
  await waitFor(
    () => {
      if (!load.running() && !load.output().includes(text)) throw new Error(`the load has ended: ${load.output()}`);
      return load.output();
    },
    {
      what: `"${text}" of the load`,
      timeoutMs: LOAD_TIMEOUT_MS,
      intervalMs: POLL_MS,
      accept: (output) => output.split('\n').includes(text),
    },
  );
}

interface Run {
  readonly load: Measurement;
  /** From starting the daemon until the peer had all routes. */
  readonly startSeconds: number;
  readonly startCpuSeconds: number;
  /** CPU time of the daemon for one change. */
  readonly cpuPerChange: number;
  readonly peakMemoryBytes: number;
}

async function runOnce(daemonName: string, job: Job, places: Places): Promise<Run> {
  using scratch = createScratch('services');
  const argv = ['node', places.loadProgram, JSON.stringify(job)];
  const launchLoad = () => start(argv, { name: 'load', space: places.there, cpu: places.loadCpu });
  const gobgpd = daemonName === 'gobgpd' ? await launchGobgpd(scratch, job.scenario, places) : undefined;
  await using load = launchLoad();
  if (gobgpd === undefined) await line(load, 'listening');
  const begun = process.hrtime.bigint();
  await using daemon = gobgpd ?? launchStarling(scratch, job.scenario, places);
  await line(load, 'begin');
  const startCpuSeconds = cpuSeconds([daemon.pid]);
  await line(load, 'end');
  const cpu = cpuSeconds([daemon.pid]) - startCpuSeconds;
  await load.ended;
  const measured = JSON.parse(load.output().trim().split('\n').at(-1) ?? '') as Measurement;
  return {
    load: measured,
    startSeconds: Number(BigInt(measured.establishedAt ?? 0) - begun) / 1e9,
    startCpuSeconds,
    cpuPerChange: cpu / Number(measured.changes),
    peakMemoryBytes: peakMemoryBytes([daemon.pid]),
  };
}

/** Runs a daemon with all services of the scenario, and with a tenth of them. Throws where something fails. */
export async function measureServices(
  daemon: string,
  scenario: Scenario,
  seed: number,
  places: Places,
): Promise<Result> {
  const part = daemon === 'starling' ? {} : { part: 'gobgpd' as const };
  const job: Job = { scenario, seed, ...part };
  const few: Job = { ...job, scenario: { ...scenario, prefixes: Math.ceil(scenario.prefixes / 10) } };
  const { cpuPerChange: cpuPerChangeOfFew } = await runOnce(daemon, few, places);
  const {
    load,
    startSeconds,
    startCpuSeconds,
    cpuPerChange,
    peakMemoryBytes: peak,
  } = await runOnce(daemon, job, places);
  const computed = daemon === 'starling' ? await compute(job, places) : undefined;
  return {
    scenario: scenario.name,
    daemon,
    wallSeconds: startSeconds,
    cpuSeconds: startCpuSeconds,
    peakMemoryBytes: peak,
    services: {
      ...(computed !== undefined && { computeSeconds: computed.wallSeconds, heapBytes: computed.heapBytes ?? 0 }),
      changesPerSecond: Number(load.changes) / load.wallSeconds,
      p50Milliseconds: load.p50Milliseconds ?? 0,
      p99Milliseconds: load.p99Milliseconds ?? 0,
      cpuPerChange,
      cpuRatio: cpuPerChange / cpuPerChangeOfFew,
    },
  };
}

async function compute(job: Job, { here, daemonCpu, loadProgram }: Places): Promise<Measurement> {
  const argv = ['node', '--expose-gc', loadProgram, JSON.stringify({ ...job, part: 'computation' } satisfies Job)];
  return JSON.parse(await run(argv, { space: here, cpu: daemonCpu })) as Measurement;
}
