/** `npm run bench`: sets the checkout up, compiles the benchmarks, then runs them with the given options. */
import { join } from 'node:path';
import { run, stopChildren } from './lib/run.mjs';
import { build, ensurePackages, nodeTooOld, ROOT } from './lib/setup.mjs';

const COMPILED = join(ROOT, 'node_modules/.cache/starling-bench/bench/main.js');

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopChildren(signal));

const tooOld = nodeTooOld();
if (tooOld !== undefined) {
  process.stderr.write(`${tooOld}\n`);
  process.exit(2);
}
if (process.getuid() !== 0) {
  process.stderr.write('The benchmarks need root, for network namespaces.\n');
  process.exit(2);
}
process.chdir(ROOT);
try {
  await ensurePackages();
  await build();
} catch (error) {
  process.stderr.write(`${error.output ?? ''}${error.message}\n`);
  process.exit(1);
}
const tsc = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'bench/tsconfig.json']);
if (tsc.code !== 0) process.exit(1);
const { code } = await run(process.execPath, [COMPILED, ...process.argv.slice(2)]);
process.exit(code);
