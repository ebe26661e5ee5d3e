/** The load generator: a process of its own, so that it can live in its namespace and on its core. */
import type { Job } from '../plan.ts';
import { LOADS } from './scenarios.ts';

const job = JSON.parse(process.argv[2]) as Job;
const load = LOADS[job.scenario.name];
if (load === undefined) throw new Error(`no load for ${job.scenario.name}`);
const measurement = await load(job);
process.stdout.write(`${JSON.stringify(measurement)}\n`, () => process.exit(0));
