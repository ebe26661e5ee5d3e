import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NftablesError } from '../nftables/nft.ts';
import { LoopsOwner } from './loops-owner.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('tells when the table of starlingd comes and goes, and takes it as it was where nft says nothing', async () => {
  let answer: NftablesError['code'] | undefined = 'NFT_ABSENT';
  const told: boolean[] = [];
  const owner = new LoopsOwner({
    nft: async () => {
      if (answer !== undefined) throw new NftablesError(answer, 'no');
      return 'table inet starling_loops {}';
    },
    changed: (isThere) => told.push(isThere),
  });
  await owner.start();
  expect(owner.isThere).toBe(false);
  for (const next of [undefined, undefined, 'NFT_REFUSED', 'NFT_ABSENT', 'NFT_ABSENT'] as const) {
    answer = next;
    await vi.advanceTimersByTimeAsync(6000);
  }
  expect(told).toEqual([true, false]);
  owner.stop();
  answer = undefined;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toHaveLength(2);
});
