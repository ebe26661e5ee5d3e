/** The programs that the interop tests talk to, installed with apt where that is possible. */
import { existsSync } from 'node:fs';
import { ensureBird1 } from './bird1.mjs';
import { ensureDebianPackages } from './debian-packages.mjs';

const PACKAGES = [
  'bird2',
  'frr',
  'gobgpd',
  'openbgpd',
  'exabgp',
  'tshark',
  'bgpdump',
  'etcd-server',
  'iproute2',
  'iputils-ping',
  'nftables',
  'openssl',
  'procps',
];

function say(text) {
  process.stdout.write(`peers: ${text}\n`);
}

/**
 * Installs the missing peers where this is root on a machine with apt; elsewhere the tests that need one skip and say so.
 * Never throws: without peers all other tests still run.
 */
export async function ensurePeers() {
  await ensureDebianPackages(PACKAGES, say);
  if (!existsSync('/usr/bin/apt-get')) return;
  const noBird1 = await ensureBird1();
  if (noBird1 !== undefined) say(`BIRD 1.6 could not be unpacked: ${noBird1}`);
}
