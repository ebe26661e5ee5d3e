/**
 * BIRD 1.6, which Calico's nodes run: Debian has it as a package, but not to be installed beside BIRD 2, so that it is
 * unpacked among the caches of the checkout instead.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { ROOT } from './setup.mjs';

const CACHE = join(ROOT, 'node_modules/.cache/starling-peers');
const TARGET = join(CACHE, 'bird-1.6');

/** Unpacks BIRD 1.6 where it is missing. Returns in words why that could not be done. */
export async function ensureBird1() {
  if (existsSync(TARGET)) return undefined;
  let folder;
  try {
    mkdirSync(CACHE, { recursive: true });
    folder = mkdtempSync(`${TARGET}-`);
    const options = ['-o', 'APT::Sandbox::User=root', 'download', 'bird'];
    const { code, output } = await run('apt-get', options, { capture: true, cwd: folder });
    const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
    if (code !== 0 || archive === undefined) return `apt-get download bird: ${output.trim().split('\n').at(-1)}`;
    const unpacked = await run('dpkg-deb', ['-x', archive, 'content'], { capture: true, cwd: folder });
    if (unpacked.code !== 0) return `dpkg-deb -x ${archive}: ${unpacked.output.trim()}`;
    renameSync(join(folder, 'content'), TARGET);
    return undefined;
  } catch (error) {
    return error.message;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
