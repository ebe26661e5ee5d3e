/** Sessions over IPv6 link-local addresses with BIRD, whoever connects, with routes both ways. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { run, start } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { starlingResources, startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import { createScratch } from '../support/scratch.ts';
import type { Scratch } from '../support/scratch.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const ASN = 65_010;
const PEER_ASN = 65_020;
const OURS = 'fe80::1';
const THEIRS = 'fe80::2';
/** 1: none (Documentation/networking/ip-sysctl.rst, addr_gen_mode). */
const GENERATION_MODE = '/proc/sys/net/ipv6/conf/default/addr_gen_mode';
const PEER_ADDRESS = `${THEIRS}%eth0`;

function birdConfiguration(passive: boolean, port: number): string {
  return `router id 10.89.5.2;
protocol device {}
protocol static { ipv6; route 2001:db8:5::/48 blackhole; }
protocol bgp node {
  local as ${PEER_ASN} port ${port};
  neighbor ${OURS} % 'eth0' as ${ASN};
  passive ${passive ? 'yes' : 'no'};
  connect delay time 1;
  connect retry time 1;
  ipv6 { import all; export where source = RTS_STATIC; };
}
`;
}

const missing = missingHere({ root: true, programs: ['bird', 'birdc', 'nsenter', 'setpriv'] });

describe.skipIf(missing !== undefined)(
  `link-local peers${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let dut: Namespace;
    let peer: Namespace;
    let scratch: Scratch;
    let starling: StarlingRouter;
    let bird: RunningProcess;

    beforeEach(async () => {
      [dut, peer] = ['dut', 'peer'].map(createNamespace);
      // Of several link-local addresses the kernel may connect from any: links get none by themselves.
      await Promise.all([dut, peer].map((space) => run(['sh', '-c', `echo 1 > ${GENERATION_MODE}`], { space })));
      link({ namespace: dut, addresses: [`${OURS}/64`] }, { namespace: peer, addresses: [`${THEIRS}/64`] });
      scratch = createScratch('link-local');
      const config = { asn: ASN, routerId: '10.89.5.1', address: '10.89.5.1' };
      const neighbours = [{ address: PEER_ADDRESS, asn: PEER_ASN, families: ['ipv6'] as const }];
      starling = await startStarling({ ...config, neighbours }, { namespace: dut });
      starling.apply(starlingResources({ ...config, neighbours }));
    });

    afterEach(async () => {
      await bird.stop();
      await starling[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
      for (const namespace of [dut, peer]) namespace[Symbol.dispose]();
    });

    it.each([
      ['Starling', true, 179],
      // Not where Starling looks for it.
      ['BIRD', false, 1790],
    ])('come up where %s connects, and carry routes', async (_who, passive, port) => {
      const file = scratch.write('bird.conf', birdConfiguration(passive, port));
      const control = join(scratch.path, 'ctl');
      bird = start(['bird', '-f', '-c', file, '-s', control], { name: 'bird', space: peer });
      await waitFor(() => starling.neighbour(PEER_ADDRESS), {
        what: 'the session',
        timeoutMs: 30_000,
        accept: ({ established }) => established,
      });
      const prefix = '2001:db8:9::/48';
      await starling.api('POST', '/api/v1/routes', { prefix });
      await waitFor(() => run(['birdc', '-s', control, 'show', 'route', 'protocol', 'node']), {
        what: 'our route',
        accept: (text) => text.includes(prefix),
      });
      const told = await run(['birdc', '-s', control, 'show', 'route', prefix, 'all']);
      expect(told).toMatch(/via fe80::1 on eth0/);
      expect(told).toMatch(new RegExp(`BGP.as_path: ${ASN}$`, 'm'));
      const explained = await starling.api<{ candidates: { route: { nextHop: string } }[] }>(
        'GET',
        '/api/v1/routes/explain?prefix=2001:db8:5::/48',
      );
      expect(explained.candidates[0].route.nextHop).toBe(THEIRS);
    });
  },
);
