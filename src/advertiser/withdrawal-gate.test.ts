import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { WithdrawalGate } from './withdrawal-gate.ts';
import type { GateLimits, GateStep, GatedRoute } from './withdrawal-gate.ts';

const LIMITS: GateLimits = {
  guard: { enabled: true, maxWithdrawPercent: 50, minPrefixes: 3, holdTime: 10 },
  withdrawDelay: 0,
};

function route(number: number, label = 0, withdrawDelay?: number): GatedRoute {
  return { prefix: parsePrefix(`10.0.0.${number}/32`), label, withdrawDelay };
}

const routes = (...numbers: number[]): GatedRoute[] => numbers.map((number) => route(number));
const prefixes = (...numbers: number[]) => routes(...numbers).map(({ prefix }) => prefix);
const removal = (...numbers: number[]) => ({ set: [], removed: prefixes(...numbers) });

function words({ added, changed, removed, news }: GateStep<GatedRoute>): string[] {
  const last = ({ prefix }: GatedRoute): string => formatPrefix(prefix).split(/[./]/)[3];
  return [
    ...added.map((one) => `+${last(one)}`),
    ...changed.map((one) => `~${last(one)}`),
    ...removed.map((one) => `-${last(one)}`),
    ...news.map(({ kind, count, of }) => `${kind} ${count}${of === undefined ? '' : ` of ${of}`}`),
  ];
}

/** A gate that tells routes 1 to 6. */
function gateOfSix(limits = LIMITS): WithdrawalGate<GatedRoute> {
  const gate = new WithdrawalGate<GatedRoute>(limits, false);
  gate.take({ set: routes(1, 2, 3, 4, 5, 6), removed: [] }, 0);
  return gate;
}

describe('WithdrawalGate', () => {
  it('lets a few withdrawals go, and all announcements', () => {
    const gate = gateOfSix();
    expect(words(gate.take(removal(1, 2, 3), 0))).toEqual(['-1', '-2', '-3']);
    expect(words(gate.take({ set: routes(7, 8, 9, 10), removed: prefixes(4) }, 0))).toEqual([
      '+7',
      '+8',
      '+9',
      '+10',
      '-4',
    ]);
    expect(gate.next).toBeUndefined();
  });

  it('holds most of the routes for the hold time when they go at once', () => {
    const gate = gateOfSix();
    expect(words(gate.take(removal(1, 2, 3, 4), 1000))).toEqual(['held 4 of 6']);
    expect(gate.next).toBe(11_000);
    expect(gate.held.size).toBe(4);
    // Nobody withdraws twice, and a single one goes meanwhile.
    expect(words(gate.take(removal(1, 5), 2000))).toEqual(['-5']);
    expect(words(gate.due(10_999))).toEqual([]);
    expect(words(gate.due(11_000))).toEqual(['-1', '-2', '-3', '-4', 'done 4']);
    expect(gate.next).toBeUndefined();
  });

  it('drops what it holds when that is wanted again, and tells other terms at once', () => {
    const gate = gateOfSix();
    gate.take(removal(1, 2, 3, 4), 0);
    expect(words(gate.take({ set: [route(1), route(2, 7)], removed: [] }, 5000))).toEqual(['~2', 'returned 2']);
    expect(words(gate.due(10_000))).toEqual(['-3', '-4', 'done 2']);
    expect(words(gate.due(20_000))).toEqual([]);
  });

  it('counts only what is wanted, so that the second half of a loss is held as the first', () => {
    const gate = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, minPrefixes: 1 } });
    gate.take(removal(1, 2, 3, 4), 0);
    expect(words(gate.take(removal(5, 6), 0))).toEqual(['held 2 of 2']);
  });

  it('follows the resources at once without the guard, and below its least number', () => {
    const off = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, enabled: false } });
    expect(words(off.take(removal(1, 2, 3, 4, 5, 6), 0))).toHaveLength(6);
    const few = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, minPrefixes: 7 } });
    expect(words(few.take(removal(1, 2, 3, 4, 5, 6), 0))).toHaveLength(6);
  });

  it('gives withdrawals the delay of the route, else that of all', () => {
    const gate = new WithdrawalGate<GatedRoute>({ ...LIMITS, withdrawDelay: 2 }, false);
    gate.take({ set: [route(1), route(2, 0, 0), route(3, 0, 5)], removed: [] }, 0);
    expect(words(gate.take(removal(1, 2), 0))).toEqual(['-2']);
    expect(words(gate.take(removal(3), 0))).toEqual([]);
    expect(gate.next).toBe(2000);
    // It was gone for less than the delay: nobody hears of it.
    expect(words(gate.take({ set: [route(1, 0)], removed: [] }, 1000))).toEqual([]);
    expect(words(gate.due(2000))).toEqual([]);
    expect(words(gate.due(5000))).toEqual(['-3']);
  });

  it('withholds everything at once, and tells what is wanted by then afterwards', () => {
    const gate = gateOfSix();
    gate.take(removal(1, 2, 3, 4), 0);
    expect(words(gate.withhold(true))).toEqual(['-1', '-2', '-3', '-4', '-5', '-6']);
    expect(gate.next).toBeUndefined();
    expect(words(gate.take({ set: routes(7), removed: prefixes(5) }, 0))).toEqual([]);
    expect(words(gate.withhold(true))).toEqual([]);
    expect(words(gate.withhold(false))).toEqual(['+6', '+7']);
    expect(words(gate.take(removal(6), 0))).toEqual(['-6']);
  });
});

