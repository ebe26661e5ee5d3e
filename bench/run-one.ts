/** One scenario with one daemon: the daemon alone in a namespace on CPU 0, the load in another on CPU 1. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createNamespace, link } from '../test/support/namespaces.ts';
import type { Namespace } from '../test/support/namespaces.ts';
import { run } from '../test/support/processes.ts';
import type { RouterConfig } from '../test/support/routers/router.ts';
import { measureCluster } from './cluster/measure-cluster.ts';
import type { Daemon } from './daemons.ts';
import { peakMemoryBytes } from './load/meter.ts';
import { measureServices } from './services/measure-services.ts';
import { measureMesh } from './mesh/measure-mesh.ts';
import { measurePolicy } from './policy/measure-policy.ts';
import { runIp } from './kernel-limit.ts';
import { measureRestart } from './restart.ts';
import { DUT_ADDRESS, DUT_ASN, SECOND_ADDRESS, SECOND_LINK, SUBNET_LENGTH, neighboursOf } from './plan.ts';
import type { Job, Measurement, Result, Scenario } from './plan.ts';

/** What a router's kernel is told: forward, and change next-hop objects without announcing each route that uses them. */
const SETTINGS =
  'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/nexthop_compat_mode; ' +
  'echo 1 > /proc/sys/net/ipv4/fib_multipath_hash_policy';
const DAEMON_CPU = '0';
const LOAD_CPU = '1';
const LOAD_TIMEOUT_MS = 20 * 60_000;
const LOAD_PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'load/main.js');

function configOf(scenario: Scenario): RouterConfig {
  return {
    asn: DUT_ASN,
    routerId: DUT_ADDRESS,
    address: DUT_ADDRESS,
    ...(scenario.kernel ? { kernel: true } : {}),
    neighbours: neighboursOf(scenario).map(({ address, asn, daemon }) => ({
      address,
      asn,
      families: ['ipv4'],
      passive: true,
      client: scenario.internal,
      silent: scenario.kernel === true,
      ...(scenario.addPaths === true ? { addPaths: true } : {}),
      ...(daemon === DUT_ADDRESS ? {} : { local: { address: daemon } }),
    })),
  };
}

/** The namespaces of the daemon and of the load generator, linked. */
async function connect(here: Namespace, there: Namespace, scenario: Scenario): Promise<void> {
  const neighbours = neighboursOf(scenario);
  const withLength = (address: string) => `${address}/${SUBNET_LENGTH}`;
  const farEnds = (daemon: string) =>
    neighbours.filter((neighbour) => neighbour.daemon === daemon).map(({ address }) => withLength(address));
  link(
    { namespace: here, addresses: [withLength(DUT_ADDRESS)] },
    { namespace: there, addresses: farEnds(DUT_ADDRESS) },
  );
  if (scenario.secondLink) {
    const device = SECOND_LINK;
    link(
      { namespace: here, device, addresses: [withLength(SECOND_ADDRESS)] },
      { namespace: there, device, addresses: farEnds(SECOND_ADDRESS) },
    );
  }
  if (scenario.kernel) await run(['sh', '-c', SETTINGS], { space: here });
}

async function runLoad(namespace: Namespace, job: Job): Promise<Measurement> {
  const argv = ['node', '--max-semi-space-size=64', LOAD_PROGRAM, JSON.stringify(job)];
  const output = await run(argv, { space: namespace, cpu: LOAD_CPU, timeoutMs: LOAD_TIMEOUT_MS });
  return JSON.parse(output) as Measurement;
}

/** Runs a scenario. Throws where the daemon or the load fails. */
export async function runOne(daemon: Daemon, scenario: Scenario, seed: number): Promise<Result> {
  if (scenario.name === 'mesh-50') return await measureMesh(scenario, daemon.name);
  using here = createNamespace('dut');
  using there = createNamespace('load');
  const places = { here, there, daemonCpu: DAEMON_CPU, loadCpu: LOAD_CPU, loadProgram: LOAD_PROGRAM };
  if (scenario.name === 'cluster-etcd' || scenario.name === 'cluster-kubernetes') {
    return await measureCluster(scenario, seed, places);
  }
  if (scenario.name === 'policy') return await measurePolicy(scenario, places);
  await connect(here, there, scenario);
  if (scenario.name === 'services') {
    return await measureServices(daemon.name, scenario, seed, places);
  }
  const { start } = daemon;
  if (start === undefined) return await runIp(here, DAEMON_CPU, scenario, seed);
  // Starting is measured from outside, by a load generator that is already trying to connect.
  const early = scenario.name === 'startup' ? runLoad(there, { scenario, seed }) : undefined;
  // Its failure counts below; it must not end this process while the daemon is still starting.
  early?.catch(() => undefined);
  const begun = process.hrtime.bigint();
  await using router = await start(configOf(scenario), { namespace: here, cpu: DAEMON_CPU });
  const pids = [router.process, ...(router.companions ?? [])].map(({ pid }) => pid);
  if (scenario.name === 'fib-restart') {
    await runLoad(there, { scenario, seed, pids });
    router.process.signal('SIGKILL');
    await router.process.ended;
    return await measureRestart(here, DAEMON_CPU, scenario, configOf(scenario));
  }
  const measured = await (early ?? runLoad(there, { scenario, seed, pids }));
  const wallSeconds =
    measured.establishedAt === undefined ? measured.wallSeconds : Number(BigInt(measured.establishedAt) - begun) / 1e9;
  return {
    ...measured,
    wallSeconds,
    scenario: scenario.name,
    daemon: daemon.name,
    peakMemoryBytes: peakMemoryBytes(pids),
  };
}
