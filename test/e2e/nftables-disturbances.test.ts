/** A table of nftables that is kept as wanted while others change it, and its child is ended, at any time. */
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KernelTable } from '../../src/nftables/kernel-table.ts';
import { WantedTable } from '../../src/nftables/wanted-table.ts';
import { nft, nftChildren, nftTable } from '../support/nft-kernel.ts';
import { callArbitrary, callOn } from '../support/nft-writer-calls.ts';
import { enterNetworkNamespace } from '../support/own-network-namespace.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const missing = missingHere({ root: true, programs: ['nft'] });
let namespace: Disposable | undefined;
beforeAll(() => {
  if (missing === undefined) namespace = enterNetworkNamespace();
});
afterAll(() => namespace?.[Symbol.dispose]());

const DISTURBANCES = [
  'kill',
  'flush ruleset',
  'flush chain inet t c2',
  'flush set inet t s1',
  'add table inet t { flags dormant; }',
  'add table inet t; delete table inet t; add table inet t; add set inet t s0 { type ipv6_addr; }; add chain inet t c1',
  'add table inet t; delete table inet t; add table inet t; add set inet t c0 { type ipv4_addr; }',
];

const step = fc.oneof(
  { weight: 8, arbitrary: callArbitrary },
  { weight: 4, arbitrary: fc.constant('commit') },
  { weight: 2, arbitrary: fc.constantFrom(...DISTURBANCES) },
  { weight: 1, arbitrary: fc.nat(10).map((pause) => ({ pause })) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** Done by somebody else, whether it works or not. */
function disturb(command: string): Promise<void> {
  return new Promise((resolve) => execFile('nft', [command], () => resolve()));
}

/** Takes the steps, none of which waits for the one before to come to its end; resolves when all have. */
async function play(steps: readonly Step[], table: KernelTable, direct: WantedTable): Promise<void> {
  const underWay: Promise<void>[] = [];
  for (const one of [...steps, 'commit']) {
    if (one === 'commit') underWay.push(table.commit());
    else if (one === 'kill') for (const child of nftChildren()) process.kill(child, 'SIGKILL');
    else if (typeof one === 'string') underWay.push(disturb(one));
    else if ('pause' in one) await sleep(one.pause);
    else for (const writer of [table.writer, direct]) callOn(writer, one);
  }
  await Promise.all(underWay);
}

/** As text; empty where there is none. */
function tableText(name: string): string {
  try {
    return JSON.stringify(nftTable(name));
  } catch {
    return '';
  }
}

describe.skipIf(missing !== undefined)(`a disturbed table${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('is what was told in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const refused: (readonly string[])[] = [];
        const table = new KernelTable({
          name: 't',
          repaired: () => undefined,
          troubled: () => undefined,
          refused: (words) => refused.push(words),
        });
        const direct = new WantedTable('direct');
        try {
          await play(steps, table, direct);
          execFileSync('nft', ['-f', '-'], { input: [...direct.everything()].join('') });
          const wanted = tableText('direct');
          await waitFor(() => tableText('t'), { what: wanted, accept: (text) => text === wanted });
          expect(refused).toEqual([]);
        } finally {
          await table.stop({ keep: false });
          nft('flush', 'ruleset');
        }
        expect(nftChildren()).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });
});
