/** `npm run bench`: Starling and the real peers side by side. */
import { existsSync } from 'node:fs';

import { findKubeApiServer } from '../test/support/kube-api.ts';
import { parseOptions } from './options.ts';
import type { Options } from './options.ts';
import { DAEMONS } from './daemons.ts';
import type { Daemon } from './daemons.ts';
import { SCENARIOS, scaled } from './plan.ts';
import type { Result, Scenario } from './plan.ts';
import { formatResults, writeDocument, writeJson } from './report.ts';
import { runOne } from './run-one.ts';

const ETCD = '/usr/bin/etcd';
const NFT = '/usr/sbin/nft';

/** What a scenario needs beside the daemon and is not there, or undefined. */
function missingFor({ name }: Scenario): string | undefined {
  if (name === 'policy' && !existsSync(NFT)) return `${NFT} is not there`;
  if ((name.startsWith('cluster-') || name === 'policy') && !existsSync(ETCD)) return `${ETCD} is not there`;
  return name === 'cluster-kubernetes' ? findKubeApiServer().missing : undefined;
}

/** Why a daemon does not run a scenario here, or undefined. */
function reasonToSkip(daemon: Daemon, scenario: Scenario, options: Options): string | undefined {
  if (!existsSync(daemon.program)) return `${daemon.program} is not there`;
  const missing = missingFor(scenario);
  if (missing !== undefined) return missing;
  const named = options.peers?.includes(daemon.name) === true;
  if (options.all || named) return undefined;
  if (scenario.slow.includes(daemon.name)) return 'slow: runs only with --all or when named';
  return undefined;
}

/** The run whose compared figure is in the middle. */
function median(results: readonly Result[], scenario: Scenario): Result {
  const sorted = results.toSorted((a, b) => (a[scenario.figure] ?? 0) - (b[scenario.figure] ?? 0));
  return sorted[Math.floor(sorted.length / 2)];
}

async function measure(daemon: Daemon, scenario: Scenario, options: Options): Promise<Result> {
  const results: Result[] = [];
  for (let i = 0; i < options.runs; i++) results.push(await runOne(daemon, scenario, options.seed));
  return median(results, scenario);
}

async function runAll(options: Options): Promise<{ results: Result[]; notes: string[] }> {
  const results: Result[] = [];
  const notes: string[] = [];
  const daemons = DAEMONS.filter(({ name }) => options.peers?.includes(name) ?? true);
  for (const scenario of options.only.map((name) => scaled(SCENARIOS[name], options.scale))) {
    for (const daemon of daemons.filter(({ name }) => scenario.daemons.includes(name))) {
      const reason = reasonToSkip(daemon, scenario, options);
      if (reason !== undefined) {
        notes.push(`${scenario.name}, ${daemon.name}: not run (${reason})`);
        continue;
      }
      process.stderr.write(`${scenario.name}: ${daemon.name} ...\n`);
      try {
        results.push(await measure(daemon, scenario, options));
      } catch (error) {
        notes.push(`${scenario.name}, ${daemon.name}: ${FAILED}: ${describe(error)}`);
      }
    }
  }
  return { results, notes };
}

const FAILED = 'failed';

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const { results, notes } = await runAll(options);
  process.stdout.write(`${formatResults(results)}\n${notes.map((note) => `- ${note}\n`).join('')}`);
  if (options.json !== undefined) await writeJson(options.json, results, notes, options);
  if (options.write) await writeDocument(results, notes, options);
  return notes.some((note) => note.includes(`: ${FAILED}: `)) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${describe(error)}\n`);
  process.exitCode = 2;
}
