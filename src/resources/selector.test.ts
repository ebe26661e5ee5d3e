import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SelectorError, parseSelector } from './selector.ts';
import type { Selector } from './selector.ts';

/** Undefined where the text is refused as it should be. */
function tryParse(text: string): Selector | undefined {
  try {
    return parseSelector(text);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}

describe('parseSelector', () => {
  it.each([
    ['', {}, true],
    [' \t', {}, true],
    ["a\t==\t'b'", { a: 'b' }, true],
    [`${'a'.repeat(512)} == 'b'`, { ['a'.repeat(512)]: 'b' }, true],
    ['all()', {}, true],
    ['global( )', { a: 'b' }, true],
    ['has(a)', { a: '' }, true],
    ['has(a)', {}, false],
    ['!has(a)', {}, true],
    ["a == 'b'", { a: 'b' }, true],
    ["a == 'b'", {}, false],
    ["a != 'b'", {}, true],
    ["a != 'b'", { a: 'b' }, false],
    ["a in {'b', 'c'}", { a: 'c' }, true],
    ["a in {'b',}", { a: 'b' }, true],
    ['a in {}', { a: 'b' }, false],
    ["a not in {'b'}", {}, true],
    ["a notin{'b'}", { a: 'b' }, false],
    ["a contains 'x'", { a: 'axb' }, true],
    ["a contains 'x'", {}, false],
    ["a startswith 'x'", { a: 'xa' }, true],
    ["a ends  with 'x'", { a: 'xa' }, false],
    ["!a == 'b' && has(a)", { a: 'c' }, true],
    ["a == 'b' || a == 'c' && has(d)", { a: 'b' }, true],
    ["(a == 'b' || a == 'c') && has(d)", { a: 'b' }, false],
    ["in in {'in'}", { in: 'in' }, true],
    ["has == 'x'", { has: 'x' }, true],
    ["kubernetes.io/role_a-1 == 'x'", { 'kubernetes.io/role_a-1': 'x' }, true],
    ['has(toString)', {}, false],
    ["constructor != 'x'", {}, true],
  ])('%s on %o is %s', (text, labels, expected) => {
    expect(parseSelector(text).matches(labels)).toBe(expected);
  });

  it.each([
    ['', 'all()'],
    ["a=='b'&&c  in{'z',\"y\"}", '(a == "b" && c in {"y", "z"})'],
    ['! ( has( b)||! has(a ))', '!(has(b) || !has(a))'],
    ["a startswith '\"'", "a starts with '\"'"],
    ["a notin {'b', 'b'}", 'a not in {"b"}'],
  ])('writes %s as %s', (text, canonical) => {
    expect(parseSelector(text).toString()).toBe(canonical);
    expect(parseSelector(canonical).toString()).toBe(canonical);
  });

  it.each([
    ['a', 1, 'expected ==, !=, in, not in, contains, starts with or ends with'],
    ['a == b', 5, 'expected a value in quotes'],
    ['a == "b', 5, 'expected a value in quotes'],
    ['a in "b"', 5, 'expected "{"'],
    ['a in {"b" "c"}', 10, 'expected "," or "}"'],
    ['(a == "b"', 9, 'expected ")"'],
    ['has(a', 5, 'expected ")"'],
    ['has(a) has(b)', 7, 'expected "&&", "||" or the end'],
    ['a == "b" & c == "d"', 9, 'expected "&&", "||" or the end'],
    ['a == "b" || ', 12, 'expected a label, "has(", "all()", "!" or "("'],
    ['\n', 0, 'expected a label, "has(", "all()", "!" or "("'],
    ["a ==\n'b'", 4, 'expected a value in quotes'],
    [`${'a'.repeat(513)} == 'b'`, 512, 'expected ==, !=, in, not in, contains, starts with or ends with'],
    ['a starts foo "b"', 2, 'expected ==, !=, in, not in, contains, starts with or ends with'],
    ['a == "b\'', 5, 'expected a value in quotes'],
    ['a in {,}', 6, 'expected a value in quotes'],
    ['()', 1, 'expected a label, "has(", "all()", "!" or "("'],
    ['!'.repeat(200), 101, 'too deeply nested'],
  ])('refuses %s at %i', (text, position, problem) => {
    expect(() => parseSelector(text)).toThrow(
      expect.objectContaining({
        code: 'SELECTOR_INVALID',
        position,
        message: `selector: ${problem} at character ${position + 1} of "${text}"`,
      }),
    );
  });

  it('either reads a text or refuses it, and its canonical form means the same', () => {
    const words = ['a', 'has(', 'all()', ' in ', '{', '}', '(', ')', '!', '&&', '||', '==', '"b"', "'", ' '];
    const sentence = fc.array(fc.constantFrom(...words)).map((chosen) => chosen.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string(), sentence), (text) => {
        const selector = tryParse(text);
        if (selector === undefined) return;
        const again = parseSelector(selector.toString());
        expect(again.toString()).toBe(selector.toString());
        for (const labels of [{}, { a: 'b' }, { a: 'c' }]) {
          expect(again.matches(labels)).toBe(selector.matches(labels));
        }
      }),
      { numRuns: 300 },
    );
  });
});

const VECTORS = '../shared/vectors/policy/selectors.txt';

interface Vector {
  readonly kind: string;
  readonly sel: string;
  readonly in: string;
  readonly out: unknown;
  readonly match: readonly Record<string, string>[];
  readonly nomatch: readonly Record<string, string>[];
}

function isVector(value: unknown): value is Vector {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function vectors(kind: string): Vector[] {
  const lines = readFileSync(VECTORS, 'utf8').split('\n');
  const rows: unknown[] = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  return rows.filter(isVector).filter((vector) => vector.kind === kind);
}

describe('vectors of the selector language', () => {
  it('are evaluated alike', ({ skip }) => {
    skip(!existsSync(VECTORS), `${VECTORS} is not there`);
    for (const { sel, match, nomatch } of vectors('eval')) {
      for (const text of [sel, parseSelector(sel).toString()]) {
        for (const labels of match)
          expect([text, labels, parseSelector(text).matches(labels)]).toEqual([text, labels, true]);
        for (const labels of nomatch) {
          expect([text, labels, parseSelector(text).matches(labels)]).toEqual([text, labels, false]);
        }
      }
    }
  });

  it('are refused and written alike', ({ skip }) => {
    skip(!existsSync(VECTORS), `${VECTORS} is not there`);
    for (const { sel } of vectors('bad')) expect(() => parseSelector(sel)).toThrow(SelectorError);
    for (const { in: text, out } of vectors('canon')) expect(parseSelector(text).toString()).toBe(out);
    for (const { in: text } of vectors('tokens').filter((vector) => vector.out === null)) {
      expect(() => parseSelector(text)).toThrow(SelectorError);
    }
  });
});
