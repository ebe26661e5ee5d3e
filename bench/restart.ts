/** How long Starling takes to know the routes that an earlier run left in the kernel. */
import type { Namespace } from '../test/support/namespaces.ts';
import { run } from '../test/support/processes.ts';
import type { RouterConfig } from '../test/support/routers/router.ts';
import { startStarling } from '../test/support/routers/starling.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { peakMemoryBytes } from './load/meter.ts';
import type { Result, Scenario } from './plan.ts';

/** Of each time the middle of so many counts. */
const RUNS = 3;

async function middle(measure: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  while (times.length < RUNS) times.push(await measure());
  return times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)];
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Measures starts in a namespace whose kernel has the routes of a scenario. They are gone afterwards. */
export async function measureRestart(
  namespace: Namespace,
  cpu: string,
  scenario: Scenario,
  config: RouterConfig,
): Promise<Result> {
  let memory = 0;
  /** From the start of the process until it knows of so many routes; it is killed then, so that it leaves them. */
  const start = async (routes: number) => {
    const begun = performance.now();
    await using router = await startStarling(config, { namespace, cpu });
    await waitFor(() => router.metric('starling_fib_routes_adopted'), {
      what: `${routes} routes to be adopted`,
      timeoutMs: 60_000,
      intervalMs: 5,
      accept: (adopted) => adopted === routes,
    });
    const seconds = (performance.now() - begun) / 1000;
    memory = Math.max(memory, peakMemoryBytes([router.process.pid]));
    router.process.signal('SIGKILL');
    await router.process.ended;
    return seconds;
  };
  const sh = (command: string) => run(['sh', '-c', command], { space: namespace, cpu });
  const showSeconds = await middle(() => secondsOf(() => sh('ip route show table main | wc -l')));
  const wallSeconds = await middle(() => start(scenario.prefixes));
  await sh('ip route flush table main proto bird; ip nexthop flush proto 12');
  const emptySeconds = await middle(() => start(0));
  return {
    scenario: scenario.name,
    daemon: 'starling',
    wallSeconds,
    cpuSeconds: 0,
    peakMemoryBytes: memory,
    adoptSeconds: wallSeconds - emptySeconds,
    showSeconds,
  };
}
