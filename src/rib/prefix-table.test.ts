import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../net/family.ts';
import { formatPrefix, parsePrefix, prefixContains } from '../net/prefix.ts';
import { PrefixTable } from './prefix-table.ts';

const v4 = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 32 }))
  .map(([word, length]) =>
    formatPrefix(parsePrefix(`${[24, 16, 8, 0].map((s) => (word >>> s) & 3).join('.')}/${length}`)),
  );
const v6 = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 8 }), fc.integer({ min: 0, max: 128 }))
  .map(([groups, length]) => formatPrefix(parsePrefix(`${groups.map((g) => g.toString(16)).join(':')}/${length}`)));

describe.each<[Family, fc.Arbitrary<string>]>([
  [0, v4],
  [1, v6],
])('a prefix table of family %i', (family, prefixes) => {
  it('behaves as a Map of held prefixes, however they come and go', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), prefixes), { maxLength: 300 }), (steps) => {
        const table = new PrefixTable(family);
        const model = new Map<string, { id: number; holders: number }>();
        for (const [hold, text] of steps) {
          const { words, length } = parsePrefix(text);
          const known = model.get(text);
          expect(table.find(...words, length)).toBe(known?.id ?? 0);
          if (hold) {
            const id = table.intern(...words, length);
            table.hold(id);
            model.set(text, { id, holders: (known?.holders ?? 0) + 1 });
          } else if (known !== undefined) {
            table.drop(known.id);
            if (--known.holders === 0) model.delete(text);
          }
        }
        expect(table.count).toBe(model.size);
        for (const [text, { id }] of model) expect(formatPrefix(table.prefix(id))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it('finds all prefixes that contain one, the longest first', () => {
    fc.assert(
      fc.property(fc.array(prefixes, { maxLength: 40 }), prefixes, (all, wanted) => {
        const table = new PrefixTable(family);
        for (const text of new Set(all)) {
          const { words, length } = parsePrefix(text);
          table.hold(table.intern(...words, length));
        }
        const inside = parsePrefix(wanted);
        const expected = [...new Set(all)]
          .map(parsePrefix)
          .filter((prefix) => prefixContains(prefix, inside))
          .sort((a, b) => b.length - a.length)
          .map(formatPrefix);
        expect(table.matches(inside).map((id) => formatPrefix(table.prefix(id)))).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});
