/**
 * `npm test`: sets the checkout up, then runs every check and test there is.
 *
 *   --unit        only the tests that need neither root nor peers nor a build
 *   --interop     only the tests against real peers and the kernel
 *   --filter X    only test files whose path contains X or, where no path does, tests whose name contains X
 *
 * Every failure and every skip is named with its reason at the end; the last line is `N passed, N failed, N skipped`.
 * Exit codes: 0 nothing failed, 1 something failed, 2 bad usage.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePeers } from './lib/peers.mjs';
import { parseResults, Results } from './lib/results.mjs';
import { run, stopChildren } from './lib/run.mjs';
import { build, ensurePackages, nodeTooOld, ROOT } from './lib/setup.mjs';

const results = new Results();
const scratch = mkdtempSync(join(tmpdir(), 'starling-test-'));
const resultsFile = join(scratch, 'results.ndjson');

/** Runs a step of the set-up as a test of that name; false when it failed. */
async function setUp(name, step) {
  try {
    await step();
    results.add({ name, state: 'passed' });
    return true;
  } catch (error) {
    process.stdout.write(`${error.output ?? ''}${error.message}\n`);
    results.add({ name, state: 'failed', reason: error.message });
    return false;
  }
}

/** Each command of `npm run check` as a test of its own. */
async function check() {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const command of scripts.check.split(' && ')) {
    const [tool, ...args] = command.split(' ');
    const { code, output } = await run(join(ROOT, 'node_modules/.bin', tool), args, { capture: true });
    process.stdout.write(code === 0 ? `check: ${command}: ok\n` : `check: ${command}: failed\n${output}`);
    results.add({
      name: `check: ${command}`,
      state: code === 0 ? 'passed' : 'failed',
      ...(code !== 0 && { reason: `exit code ${code}` }),
    });
  }
}

/**
 * Sees to it, beside everything else, that there is an API server for the tests; says why not where there is none. Only its
 * tests skip without: they name the reason, too.
 */
async function kubeApiServer() {
  const { code, output } = await run(process.execPath, [join(ROOT, 'scripts/kube-apiserver.mjs')], { capture: true });
  process.stdout.write(code === 0 ? 'kube-apiserver: there\n' : `kube-apiserver: none, ${output}`);
}

/** What `--filter` means to vitest: files by path or, where none matches, tests by name. */
function filterArguments(filter) {
  if (filter === undefined) return [];
  const files = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((path) => join(folder, path)),
  );
  const byPath = files.some((path) => path.endsWith('.test.ts') && path.includes(filter));
  return byPath ? [filter] : ['--testNamePattern', filter];
}

/** Runs the tests of the given vitest projects. */
async function vitest(projects, filter) {
  writeFileSync(resultsFile, '');
  const { code } = await run(
    process.execPath,
    [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      `--root=${ROOT}`,
      ...projects.map((project) => `--project=${project}`),
      '--reporter=default',
      '--reporter=./test/support/reporter.ts',
      ...filterArguments(filter),
    ],
    { env: { STARLING_TEST_RESULTS: resultsFile } },
  );
  const found = parseResults(readFileSync(resultsFile, 'utf8'));
  results.add(...found);
  if (code !== 0 && !found.some((result) => result.state === 'failed')) {
    results.add({ name: 'vitest', state: 'failed', reason: `ended with exit code ${code}` });
  }
}

async function main({ unit, interop, filter }) {
  const all = !unit && !interop && filter === undefined;
  // Takes minutes where it has to be built, so it begins first.
  const kube = unit || (filter !== undefined && !filter.includes('kube')) ? undefined : kubeApiServer();
  if (!(await setUp('npm ci', ensurePackages))) return;
  if (!unit) await ensurePeers();
  const built = unit || (await setUp('npm run build', build));
  if (all) await check();
  if (!built)
    results.add({ name: 'all interop tests', state: 'skipped', reason: 'they need dist/, and the build failed' });
  const wanted = ['unit', 'interop'].filter((name) => (unit || interop ? { unit, interop }[name] : true));
  const projects = wanted.filter((name) => built || name !== 'interop');
  const runs = kube === undefined ? [projects] : projects.map((name) => [name]);
  for (const names of runs) {
    // Other tests than those of the datastore would run into their time limits beside the compiler.
    if (names.includes('interop')) await kube;
    if (names.length > 0) await vitest(names, filter);
  }
}

/** Prints the summary as the last thing and ends. */
function finish() {
  rmSync(scratch, { recursive: true, force: true });
  process.stdout.write(`\n${results.summary()}\n`, () => process.exit(results.failed > 0 ? 1 : 0));
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopChildren(signal);
    results.add({ name: 'the whole run', state: 'failed', reason: `stopped by ${signal}` });
  });
}

function options() {
  try {
    return parseArgs({
      options: { unit: { type: 'boolean' }, interop: { type: 'boolean' }, filter: { type: 'string' } },
    }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\nusage: npm test -- [--unit] [--interop] [--filter X]\n`);
    return process.exit(2);
  }
}

const chosen = options();
const tooOld = nodeTooOld();
if (tooOld) results.add({ name: 'Node', state: 'failed', reason: tooOld });
else await main(chosen);
finish();
