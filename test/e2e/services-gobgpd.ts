/** gobgpd as a ToR that forwards: it leaves the kernel alone, so its best paths are put there from here. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/processes.ts';
import { startGobgpd } from '../support/routers/gobgpd.ts';
import type { Router, RouterConfig, RouterPlace } from '../support/routers/router.ts';

/** Between two looks at gobgpd's table, in ms. */
const PAUSE = 50;

const AS_PATH = 2;
const NEXT_HOP = 3;
const MP_REACH_NLRI = 14;

interface GobgpAttribute {
  readonly type: number;
  readonly nexthop?: string;
  readonly as_paths?: readonly { readonly num: number }[];
}

interface GobgpPath {
  readonly attrs: readonly GobgpAttribute[];
}

/** Starts gobgpd, and keeps the kernel's routes in its namespace like its table, over all paths that are as short as the best. */
export async function startForwardingGobgpd(config: RouterConfig, place: RouterPlace): Promise<Router> {
  const gobgpd = await startGobgpd(config, place);
  const over = new AbortController();
  const installed = new Map<string, string>();
  const synchronise = async () => {
    while (!over.signal.aborted && gobgpd.process.running()) {
      const wanted = new Map([...(await routes('ipv4', place)), ...(await routes('ipv6', place))]);
      apply(changes(installed, wanted), place);
      await sleep(PAUSE);
    }
  };
  const synchronised = synchronise();
  return {
    ...gobgpd,
    async [Symbol.asyncDispose]() {
      over.abort();
      await synchronised;
      await gobgpd[Symbol.asyncDispose]();
    },
  };
}

/** Next hops by prefix, as `ip route` takes them. */
async function routes(family: string, { namespace }: RouterPlace): Promise<[string, string][]> {
  const output = await run(['gobgp', '--json', 'global', 'rib', '--address-family', family], { space: namespace });
  return Object.entries(JSON.parse(output) as Record<string, readonly GobgpPath[]>).map(([prefix, paths]) => {
    const shortest = Math.min(...paths.map(pathLength));
    const hops = paths.filter((path) => pathLength(path) === shortest).map((path) => `nexthop via ${nextHop(path)}`);
    return [prefix, hops.sort().join(' ')];
  });
}

function pathLength({ attrs }: GobgpPath): number {
  const segments = attrs.find(({ type }) => type === AS_PATH)?.as_paths ?? [];
  return segments.reduce((sum, { num }) => sum + num, 0);
}

function nextHop({ attrs }: GobgpPath): string {
  return attrs.find(({ type }) => type === NEXT_HOP || type === MP_REACH_NLRI)?.nexthop ?? '';
}

/** Commands of `ip`; `installed` is then like `wanted`. */
function changes(installed: Map<string, string>, wanted: ReadonlyMap<string, string>): string[] {
  const changed = [...wanted].filter(([prefix, hops]) => installed.get(prefix) !== hops);
  const gone = [...installed.keys()].filter((prefix) => !wanted.has(prefix));
  for (const [prefix, hops] of changed) installed.set(prefix, hops);
  for (const prefix of gone) installed.delete(prefix);
  return [
    ...changed.map(([prefix, hops]) => `route replace ${prefix} ${hops}`),
    ...gone.map((prefix) => `route delete ${prefix}`),
  ];
}

/** What fails is a route whose link is gone, and that went with it. */
function apply(commands: readonly string[], { namespace }: RouterPlace): void {
  if (commands.length === 0 || namespace === undefined) return;
  spawnSync('ip', ['-n', namespace.name, '-force', '-batch', '-'], { input: commands.join('\n') });
}
