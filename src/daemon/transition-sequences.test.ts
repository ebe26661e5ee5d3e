/** Plans one after the other, in a world where sessions come up and go down and resources change as they like. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wantedNeighbour } from '../../test/support/wanted-neighbour.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { NO_MEMORY, planTransition } from './transition.ts';
import type { RunningSession, TransitionPlan } from './transition.ts';

const LIMITS = { guard: { enabled: true, maxLossPercent: 50, minSessions: 2 }, timeout: 120_000 };
const MINUTE = 60_000;

type Step =
  | { readonly type: 'want'; readonly neighbours: readonly { readonly key: string; readonly holdTime: number }[] }
  | { readonly type: 'up' | 'down' | 'complete' | 'disable'; readonly key: string }
  | { readonly type: 'wait'; readonly time: number }
  | { readonly type: 'identity' }
  | { readonly type: 'confirm' };

const key = fc.constantFrom('m1', 'm2', 'm3', 'm4', 'r1', 'r2');
const wants = fc.uniqueArray(fc.record({ key, holdTime: fc.constantFrom(90, 90, 90, 30) }), {
  selector: (one) => one.key,
});
const step = fc.oneof(
  fc.record({ type: fc.constant('want' as const), neighbours: wants }),
  fc.record({ type: fc.constantFrom('up' as const, 'up' as const, 'down' as const, 'complete' as const), key }),
  fc.record({ type: fc.constant('wait' as const), time: fc.constantFrom(100, 3_000, 15_000, 3 * MINUTE) }),
);
const anyStep = fc.oneof(
  { weight: 8, arbitrary: step },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('disable' as const), key }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ type: 'identity' }, { type: 'confirm' }) },
);

function neighbour({ key: name, holdTime }: { readonly key: string; readonly holdTime: number }): Neighbour {
  const type = name.startsWith('m') ? 'mesh' : 'node';
  return wantedNeighbour({
    key: name,
    address: name,
    peerAs: 65_000,
    external: false,
    localAddresses: {},
    holdTime,
    type,
  });
}

/** A router as far as plans know it. Routes are as many as its sessions, and a complete reflector tells all of them. */
class World {
  sessions = new Map<string, RunningSession>();
  wanted = new Map<string, Neighbour>();
  now = 0;
  plan: TransitionPlan | undefined;
  /** Established sessions that the last plan ended for good. */
  ended: readonly string[] = [];
  private memory = NO_MEMORY;
  private identity = 0;
  private wantedIdentity = 0;

  take(one: Step): void {
    if (one.type === 'want') this.wanted = new Map(one.neighbours.map((each) => [each.key, neighbour(each)]));
    else if (one.type === 'identity') this.wantedIdentity++;
    else if (one.type === 'wait') this.pass(one.time);
    else if (one.type !== 'confirm') this.change(one.key, one.type);
    this.run(one.type === 'confirm');
  }

  /** Lets time pass, with the plans that were to be made meanwhile. */
  pass(time: number): void {
    const end = this.now + time;
    while (this.plan?.again !== undefined && this.plan.again <= end) {
      this.now = Math.max(this.now, this.plan.again);
      this.run(false);
    }
    this.now = end;
  }

  get established(): readonly string[] {
    return [...this.sessions].filter(([, { up }]) => up).map(([name]) => name);
  }

  private change(name: string, to: 'up' | 'down' | 'complete' | 'disable'): void {
    const session = this.sessions.get(name);
    if (session === undefined || (session.disabled && to !== 'disable')) return;
    const up = to === 'up' || to === 'complete';
    const complete = to === 'complete';
    this.sessions.set(name, {
      ...session,
      up,
      complete,
      wasComplete: session.wasComplete || complete,
      since: up === session.up ? session.since : this.now,
      disabled: to === 'disable',
    });
  }

  run(confirmed: boolean): void {
    const plan = planTransition({
      sessions: this.sessions,
      wanted: this.wanted,
      identityChanges: this.identity !== this.wantedIdentity,
      confirmed,
      now: this.now,
      limits: LIMITS,
      memory: this.memory,
      coverage: (keys) => this.coverage(keys),
    });
    this.plan = plan;
    this.memory = plan.memory;
    this.ended = plan.remove.filter((name) => this.sessions.get(name)?.up === true);
    if (plan.takeIdentity) this.identity = this.wantedIdentity;
    for (const name of plan.remove) this.sessions.delete(name);
    for (const name of [...plan.add, ...plan.reset]) this.sessions.set(name, this.fresh(name));
    for (const name of plan.change)
      this.sessions.set(name, { ...this.sessions.get(name)!, neighbour: this.wanted.get(name)! });
  }

  private coverage(keys: ReadonlySet<string>): { all: number; alone: number } {
    const others = [...this.sessions].filter(([name, { complete }]) => complete && !keys.has(name));
    return { all: keys.size, alone: others.some(([name]) => name.startsWith('r')) ? 0 : keys.size };
  }

  private fresh(name: string): RunningSession {
    const before = this.sessions.get(name);
    return {
      neighbour: this.wanted.get(name)!,
      addedAt: before?.addedAt ?? this.now,
      up: false,
      families: [0],
      complete: false,
      wasComplete: false,
      since: this.now,
      disabled: false,
    };
  }
}

describe('plans one after the other', () => {
  it('never end the last session unless that is confirmed', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 40 }), (steps) => {
        const world = new World();
        for (const one of steps) {
          world.take(one);
          const isLastGone = world.ended.length > 0 && world.established.length === 0;
          expect(isLastGone && one.type !== 'confirm').toBe(false);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('end at most half of the sessions of a mesh in little time unless that is confirmed', () => {
    const members = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6'].map((name) => ({ key: name, holdTime: 90 }));
    const changes = fc.array(fc.tuple(fc.subarray(members), fc.nat(1_500)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, (all) => {
        const world = new World();
        world.take({ type: 'want', neighbours: members });
        for (const one of members) world.take({ type: 'complete', key: one.key });
        for (const [neighbours, time] of all) {
          world.take({ type: 'want', neighbours });
          world.take({ type: 'wait', time });
          for (const name of world.sessions.keys()) world.take({ type: 'complete', key: name });
        }
        const left = members.filter((one) => world.established.includes(one.key));
        expect(left.length).toBeGreaterThanOrEqual(3);
      }),
      { numRuns: 100 },
    );
  });

  it('come to an end: either all is as it is wanted, or something is held back', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 40 }), (steps) => {
        const world = new World();
        for (const one of steps) world.take(one);
        world.pass(60 * MINUTE);
        const kinds = new Set([...world.plan!.postponed.values()].map(({ kind }) => kind));
        expect(kinds.has('kept')).toBe(false);
        const isAsWanted = [...world.sessions.keys()].sort().join() === [...world.wanted.keys()].sort().join();
        expect(isAsWanted || kinds.has('held')).toBe(true);
        // Held is only what is still there to lose.
        for (const name of world.plan!.postponed.keys()) expect(world.sessions.get(name)?.up).toBe(true);
        world.take({ type: 'confirm' });
        world.pass(60 * MINUTE);
        const described = [...world.sessions].map(([name, one]) => `${name} ${one.neighbour.holdTime}`).sort();
        expect(described).toEqual([...world.wanted].map(([name, one]) => `${name} ${one.holdTime}`).sort());
      }),
      { numRuns: 100 },
    );
  });
});
