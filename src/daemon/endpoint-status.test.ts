import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createScratch } from '../../test/support/scratch.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { EndpointStatus } from './endpoint-status.ts';

const ROUTER = JSON.stringify({
  ifaceName: 'cali1',
  mac: '01:02:03:04:05:06',
  ipv4Nets: ['10.65.0.2/32'],
  ipv6Nets: ['fd00:1::2/128'],
  bgpPeerName: 'red',
});
const EXPECTED = { name: 'router', addresses: ['10.65.0.2', 'fd00:1::2'], bgpPeerName: 'red' };

async function follow(directory: string) {
  const seen = { changes: 0, troubles: [] as string[] };
  const files = new EndpointStatus({
    directory,
    changed: () => seen.changes++,
    troubled: (words) => seen.troubles.push(words),
  });
  await files.start();
  return { files, seen, [Symbol.dispose]: () => files.stop() };
}

describe('the status files of endpoints', () => {
  it('tell which workloads are to be neighbours, and follow them', async () => {
    using scratch = createScratch('endpoints');
    const directory = join(scratch.path, 'endpoint-status');
    using followed = await follow(directory);
    const { files, seen } = followed;
    expect(files.workloads).toEqual([]);
    // The directory comes after the daemon, as when Felix starts later.
    mkdirSync(directory);
    writeFileSync(join(directory, 'plain'), JSON.stringify({ ifaceName: 'cali2', ipv4Nets: ['10.65.0.3/32'] }));
    writeFileSync(join(directory, 'router'), ROUTER);
    await waitFor(() => files.workloads.length > 0, { what: 'the workload' });
    expect(files.workloads).toEqual([EXPECTED]);
    rmSync(join(directory, 'router'));
    await waitFor(() => files.workloads.length === 0, { what: 'the workload to go' });
    expect(seen).toEqual({ changes: 2, troubles: [] });
  });

  it('hold what a file said before it was broken', async () => {
    using scratch = createScratch('endpoints');
    scratch.write('router', ROUTER);
    using followed = await follow(scratch.path);
    const { files, seen } = followed;
    const { workloads } = files;
    expect(workloads).toEqual([EXPECTED]);
    scratch.write('router', '{');
    scratch.write('second', ROUTER);
    await waitFor(() => files.workloads.length === 2, { what: 'the second workload' });
    expect(files.workloads).toEqual([EXPECTED, { ...EXPECTED, name: 'second' }]);
    scratch.write('second', ROUTER);
    await waitFor(() => seen.troubles.length > 0, { what: 'the trouble to be told' });
    expect(seen.troubles[0]).toContain('router is no endpoint status: ');
  });

  it('are not looked for where there is no directory for them', async () => {
    using followed = await follow('');
    expect(followed.files.workloads).toEqual([]);
  });
});
