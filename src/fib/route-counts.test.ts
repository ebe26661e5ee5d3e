import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RouteCounts } from './route-counts.ts';

describe('RouteCounts', () => {
  it('counts as a map by pair would, whatever comes and goes', () => {
    const change = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 20 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 600 }), (changes) => {
        const counts = new RouteCounts();
        const model = new Map<string, number>();
        for (const [object, group, adopted] of changes) {
          const key = `${object} ${group} ${adopted}`;
          const before = model.get(key) ?? 0;
          const by = before > 1 ? -1 : 1;
          counts.add(object, group, adopted, by);
          model.set(key, before + by);
        }
        const found = new Map<string, number>();
        counts.forEach((object, group, adopted, count) => found.set(`${object} ${group} ${adopted}`, count));
        expect(found).toEqual(new Map([...model].filter(([, count]) => count > 0)));
      }),
      { numRuns: 50 },
    );
  });

  it('forgets pairs that no route has any more', () => {
    const counts = new RouteCounts();
    for (let object = 1; object < 10_000; object++) {
      counts.add(object, 1, false, 1);
      counts.add(object, 1, false, -1);
    }
    let pairs = 0;
    counts.forEach(() => pairs++);
    expect(pairs).toBe(0);
  });
});
