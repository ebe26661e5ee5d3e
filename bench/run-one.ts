/** One scenario with one daemon: the daemon alone in a namespace on CPU 0, the load in another on CPU 1. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createNamespace, link } from '../test/support/namespaces.ts';
import type { Namespace } from '../test/support/namespaces.ts';
import { run } from '../test/support/processes.ts';
import type { RouterConfig } from '../test/support/routers/router.ts';
import type { Daemon } from './daemons.ts';
import { peakMemoryBytes } from './load/meter.ts';
import { DUT_ADDRESS, DUT_ASN, SUBNET_LENGTH, neighboursOf } from './plan.ts';
import type { Job, Measurement, Scenario } from './plan.ts';

/** What one run gave. */
export interface Result extends Measurement {
  readonly scenario: string;
  readonly daemon: string;
  readonly peakMemoryBytes: number;
}

const DAEMON_CPU = '0';
const LOAD_CPU = '1';
const LOAD_TIMEOUT_MS = 20 * 60_000;
const LOAD_PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'load/main.js');

function configOf(scenario: Scenario): RouterConfig {
  return {
    asn: DUT_ASN,
    routerId: DUT_ADDRESS,
    address: DUT_ADDRESS,
    neighbours: neighboursOf(scenario).map((neighbour) => ({
      ...neighbour,
      families: ['ipv4'],
      passive: true,
      client: scenario.internal,
    })),
  };
}

async function runLoad(namespace: Namespace, job: Job): Promise<Measurement> {
  const argv = ['node', '--max-semi-space-size=64', LOAD_PROGRAM, JSON.stringify(job)];
  const output = await run(argv, { space: namespace, cpu: LOAD_CPU, timeoutMs: LOAD_TIMEOUT_MS });
  return JSON.parse(output) as Measurement;
}

/** Runs a scenario. Throws where the daemon or the load fails. */
export async function runOne(daemon: Daemon, scenario: Scenario, seed: number): Promise<Result> {
  using here = createNamespace('dut');
  using there = createNamespace('load');
  link(
    { namespace: here, addresses: [`${DUT_ADDRESS}/${SUBNET_LENGTH}`] },
    { namespace: there, addresses: neighboursOf(scenario).map(({ address }) => `${address}/${SUBNET_LENGTH}`) },
  );
  // Starting is measured from outside, by a load generator that is already trying to connect.
  const early = scenario.name === 'startup' ? runLoad(there, { scenario, seed }) : undefined;
  // Its failure counts below; it must not end this process while the daemon is still starting.
  early?.catch(() => undefined);
  const begun = process.hrtime.bigint();
  await using router = await daemon.start(configOf(scenario), { namespace: here, cpu: DAEMON_CPU });
  const { pid } = router.process;
  const measured = await (early ?? runLoad(there, { scenario, seed, pid }));
  const wallSeconds =
    measured.establishedAt === undefined ? measured.wallSeconds : Number(BigInt(measured.establishedAt) - begun) / 1e9;
  return {
    ...measured,
    wallSeconds,
    scenario: scenario.name,
    daemon: daemon.name,
    peakMemoryBytes: peakMemoryBytes(pid),
  };
}
