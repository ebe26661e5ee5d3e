/** Skipping, with a reason in words, a test that this machine cannot run. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** What a test needs of the machine. */
export interface Needs {
  /** May create network namespaces: root, with the capabilities of it. */
  readonly root?: true;
  /** Programs by name; the peers' daemons are found outside of PATH too. */
  readonly programs?: readonly string[];
  /** A path below the folder of shared test vectors, see {@link vectorPath}. */
  readonly vectors?: string;
}

const VECTORS = join(import.meta.dirname, '../../../shared/vectors');
/** Where Debian keeps daemons that a user's PATH may lack. */
const DAEMON_FOLDERS = ['/usr/sbin', '/sbin', '/usr/lib/frr'];

/** Absolute path of a shared test vector; it may be absent, see {@link requireOrSkip}. */
export function vectorPath(path: string): string {
  return join(VECTORS, path);
}

function findProgram(name: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), ...DAEMON_FOLDERS]
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

let namespaces: boolean | undefined;

/** Whether this process may create network namespaces; tried once. */
function mayCreateNamespaces(): boolean {
  namespaces ??= spawnSync('unshare', ['--net', 'true']).status === 0;
  return namespaces;
}

/** What of `needs` is missing here, in words; undefined where all is there. For hooks, which cannot skip. */
export function missingHere(needs: Needs): string | undefined {
  if (needs.root && process.getuid?.() !== 0) return 'needs root, for network namespaces';
  if (needs.root && !mayCreateNamespaces()) return 'this machine does not let root create network namespaces';
  const programs = (needs.programs ?? []).filter((name) => findProgram(name) === undefined);
  if (programs.length > 0) return `not installed: ${programs.join(', ')}`;
  if (needs.vectors !== undefined && !existsSync(vectorPath(needs.vectors))) {
    return `the shared test vectors are not beside the project: ${needs.vectors}`;
  }
  return undefined;
}

/** Skips the test that `ctx` belongs to, naming what is missing, unless all that it needs is there. */
export function requireOrSkip(ctx: TestContext, needs: Needs): void {
  const missing = missingHere(needs);
  if (missing !== undefined) ctx.skip(missing);
}
