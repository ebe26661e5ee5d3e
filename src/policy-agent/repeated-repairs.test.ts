import { expect, it } from 'vitest';
import { RepeatedRepairs } from './repeated-repairs.ts';

const TABLE = 'inet t';
const AGAIN = 'it was changed by nft; it is as it should be again';

function repair(repairs: RepeatedRepairs, times: number, from: number, every: number): (string | undefined)[] {
  return Array.from({ length: times }, (_, i) => repairs.tell('it was changed by nft', from + i * every));
}

it('tells each of a few repairs', () => {
  const repairs = new RepeatedRepairs(TABLE);
  expect(new Set(repair(repairs, 100, 0, 6001))).toEqual(new Set([AGAIN]));
  expect(repairs.trouble(100 * 6001)).toBeUndefined();
});

it('tells once a minute that there are too many, until they end', () => {
  const repairs = new RepeatedRepairs(TABLE);
  const told = repair(repairs, 1200, 0, 100);
  const fight = /^it was changed by nft again and again; see whether a second starling-policyd runs on this node/;
  expect(told.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => AGAIN));
  expect(told.slice(10).filter((words) => words !== undefined)).toEqual([
    expect.stringMatching(fight),
    expect.stringMatching(fight),
  ]);
  expect(repairs.trouble(120_000)).toMatch(/^Table inet t was changed by others more than 10 times within a minute/);
  expect(repairs.trouble(179_000)).toBeUndefined();
  expect(repair(repairs, 1, 300_000, 0)).toEqual([AGAIN]);
});
