/** What the kernel itself takes for the routes of a scenario: the tool `ip` in place of a daemon. */
import type { Namespace } from '../test/support/namespaces.ts';
import { run } from '../test/support/processes.ts';
import { createScratch } from '../test/support/scratch.ts';
import { makePrefixTable } from './load/routes.ts';
import { neighboursOf } from './plan.ts';
import type { Result, Scenario } from './plan.ts';

const TIMEOUT_MS = 10 * 60_000;

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** The routes of a scenario as lines for `ip -batch`. */
function batchOf(scenario: Scenario, seed: number): string {
  const { addresses, lengths } = makePrefixTable(scenario.prefixes, scenario.sets, seed);
  const [{ address }] = neighboursOf(scenario);
  const line = (prefix: number, i: number) => `route add ${dotted(prefix)}/${lengths[i]} via ${address}\n`;
  return Array.from(addresses, line).join('');
}

/** `ip -batch` adding the routes of a scenario, on a CPU. */
export async function runIp(space: Namespace, cpu: string, scenario: Scenario, seed: number): Promise<Result> {
  using scratch = createScratch('ip');
  const file = scratch.write('batch', batchOf(scenario, seed));
  const start = performance.now();
  const output = await run(['sh', '-c', `ip -batch ${file} && times`], { space, cpu, timeoutMs: TIMEOUT_MS });
  const wallSeconds = (performance.now() - start) / 1000;
  // User and system time of the shell, then of its children, as 0m1.230000s.
  const times = [...output.matchAll(/(\d+)m([\d.]+)s/g)].slice(-2);
  return {
    scenario: scenario.name,
    daemon: 'ip',
    wallSeconds,
    cpuSeconds: times.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0),
    peakMemoryBytes: 0,
  };
}