type Step =
  | { readonly type: 'take'; readonly set: readonly (readonly [number, number])[]; readonly removed: readonly number[] }
  | { readonly type: 'pass'; readonly seconds: number }
  | { readonly type: 'withhold'; readonly on: boolean };

const number = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('take' as const),
    set: fc.uniqueArray(fc.tuple(number, fc.integer({ min: 0, max: 2 })), { selector: ([one]) => one }),
    removed: fc.uniqueArray(number),
  }),
  fc.record({ type: fc.constant('pass' as const), seconds: fc.integer({ min: 0, max: 8 }) }),
  fc.record({ type: fc.constant('withhold' as const), on: fc.boolean() }),
);

describe('WithdrawalGate, whatever happens', () => {
  it('tells all that is wanted on its terms, and nothing else for longer than the hold time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 4 }), (steps, withdrawDelay) => {
        const gate = new WithdrawalGate<GatedRoute>({ ...LIMITS, withdrawDelay }, false);
        const wanted = new Map<string, number>();
        const unwantedSince = new Map<string, number>();
        const told = new Map<string, number>();
        let now = 0;
        let withheld = false;
        const apply = ({ added, changed, removed }: GateStep<GatedRoute>): void => {
          expect(added.filter(({ prefix }) => told.has(formatPrefix(prefix)))).toEqual([]);
          expect(changed.filter(({ prefix }) => !told.has(formatPrefix(prefix)))).toEqual([]);
          for (const { prefix, label } of [...added, ...changed]) {
            // What is told is different each time.
            expect(told.get(formatPrefix(prefix))).not.toBe(label);
            told.set(formatPrefix(prefix), label);
          }
          for (const { prefix } of removed) expect(told.delete(formatPrefix(prefix))).toBe(true);
        };
        const check = (): void => {
          const expected = [...(withheld ? [] : wanted)];
          const late = [...told.keys()].filter((key) => !wanted.has(key) && now - unwantedSince.get(key)! >= 10_000);
          expect(expected.filter(([key, label]) => told.get(key) !== label)).toEqual([]);
          expect(late).toEqual([]);
          expect(told.size).toBe(expected.length + gate.held.size);
        };
        for (const one of steps) {
          if (one.type === 'withhold') {
            withheld = one.on;
            apply(gate.withhold(one.on));
          } else if (one.type === 'pass') {
            now += one.seconds * 1000;
            if (gate.next !== undefined && gate.next <= now) apply(gate.due(now));
          } else {
            const set = one.set.filter(([of, label]) => wanted.get(keyOf(of)) !== label);
            const removed = one.removed.filter((of) => wanted.has(keyOf(of)) && !set.some(([other]) => other === of));
            for (const [of, label] of set) wanted.set(keyOf(of), label);
            for (const of of removed) {
              wanted.delete(keyOf(of));
              unwantedSince.set(keyOf(of), now);
            }
            apply(gate.take({ set: set.map(([of, label]) => route(of, label)), removed: prefixes(...removed) }, now));
          }
          check();
        }
        now += 10_000;
        apply(gate.due(now));
        check();
        expect(gate.held.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

function keyOf(of: number): string {
  return formatPrefix(route(of).prefix);
}
