/** Packages of Debian that the scripts need, installed where that is possible. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { run } from './run.mjs';

/** Asked by Debian's maintainer scripts before they start a service; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';

async function missingPackages(names) {
  const { output } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
    capture: true,
  });
  const installed = new Set(output.split('\n').filter((line) => line.endsWith(' installed')));
  return names.filter((name) => !installed.has(`${name} installed`));
}

function aptGet(...args) {
  // Others may install at the same time.
  return run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    capture: true,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Runs `action` while no package may start its service: the tests start daemons themselves, in namespaces. */
async function withoutServices(action) {
  const ours = !existsSync(POLICY);
  const remove = () => ours && rmSync(POLICY, { force: true });
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  process.once('exit', remove);
  try {
    await action();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

async function install(names) {
  const aptInstall = (...packages) => aptGet('install', '-y', '--no-install-recommends', ...packages);
  await aptGet('update');
  const { code } = await aptInstall(...names);
  // One package that this release lacks fails the whole line: then one at a time.
  if (code !== 0) for (const name of await missingPackages(names)) await aptInstall(name);
}

/**
 * Installs those of the packages that are missing, where this is root on a machine with apt. Never throws.
 * @param {readonly string[]} names
 * @param {(words: string) => void} say is told what is done, or why it can't be
 */
export async function ensureDebianPackages(names, say) {
  if (!existsSync('/usr/bin/apt-get')) {
    say('no apt-get here, so nothing is installed');
    return;
  }
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    say(`not root, so not installed: ${missing.join(' ')}`);
    return;
  }
  say(`installing ${missing.join(' ')}`);
  await withoutServices(() => install(missing));
  const stillMissing = await missingPackages(names);
  if (stillMissing.length > 0) say(`could not be installed: ${stillMissing.join(' ')}`);
}
