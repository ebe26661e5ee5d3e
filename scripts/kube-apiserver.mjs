/**
 * `node scripts/kube-apiserver.mjs`: sees to it that there is a kube-apiserver for the tests, and prints its path.
 *
 *   --find   only say where it is; exit code 1, with the reason, where there is none
 *
 * The program is built once (scripts/lib/kube-build.mjs) and kept in $XDG_CACHE_HOME/starling or ~/.cache/starling, by version
 * and recipe. Where KUBEBUILDER_ASSETS names a folder, the one in there is taken instead.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildKubeApiServer, KUBE_VERSION } from './lib/kube-build.mjs';
import { stopChildren } from './lib/run.mjs';

const RECIPE = new URL('lib/kube-build.mjs', import.meta.url);
/** A lock that is older, in milliseconds, was left behind. */
const LOCK_LIFE = 30 * 60_000;
/** As `nice -n 19`: whatever else runs goes first. */
const LOWEST_PRIORITY = 19;

const assets = process.env['KUBEBUILDER_ASSETS'];
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'starling');
const recipe = createHash('sha256').update(readFileSync(RECIPE)).digest('hex').slice(0, 12);
const target = assets ? join(assets, 'kube-apiserver') : join(cache, `kube-apiserver-${KUBE_VERSION}-${recipe}`);
const lock = `${target}.lock`;

/** Whether the process that holds the lock is at work. */
function isHeld() {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_LIFE) return false;
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether this process may build now. */
function takeLock() {
  if (!isHeld()) rmSync(lock, { force: true });
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a folder into which a compiler that was just told to stop may still write. */
function remove(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** What a build that was killed left behind: a gigabyte. */
function removeLeftovers() {
  const isOld = (path) => Date.now() - statSync(path).mtimeMs > LOCK_LIFE;
  const names = readdirSync(cache).filter((name) => name.startsWith(`${basename(target)}-`));
  for (const path of names.map((name) => join(cache, name)).filter(isOld)) remove(path);
}

/** Builds, or waits for another process that does. Two that build at a time would cost time only: the result is renamed into place. */
async function ensure() {
  mkdirSync(cache, { recursive: true });
  while (!takeLock()) {
    await sleep(1000);
    if (existsSync(target)) return;
  }
  removeLeftovers();
  const folder = mkdtempSync(`${target}-`);
  const cleanUp = () => {
    remove(folder);
    rmSync(lock, { force: true });
  };
  process.once('exit', cleanUp);
  if (existsSync(target)) return;
  setPriority(LOWEST_PRIORITY);
  await buildKubeApiServer(folder, target, (words) => process.stderr.write(`kube-apiserver: ${words}\n`));
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopChildren(signal);
    process.exit(1);
  });
}

try {
  const { find } = parseArgs({ options: { find: { type: 'boolean' } } }).values;
  if (!existsSync(target)) {
    if (assets) throw new Error(`KUBEBUILDER_ASSETS is ${assets}, which holds no kube-apiserver`);
    if (find) throw new Error('no kube-apiserver: node scripts/kube-apiserver.mjs builds one');
    await ensure();
  }
  process.stdout.write(`${target}\n`);
} catch (error) {
  process.stderr.write(`${(error.output ?? '').slice(-4000)}${error.message}\n`);
  process.exitCode = 1;
}
