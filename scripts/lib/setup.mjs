/** What a fresh checkout needs before anything of it can run: npm's packages and the JavaScript in `dist/`. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

/** The project's root folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** A step of the set-up that failed. `message` says which; `output` is what it printed. */
export class SetupError extends Error {
  constructor(message, output) {
    super(message);
    this.name = 'SetupError';
    this.output = output;
  }
}

function readJson(...path) {
  return JSON.parse(readFileSync(join(ROOT, ...path), 'utf8'));
}

/**
 * Why this Node is too old for the project, or undefined.
 * @param {string} [version] as `process.versions.node` gives it
 */
export function nodeTooOld(version = process.versions.node) {
  const wanted = readJson('package.json').engines.node.replace('>=', '');
  const [major, minor] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return `Node ${version} is too old: install Node ${wanted} or newer`;
}

/** Whether `node_modules` holds what `package-lock.json` asks for. npm notes what it installed in a lock file of its own. */
export function packagesInstalled(wanted, installed) {
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed.packages[path];
    // Packages for other platforms are optional and rightly missing.
    return found === undefined ? entry.optional === true : found.version === entry.version;
  });
}

/** Runs `npm ci` where `node_modules` is missing or holds other packages than `package-lock.json` asks for. */
export async function ensurePackages() {
  let installed;
  try {
    installed = readJson('node_modules', '.package-lock.json');
  } catch {
    installed = { packages: {} };
  }
  if (packagesInstalled(readJson('package-lock.json'), installed)) return;
  process.stdout.write('npm ci: installing the packages of package-lock.json\n');
  const { code, output } = await run('npm', ['ci', '--no-audit', '--no-fund', '--prefix', ROOT], { capture: true });
  if (code !== 0) throw new SetupError(`npm ci failed (exit code ${code})`, output);
}

/** Compiles `src/` to `dist/`. */
export async function build() {
  const { code, output } = await run('npm', ['run', '--silent', 'build', '--prefix', ROOT], { capture: true });
  if (code !== 0) throw new SetupError(`npm run build failed (exit code ${code})`, output);
}
