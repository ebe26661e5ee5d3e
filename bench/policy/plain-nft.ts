/** What plain `nft -f` takes for the same: a whole table, and single transactions in it. */
import type { Namespace } from '../../test/support/namespaces.ts';
import { run } from '../../test/support/processes.ts';
import type { Scratch } from '../../test/support/scratch.ts';

/** Runs in the namespace: a process for each transaction, one after the other, milliseconds of each as JSON. */
const SCRIPT = `
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const times = [];
for (const input of JSON.parse(readFileSync(process.argv[1], 'utf8'))) {
  const begun = performance.now();
  const { status, stderr } = spawnSync('nft', ['-f', '-'], { input });
  if (status !== 0) throw new Error(String(stderr));
  times.push(performance.now() - begun);
}
console.log(JSON.stringify(times));
`;

const TIMEOUT_MS = 120_000;

interface PlainFigures {
  readonly loadSeconds: number;
  /** Milliseconds of each transaction. */
  readonly transactions: readonly number[];
}

/** The rules of a namespace, as they can be loaded in another one. */
export function rulesOf(space: Namespace): Promise<string> {
  return run(['nft', 'list', 'ruleset'], { space, timeoutMs: TIMEOUT_MS });
}

/** Loads rules in place of those of a namespace, and makes the transactions there. */
export async function measurePlainNft(
  scratch: Scratch,
  { rules, transactions }: { readonly rules: string; readonly transactions: readonly string[] },
  place: { readonly space: Namespace },
): Promise<PlainFigures> {
  await run(['nft', 'flush', 'ruleset'], place);
  const file = scratch.write('rules.nft', rules);
  const begun = performance.now();
  await run(['nft', '-f', file], { ...place, timeoutMs: TIMEOUT_MS });
  const loadSeconds = (performance.now() - begun) / 1000;
  const inputs = scratch.write('transactions.json', JSON.stringify(transactions));
  const output = await run(['node', '--eval', SCRIPT, inputs], { ...place, timeoutMs: TIMEOUT_MS });
  return { loadSeconds, transactions: JSON.parse(output) as number[] };
}
