import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimerSet } from './timer-set.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('timers', () => {
  function make(): { timers: TimerSet<'a' | 'b'>; fired: string[] } {
    const fired: string[] = [];
    const started = performance.now();
    return { timers: new TimerSet((name) => fired.push(`${name} ${Math.round(performance.now() - started)}`)), fired };
  }

  it('fire once, when they are due', () => {
    const { timers, fired } = make();
    timers.arm('a', 100);
    timers.arm('b', 50);
    vi.advanceTimersByTime(1000);
    expect(fired).toEqual(['b 50', 'a 100']);
  });

  it('can be started anew, later and sooner', () => {
    const { timers, fired } = make();
    timers.arm('a', 100);
    timers.arm('b', 100);
    vi.advanceTimersByTime(60);
    timers.restart('a');
    timers.arm('b', 10);
    vi.advanceTimersByTime(60);
    timers.restart('a');
    vi.advanceTimersByTime(1000);
    expect(fired).toEqual(['b 70', 'a 220']);
  });

  it('are not started by a restart, and not after they were cancelled', () => {
    const { timers, fired } = make();
    timers.restart('a');
    timers.arm('a', 10);
    timers.arm('b', 10);
    timers.cancel('a');
    timers.restart('a');
    timers.clear();
    vi.advanceTimersByTime(1000);
    expect(fired).toEqual([]);
  });
});
