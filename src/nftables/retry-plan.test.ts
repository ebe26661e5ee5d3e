import { describe, expect, it } from 'vitest';
import { RetryPlan } from './retry-plan.ts';

describe('work that fails', () => {
  it('is done again at once the first time, then later and later', () => {
    const plan = new RetryPlan();
    expect(plan.failed(0, 10)).toBe(true);
    expect(plan.wait(0, true)).toBe(0);
    const waits = Array.from({ length: 8 }, () => {
      expect(plan.failed(0, 10)).toBe(false);
      return plan.wait(0, true);
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    plan.succeeded();
    expect(plan.wait(0, true)).toBe(0);
  });

  it('is done sooner where something else is wanted, yet without end only for part of the time', () => {
    const plan = new RetryPlan();
    for (let i = 0; i < 9; i++) plan.failed(0, 10);
    plan.changed();
    expect([plan.wait(0, true), plan.wait(1000, true)]).toEqual([250, 0]);
    plan.failed(1000, 1000);
    plan.changed();
    expect(plan.wait(1000, true)).toBe(4000);
  });

  it('waits longer where it takes long', () => {
    const plan = new RetryPlan();
    for (let i = 0; i < 2; i++) plan.failed(0, 2000);
    expect(plan.wait(0, true)).toBe(8000);
  });
});

describe('large work', () => {
  it('is done at once, and rests when it was done shortly before', () => {
    const plan = new RetryPlan();
    plan.doneLarge(0, 100);
    expect(plan.wait(0, true)).toBe(0);
    plan.doneLarge(500, 100);
    expect([plan.wait(500, true), plan.wait(500, false)]).toEqual([400, 0]);
    plan.doneLarge(60_000, 100);
    expect(plan.wait(60_000, true)).toBe(0);
    plan.doneLarge(60_001, 60_000);
    expect(plan.wait(60_001, true)).toBe(10_000);
  });
});
