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

/** What is lost when it goes: nobody else serves it. */
const NOWHERE = (): boolean => false;

/** A gate that tells routes 1 to 6. */
function gateOfSix(limits = LIMITS, isElsewhere: (route: GatedRoute) => boolean = NOWHERE): WithdrawalGate<GatedRoute> {
  const gate = new WithdrawalGate<GatedRoute>(limits, false, isElsewhere);
  gate.take({ set: routes(1, 2, 3, 4, 5, 6), removed: [] }, 0);
  return gate;
}

describe('WithdrawalGate', () => {
  it('lets a few withdrawals go, and all announcements', () => {
    const gate = gateOfSix();
    expect(words(gate.take(removal(1, 2, 3), 0))).toEqual(['-1', '-2', '-3']);
    expect(words(gate.take({ set: routes(7, 8, 9, 10), removed: prefixes(4) }, 2000))).toEqual([
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
    expect(words(gate.due(gate.next!))).toEqual([]);
    expect([...gate.held.values()].map(({ until }) => until)).toEqual([11_000, 11_000, 11_000, 11_000]);
    // Nobody withdraws twice, and a single one goes later.
    expect(words(gate.take(removal(1, 5), 3000))).toEqual(['-5']);
    expect(words(gate.due(10_999))).toEqual([]);
    expect(words(gate.due(11_000))).toEqual(['-1', '-2', '-3', '-4', 'done 4']);
    expect(gate.next).toBeUndefined();
  });

  it('drops what it holds when that is wanted again, and tells other terms at once', () => {
    const gate = gateOfSix();
    gate.take(removal(1, 2, 3, 4), 0);
    expect(words(gate.take({ set: [route(1), route(2, 7)], removed: [] }, 5000))).toEqual(['~2']);
    expect(words(gate.due(10_000))).toEqual(['-3', '-4', 'returned 2', 'done 2']);
    expect(words(gate.due(20_000))).toEqual([]);
    expect(words(gate.take(removal(1, 2, 5, 6), 30_000))).toEqual(['held 4 of 4']);
    expect(words(gate.take({ set: routes(1, 2, 5), removed: [] }, 31_000))).toEqual(['~2']);
    expect(words(gate.take({ set: routes(6), removed: [] }, 31_000))).toEqual(['returned 4']);
    expect(gate.next).toBeUndefined();
  });

  it('holds what goes one by one within a moment, and tells again what went before that was too much', () => {
    const gate = gateOfSix();
    expect(words(gate.take(removal(1), 0))).toEqual(['-1']);
    expect(words(gate.take(removal(2), 500))).toEqual(['-2']);
    expect(words(gate.take(removal(3), 1000))).toEqual(['-3']);
    expect(words(gate.take(removal(4), 1500))).toEqual(['+1', '+2', '+3', 'held 4 of 6']);
    // What follows closely belongs to it, and is not told of again.
    expect(words(gate.take(removal(5), 3499))).toEqual([]);
    expect(words(gate.take(removal(6), 3500))).toEqual(['-6']);
    expect(words(gate.due(11_500))).toEqual(['-1', '-2', '-3', '-4', '-5', 'done 5']);
  });

  it('takes what goes slowly, or comes back between, for what it is', () => {
    const gate = gateOfSix();
    for (const [index, one] of [1, 2, 3, 4].entries()) {
      expect(words(gate.take(removal(one), 1000 * index))).toEqual([`-${one}`]);
    }
    const flapping = gateOfSix();
    for (let now = 0; now < 1000; now += 100) {
      expect(words(flapping.take(removal(1, 2), now))).toEqual(['-1', '-2']);
      expect(words(flapping.take({ set: routes(1, 2), removed: [] }, now + 50))).toEqual(['+1', '+2']);
    }
  });

  it('lets go what others serve, at once or as soon as they do', () => {
    const elsewhere = new Set<string>();
    const moved = (...of: number[]) => of.forEach((one) => elsewhere.add(keyOf(one)));
    const gate = gateOfSix({ ...LIMITS, withdrawDelay: 1 }, ({ prefix }) => elsewhere.has(formatPrefix(prefix)));
    moved(1);
    expect(words(gate.take(removal(1, 2, 3, 4, 5), 0))).toEqual(['held 4 of 6']);
    moved(2);
    // The delay of its own it has all the same.
    expect(words(gate.due(gate.next!))).toEqual([]);
    expect(words(gate.due(1000))).toEqual(['-1', '-2']);
    moved(3);
    expect(gate.next).toBe(1100);
    expect(words(gate.due(1100))).toEqual(['-3']);
    expect(words(gate.due(10_000))).toEqual(['-4', '-5', 'done 2']);
    const patient = gateOfSix({ ...LIMITS, withdrawDelay: 20 });
    patient.take(removal(1, 2, 3, 4), 0);
    expect(words(patient.due(10_000))).toEqual([]);
    expect(words(patient.due(20_000))).toEqual(['-1', '-2', '-3', '-4', 'done 4']);
    moved(6);
    gate.take({ set: routes(1, 2, 3, 4), removed: [] }, 20_000);
    moved(1, 2, 3, 4);
    expect(words(gate.take(removal(1, 2, 3, 4, 6), 20_000))).toEqual([]);
    expect(words(gate.due(21_000))).toEqual(['-1', '-2', '-3', '-4', '-6']);
  });

  it('looks at a part of what it holds each time, and at all in turn', () => {
    const many = Array.from({ length: 1200 }, (_, index) => parsePrefix(`10.1.${index >> 8}.${index & 255}/32`));
    let looks = 0;
    let isMoved = false;
    const gate = new WithdrawalGate<GatedRoute>(LIMITS, false, () => {
      looks++;
      return isMoved;
    });
    gate.take({ set: many.map((prefix) => ({ prefix, label: 0 })), removed: [] }, 0);
    gate.take({ set: [], removed: many }, 0);
    isMoved = true;
    looks = 0;
    expect([100, 200, 300].map((now) => gate.due(now).removed.length)).toEqual([500, 500, 200]);
    expect(looks).toBe(1200);
    expect(gate.next).toBeUndefined();
    isMoved = false;
    gate.take({ set: many.map((prefix) => ({ prefix, label: 0 })), removed: [] }, 10_000);
    gate.take({ set: [], removed: many }, 10_000);
    const first = gate.held.keys().next().value;
    gate.due(10_100);
    expect([...gate.held.keys()].indexOf(first!)).toBe(700);
    expect(gate.due(20_000).removed).toHaveLength(1200);
  });

  it('holds nothing where the hold time is 0, and no more once the guard is off', () => {
    const none = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, holdTime: 0 } });
    expect(words(none.take(removal(1, 2, 3, 4), 0))).toEqual(['-1', '-2', '-3', '-4']);
    const short = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, holdTime: 1 } });
    short.take(removal(1, 2, 3, 4), 0);
    expect(words(short.due(1000))).toEqual(['-1', '-2', '-3', '-4', 'done 4']);
    expect(words(short.take(removal(5), 1500))).toEqual(['-5']);
    const off = gateOfSix();
    off.take(removal(1, 2, 3, 4), 0);
    off.configure({ ...LIMITS, guard: { ...LIMITS.guard, enabled: false } });
    expect(words(off.take(removal(5), 1000))).toEqual(['-5']);
    expect(off.held.size).toBe(4);
  });

  it('counts only what is wanted, so that the second half of a loss is held as the first', () => {
    const gate = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, minPrefixes: 1 } });
    gate.take(removal(1, 2, 3, 4), 0);
    expect(words(gate.take(removal(5, 6), 5000))).toEqual(['held 2 of 2']);
  });

  it('follows the resources at once without the guard, and below its least number', () => {
    const off = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, enabled: false } });
    expect(words(off.take(removal(1, 2, 3, 4, 5, 6), 0))).toHaveLength(6);
    const few = gateOfSix({ ...LIMITS, guard: { ...LIMITS.guard, minPrefixes: 7 } });
    expect(words(few.take(removal(1, 2, 3, 4, 5, 6), 0))).toHaveLength(6);
  });

  it('gives withdrawals the delay of the route, else that of all', () => {
    const guard = { ...LIMITS.guard, enabled: false };
    const gate = new WithdrawalGate<GatedRoute>({ guard, withdrawDelay: 2 }, false, NOWHERE);
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

  it('knows no more of a guard after everything was withheld', () => {
    const gate = gateOfSix();
    gate.take(removal(1, 2, 3, 4), 0);
    gate.take({ set: routes(1), removed: [] }, 100);
    expect(words(gate.withhold(true)).at(-1)).toBe('returned 1');
    gate.withhold(false);
    gate.take({ set: routes(2, 3), removed: [] }, 200);
    expect(words(gate.take(removal(1), 300))).toEqual(['-1']);
    gate.withhold(true);
    gate.withhold(false);
    // Only these two are lost by now.
    expect(words(gate.take(removal(2, 3), 400))).toEqual(['-2', '-3']);
    gate.take({ set: routes(1, 2, 3, 4), removed: [] }, 10_000);
    gate.take(removal(1, 2, 3, 4), 10_000);
    expect(words(gate.take({ set: routes(1, 2, 3, 4), removed: [] }, 11_000))).toEqual(['returned 4']);
  });
});

