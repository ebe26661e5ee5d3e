/**
 * `npm run demo`, after its set-up: builds the fabric, starts the daemons, shows what there is, and cleans up.
 *
 *   --once   check reachability with packets and exit: 0 if every pod reaches every other over all paths, else 1
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadLibc } from '../fib/netlink/libc.ts';
import { Daemons } from './daemons.ts';
import { DemoError } from './demo-error.ts';
import { Fabric } from './fabric.ts';
import { Pods, tryReachability, waitForPaths } from './reachability.ts';
import { picture, report, serviceReport, suggestions } from './screen.ts';
import { startServiceProxies } from './service-proxy.ts';
import { serviceFaults, tryServices } from './service-reachability.ts';
import { createTopology } from './topology.ts';

/** How long the fabric has to converge, in milliseconds. */
const CONVERGENCE_TIME = 30_000;
/** How often to look whether all daemons still run, in milliseconds. */
const WATCH_TIME = 500;

const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Is aborted when the demo is told to stop, by a signal or by the end of the process that started it. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) process.on(event, () => controller.abort());
  return controller.signal;
}

/** Whether root here is somebody else outside (user_namespaces(7)). */
function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

async function run(once: boolean, stopped: AbortSignal): Promise<boolean> {
  const started = performance.now();
  const topology = createTopology();
  const libc = loadLibc();
  using fabric = new Fabric(libc, topology);
  using _pods = new Pods(libc, topology, fabric);
  const daemons = new Daemons(topology);
  const killDaemons = () => daemons.kill();
  process.once('exit', killDaemons);
  const check = () => {
    stopped.throwIfAborted();
    daemons.check();
  };
  try {
    daemons.start(topology, fabric);
    print(picture(topology));
    const noProxies = startServiceProxies(topology, fabric);
    await waitForPaths(topology, fabric, CONVERGENCE_TIME, check);
    print(`\nAll paths are in the kernels after ${((performance.now() - started) / 1000).toFixed(1)} s.\n`);
    const result = await tryReachability(libc, topology, fabric, check);
    print(report(result));
    const services = await tryServices(libc, topology, fabric, daemons.running, noProxies === undefined, check);
    print(`\n${serviceReport(topology, services, noProxies)}`);
    const faults = [...result.faults, ...serviceFaults(services)];
    if (faults.length > 0) print(`\n${faults.join('\n')}`);
    if (once) return faults.length === 0;
    const words = { cli: `node ${relative(process.cwd(), CLI)}`, userNamespace: inUserNamespace() };
    print(`\n${suggestions(daemons.running, topology, words)}\n\nCtrl-C ends the demo.`);
    for (;;) {
      check();
      await sleep(WATCH_TIME, undefined, { signal: stopped });
    }
  } finally {
    await daemons.stop();
    process.off('exit', killDaemons);
  }
}

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const stopped = stopSignal();
try {
  process.exitCode = (await run(values.once, stopped)) ? 0 : 1;
} catch (error) {
  // Being told to stop is how the demo ends, but it is no answer to the question of a check.
  process.exitCode = stopped.aborted && !values.once ? 0 : 1;
  if (!stopped.aborted) {
    const detail = error instanceof Error && !(error instanceof DemoError) ? error.stack : undefined;
    process.stderr.write(`${detail ?? (error instanceof Error ? error.message : String(error))}\n`);
  }
}
// A channel to the process that started this one would keep it alive.
process.exit();
