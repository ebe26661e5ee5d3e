import { describe, expect, it } from 'vitest';
import { ReconnectDelay } from './reconnect-delay.ts';

const pauses = (delay: ReconnectDelay, count: number, random: number, members = 1) =>
  Array.from({ length: count }, () => delay.failed(0, random, members));

describe('the pause before the next attempt', () => {
  it('doubles up to 15 s', () => {
    expect(pauses(new ReconnectDelay(), 8, 1)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  });

  it('is half random', () => {
    expect(pauses(new ReconnectDelay(), 2, 0)).toEqual([125, 250]);
  });

  it('grows when all members have failed', () => {
    expect(pauses(new ReconnectDelay(), 7, 1, 3)).toEqual([250, 250, 250, 500, 500, 500, 1000]);
  });

  it('starts over only after what worked for a while', () => {
    const delay = new ReconnectDelay();
    pauses(delay, 3, 1);
    delay.works(1000);
    expect(delay.failed(10_999, 1)).toBe(2000);
    delay.works(20_000);
    expect(delay.failed(30_000, 1)).toBe(250);
  });
});