type Step =
  | {
      readonly type: 'take';
      readonly set: readonly (readonly [number, number])[];
      readonly removed: readonly number[];
      readonly elsewhere: readonly number[];
    }
  | { readonly type: 'pass'; readonly seconds: number }
  | { readonly type: 'withhold'; readonly on: boolean };

const number = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('take' as const),
    set: fc.uniqueArray(fc.tuple(number, fc.integer({ min: 0, max: 2 })), { selector: ([one]) => one }),
    removed: fc.uniqueArray(number),
    elsewhere: fc.uniqueArray(number, { maxLength: 4 }),
  }),
  fc.record({ type: fc.constant('pass' as const), seconds: fc.integer({ min: 0, max: 8 }) }),
  fc.record({ type: fc.constant('withhold' as const), on: fc.boolean() }),
);

describe('WithdrawalGate, whatever happens', () => {
  it('tells all that is wanted on its terms, and nothing else for longer than the hold time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 4 }), (steps, withdrawDelay) => {
        let elsewhere = new Set<string>();
        const isElsewhere = ({ prefix }: GatedRoute): boolean => elsewhere.has(formatPrefix(prefix));
        const gate = new WithdrawalGate<GatedRoute>({ ...LIMITS, withdrawDelay }, false, isElsewhere);
        const wanted = new Map<string, number>();
        const unwantedSince = new Map<string, number>();
        const told = new Map<string, number>();
        let now = 0;
        let withheld = false;
        let looked = false;
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
          const unwanted = [...told.keys()].filter((key) => !wanted.has(key));
          // What was withdrawn, and found to be too much later, is held from then on.
          const late = unwanted.filter((key) => now - unwantedSince.get(key)! >= 12_000);
          expect(late).toEqual([]);
          const needless = unwanted.filter(
            (key) => elsewhere.has(key) && now - unwantedSince.get(key)! > withdrawDelay * 1000,
          );
          expect(looked ? needless : []).toEqual([]);
          expect(expected.filter(([key, label]) => told.get(key) !== label)).toEqual([]);
          expect(told.size).toBe(expected.length + gate.held.size);
        };
        for (const one of steps) {
          looked = one.type === 'pass' && one.seconds > 0;
          if (one.type === 'withhold') {
            withheld = one.on;
            apply(gate.withhold(one.on));
          } else if (one.type === 'pass') {
            now += one.seconds * 1000;
            if (gate.next !== undefined && gate.next <= now) apply(gate.due(now));
          } else {
            const set = one.set.filter(([of, label]) => wanted.get(keyOf(of)) !== label);
            const removed = one.removed.filter((of) => wanted.has(keyOf(of)) && !set.some(([other]) => other === of));
            elsewhere = new Set(one.elsewhere.map(keyOf));
            for (const [of, label] of set) wanted.set(keyOf(of), label);
            for (const of of removed) {
              wanted.delete(keyOf(of));
              unwantedSince.set(keyOf(of), now);
            }
            apply(gate.take({ set: set.map(([of, label]) => route(of, label)), removed: prefixes(...removed) }, now));
          }
          check();
        }
        now += 12_000;
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
