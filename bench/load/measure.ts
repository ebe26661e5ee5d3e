/** What the loads of all scenarios share. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Job, Measurement, Neighbour } from '../plan.ts';
import { cpuSeconds } from './meter.ts';
import { FIRST_GENERATION, GENERATION_STEP } from './routes.ts';
import type { FeederStyle } from './routes.ts';

/** Measures wall and CPU time of the daemon while `work` lasts. */
export async function timed(job: Job, work: () => Promise<void>): Promise<Measurement> {
  const pids = job.pids ?? [];
  const cpu = cpuSeconds(pids);
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  return { wallSeconds: wall / 1000, cpuSeconds: cpuSeconds(pids) - cpu };
}

/** What the routes of an external feeder have in common. */
export function externalStyle(job: Job, feeder: Neighbour, generation = 0): FeederStyle {
  return {
    seed: job.seed + generation,
    nextHop: feeder.address,
    pathStart: [feeder.asn],
    originBase: FIRST_GENERATION + generation * GENERATION_STEP,
  };
}

/** Waits until the daemon has used less than 1 % of a core for half a second. */
export async function settled(job: Job): Promise<void> {
  const pids = job.pids ?? [];
  for (let before = cpuSeconds(pids), i = 0; i < 60; i++) {
    await sleep(500);
    const now = cpuSeconds(pids);
    if (now - before < 0.005) return;
    before = now;
  }
}
