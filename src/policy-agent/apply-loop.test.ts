import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApplyLoop } from './apply-loop.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A loop whose rounds take `cost` milliseconds; `rounds` are the times at which they began. */
function loopOf(cost: number) {
  const rounds: number[] = [];
  const failures: unknown[] = [];
  const loop = new ApplyLoop({
    apply: () => {
      rounds.push(performance.now());
      return new Promise((resolve) => setTimeout(resolve, cost));
    },
    failed: (error) => failures.push(error),
  });
  return { loop, rounds, failures };
}

describe('the loop that applies changes', () => {
  it('tells a change that comes alone at once, and those of one turn together', async () => {
    const { loop, rounds } = loopOf(1);
    const start = performance.now();
    for (let i = 0; i < 10; i++) loop.schedule();
    await vi.advanceTimersByTimeAsync(1000);
    expect(rounds).toEqual([start]);
    loop.schedule();
    await vi.advanceTimersByTimeAsync(1000);
    expect(rounds).toEqual([start, start + 1000]);
  });

  it('takes no more than a third of the time for a stream, and leaves nothing out', async () => {
    const { loop, rounds } = loopOf(4);
    for (let i = 0; i < 1000; i++) {
      loop.schedule();
      await vi.advanceTimersByTimeAsync(1);
    }
    const last = performance.now();
    expect(rounds.length).toBeGreaterThan(50);
    // Seven of them before anybody waits.
    expect(rounds.length).toBeLessThanOrEqual(1000 / (4 * 3) + 7);
    await vi.advanceTimersByTimeAsync(100);
    expect(rounds.at(-1)).toBeGreaterThanOrEqual(last - 1);
  });

  it('lets a few changes that come one after the other wait for nothing', async () => {
    const { loop, rounds } = loopOf(4);
    const start = performance.now();
    for (let i = 0; i < 5; i++) {
      loop.schedule();
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(rounds).toEqual([0, 10, 20, 30, 40].map((at) => start + at));
  });

  it('rests shortly after a round that was long', async () => {
    const { loop, rounds } = loopOf(5000);
    const start = performance.now();
    loop.schedule();
    await vi.advanceTimersByTimeAsync(1);
    loop.schedule();
    await vi.advanceTimersByTimeAsync(6000);
    expect(rounds).toEqual([start, start + 5100]);
  });

  it('goes on after a failure', async () => {
    const failures: unknown[] = [];
    let rounds = 0;
    const loop = new ApplyLoop({
      apply: async () => {
        if (++rounds === 1) throw new Error('a defect');
      },
      failed: (error) => failures.push(error),
    });
    loop.schedule();
    await vi.advanceTimersByTimeAsync(100);
    loop.schedule();
    await vi.advanceTimersByTimeAsync(100);
    expect(rounds).toBe(2);
    expect(failures).toHaveLength(1);
  });

  it('begins nothing after it was stopped, and waits for what is under way', async () => {
    const { loop, rounds } = loopOf(50);
    loop.schedule();
    await vi.advanceTimersByTimeAsync(1);
    loop.schedule();
    let stopped = false;
    void loop.stop().then(() => (stopped = true));
    await vi.advanceTimersByTimeAsync(10);
    expect(stopped).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(stopped).toBe(true);
    expect(rounds).toHaveLength(1);
  });
});
