import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ModelChanges } from '../policy/model.ts';
import { KernelPolicies } from './kernel-policies.ts';
import type { TableListener } from './kernel-policies.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const NOTHING: ModelChanges = {
  sets: [],
  policies: new Map(),
  profiles: new Map(),
  rules: new Map(),
  workloads: new Map(),
  hosts: new Map(),
  departed: [],
  settings: undefined,
};

/** Policies with a kernel that takes two milliseconds for what it takes. */
class World {
  readonly happened: string[] = [];
  wanted: ModelChanges[] = [];
  /** While it is set, the kernel takes nothing. */
  refusal: string | undefined;
  private listener: TableListener | undefined;
  private waiting: (() => void)[] = [];
  readonly policies = new KernelPolicies({
    table: (listener) => {
      this.listener = listener;
      return { commit: () => this.commit(), stop: async ({ keep }) => void this.happened.push(`stop, keep ${keep}`) };
    },
    take: () => this.wanted.shift(),
    render: ({ departed }) => this.happened.push(`render ${departed.join()}`),
    deleteConnections: (addresses) => this.happened.push(`cut ${addresses.join()}`),
    inForce: ({ departed }) => this.happened.push(`in force ${departed.join()}`),
    repaired: (words) => this.happened.push(words),
    troubled: (words) => this.happened.push(`trouble ${words}`),
    refused: (words) => this.happened.push(...words),
    failed: (error) => this.happened.push(`failed ${String(error)}`),
    now: () => Date.now(),
  });

  change(...departed: string[]): void {
    this.wanted.push({ ...NOTHING, departed });
    this.policies.changed();
  }

  /** The kernel takes all but this. */
  refuse(...words: string[]): void {
    this.listener?.refused(words);
  }

  /** The kernel takes what it refused. */
  relent(): void {
    this.refusal = undefined;
    this.listener?.troubled(undefined);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private async commit(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (this.refusal !== undefined) {
      this.listener?.troubled(new Error(this.refusal));
      return new Promise((resolve) => this.waiting.push(resolve));
    }
    this.listener?.applied({ milliseconds: 2, statements: 1, bytes: 10, rebuilt: false });
  }
}

describe('policies on their way to the kernel', () => {
  it('are in sync once the kernel has them, and not before', async () => {
    const world = new World();
    expect(world.policies.inSync).toBe(false);
    world.change('10.0.0.1');
    await vi.advanceTimersByTimeAsync(1);
    expect(world.happened).toEqual(['render 10.0.0.1']);
    expect(world.policies.inSync).toBe(false);
    await vi.advanceTimersByTimeAsync(10);
    expect(world.happened).toEqual(['render 10.0.0.1', 'cut 10.0.0.1', 'in force 10.0.0.1']);
    expect(world.policies.inSync).toBe(true);
    expect(world.policies.appliedAt).toBeDefined();
    const { transactions, latency } = world.policies.figures;
    expect([transactions, latency.counts.reduce((sum, n) => sum + n)]).toEqual([1, 1]);
  });

  it('ask the kernel for nothing where nothing is different', async () => {
    const world = new World();
    world.policies.changed();
    await vi.advanceTimersByTimeAsync(10);
    expect(world.happened).toEqual([]);
  });

  it('go on while the kernel refuses, since what follows may mend it', async () => {
    const world = new World();
    world.refusal = 'no';
    world.change('10.0.0.1');
    await vi.advanceTimersByTimeAsync(10);
    expect(world.policies.trouble?.words).toBe('no');
    world.change('10.0.0.2');
    await vi.advanceTimersByTimeAsync(50);
    expect(world.happened).toEqual(['render 10.0.0.1', 'trouble no', 'render 10.0.0.2', 'trouble no']);
    expect(world.policies.inSync).toBe(false);
    world.relent();
    await vi.advanceTimersByTimeAsync(10);
    expect(world.happened.filter((what) => what.startsWith('in force'))).toEqual([
      'in force 10.0.0.1',
      'in force 10.0.0.2',
    ]);
    expect(world.policies).toMatchObject({ inSync: true, trouble: undefined });
  });

  it('are in sync where the kernel takes all but a part, which is known', async () => {
    const world = new World();
    world.refuse('policy a lets nothing pass');
    world.change();
    await vi.advanceTimersByTimeAsync(10);
    expect(world.policies).toMatchObject({ inSync: true, refused: ['policy a lets nothing pass'] });
    expect(world.happened).toContain('policy a lets nothing pass');
  });

  it('stop also while the kernel refuses', async () => {
    const world = new World();
    world.refusal = 'no';
    world.change();
    await vi.advanceTimersByTimeAsync(10);
    await world.policies.stop({ keep: true });
    expect(world.happened.at(-1)).toBe('stop, keep true');
  });
});
