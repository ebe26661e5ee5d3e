/**
 * `npm run demo`: a small fabric of Starling routers in network namespaces. Sets the checkout up first, needs no root.
 *
 *   --once   check reachability with real packets and exit: 0 if every pod reaches every other, else 1
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './lib/run.mjs';
import { build, ensurePackages, nodeTooOld, ROOT } from './lib/setup.mjs';

const MAIN = join(ROOT, 'dist/demo/main.js');
/** A user namespace in which we are root, with a network of its own (unshare(1), part of util-linux). */
const AS_OWN_ROOT = ['--user', '--map-root-user', '--net', '--mount'];

const NO_USER_NAMESPACES = `This user may not create user namespaces here, and without root the demo needs one.
Run it as root (sudo npm run demo), or allow them, e.g.:
  sysctl user.max_user_namespaces=10000
  sysctl kernel.unprivileged_userns_clone=1                  (older Debian)
  sysctl kernel.apparmor_restrict_unprivileged_userns=0      (Ubuntu 24.04 and later)`;

/** Compiles `src/` where `dist/` is missing or older than a source file. */
async function ensureBuild() {
  const built = statSync(MAIN, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true }).map((path) => join(ROOT, 'src', path));
  if (!sources.some((path) => statSync(path).mtimeMs > built)) return;
  if (built > 0 && !mayWrite(MAIN)) {
    process.stdout.write('dist/ is older than src/ and belongs to another user: taken as it is\n');
    return;
  }
  process.stdout.write('npm run build: compiling src/ to dist/\n');
  await build();
}

function mayWrite(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Words that the demo's command line starts with: none for root, else those that make us root of a user namespace. */
async function wrapper() {
  if (process.getuid() === 0) return [];
  const { code } = await run('unshare', [...AS_OWN_ROOT, process.execPath, '-e', 'process.exit(0)'], { capture: true });
  if (code !== 0) throw new Error(NO_USER_NAMESPACES);
  return ['unshare', ...AS_OWN_ROOT];
}

/** Runs the built demo to its end and returns its exit code. */
function runDemo(words, args) {
  const [program, ...rest] = [...words, process.execPath, MAIN, ...args];
  return new Promise((resolve, reject) => {
    // The channel tells the demo when this process is gone, whatever took it.
    const child = spawn(program, rest, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    // The terminal sends this one to both.
    process.on('SIGINT', () => {});
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

async function main() {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const tooOld = nodeTooOld();
  if (tooOld !== undefined) throw new Error(tooOld);
  if (process.platform !== 'linux') throw new Error('The demo needs Linux: it makes network namespaces and routes.');
  await ensurePackages();
  await ensureBuild();
  return runDemo(await wrapper(), values.once ? ['--once'] : []);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error.output ?? ''}${error.message}\n`);
  process.exitCode = error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
}
