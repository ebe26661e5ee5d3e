import { createHash } from 'node:crypto';
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

/** Texts of selectors over the labels a and b with values x, y and z. */
const SELECTORS = fc.letrec<{ sel: string; term: string }>((tie) => ({
  term: fc.oneof(
    fc
      .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('==', '!=', 'contains'), fc.constantFrom('x', 'y', 'z'))
      .map(([label, comparison, value]) => `${label} ${comparison} "${value}"`),
    fc
      .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('in', 'not in'), fc.subarray(['x', 'y', 'z']))
      .map(([label, word, values]) => `${label} ${word} {${values.map((value) => `"${value}"`).join(', ')}}`),
    fc.constantFrom('has(a)', 'has(b)', 'all()', 'global()'),
  ),
  sel: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('term'),
    tie('sel').map((term) => `!(${term})`),
    fc
      .tuple(fc.constantFrom(' && ', ' || '), fc.array(tie('sel'), { minLength: 2, maxLength: 3 }))
      .map(([word, terms]) => terms.map((term) => `(${term})`).join(word)),
  ),
})).sel;

const SOME_LABELS = ['', 'x', 'y', 'z'].flatMap((a) =>
  ['', 'x', 'y', 'z'].map((b) => ({ ...(a === '' ? {} : { a }), ...(b === '' ? {} : { b }) })),
);

function fits({ restrictions }: Selector, labels: Readonly<Record<string, string>>): boolean {
  return [...restrictions].every(([label, { mustBePresent, mustBeAbsent, oneOf }]) => {
    const present = Object.hasOwn(labels, label);
    return (
      (mustBePresent !== true || present) &&
      (mustBeAbsent !== true || !present) &&
      (oneOf === undefined || oneOf.includes(labels[label]))
    );
  });
}

describe('a selector', () => {
  it('matches only where its restrictions hold', () => {
    fc.assert(
      fc.property(SELECTORS, (text) => {
        const selector = parseSelector(text);
        const matched = SOME_LABELS.filter((labels) => selector.matches(labels));
        expect(matched.filter((labels) => !fits(selector, labels))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['has(a) || !has(a)', "a == 'x' || !has(a)", "!has(a) || a in {'x'} || has(b)", "a == 'x' || a != 'x'"])(
    'asks nothing of a label that may be there or not: %s',
    (text) => {
      expect(parseSelector(text).restrictions).toEqual(new Map());
    },
  );

  it('with a prefix matches labels with the prefix', () => {
    fc.assert(
      fc.property(SELECTORS, (text) => {
        const selector = parseSelector(text);
        const prefixed = selector.withPrefix('p.');
        for (const labels of SOME_LABELS) {
          const renamed = Object.fromEntries(Object.entries(labels).map(([label, value]) => [`p.${label}`, value]));
          expect(prefixed.matches(renamed)).toBe(selector.matches(labels));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('sees inherited labels where there are none of its own', () => {
    const selector = parseSelector("a == 'x' && b == 'y'");
    expect(selector.matches({ a: 'x' }, [{ b: 'y' }])).toBe(true);
    expect(selector.matches({ a: 'z', b: 'y' }, [{ a: 'x' }])).toBe(false);
    expect(selector.matches({}, [{ a: 'x' }, { a: 'z', b: 'y' }])).toBe(true);
    expect(parseSelector('!has(a)').matches({}, [{ a: '' }])).toBe(false);
  });
});

const VECTORS = '../shared/vectors/policy/selectors.txt';

interface Vector {
  readonly kind: string;
  readonly sel: string;
  readonly in: string;
  readonly out: unknown;
  readonly uid?: string;
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

/** How tokens of the vectors are written, each apart from the next. */
const TOKENS: Readonly<Record<string, string>> = {
  TokEq: '==',
  TokNe: '!=',
  TokIn: 'in',
  TokNotIn: 'not in',
  TokContains: 'contains',
  TokStartsWith: 'starts with',
  TokEndsWith: 'ends with',
  TokLParen: '(',
  TokRParen: ')',
  TokLBrace: '{',
  TokRBrace: '}',
  TokComma: ',',
  TokAnd: '&&',
  TokOr: '||',
  TokNot: '!',
  TokAll: 'all()',
  TokGlobal: 'global()',
  TokEOF: '',
};

function written([token, value]: readonly [token: string, value?: string]): string {
  if (token === 'TokLabel') return value ?? '';
  if (token === 'TokHas') return `has(${value})`;
  return token === 'TokStringLiteral' ? `"${value}"` : TOKENS[token];
}

function isTokens(value: unknown): value is readonly (readonly [token: string, value?: string])[] {
  return Array.isArray(value);
}

/** Restrictions as the vectors write them; null where there are none. */
function spelled({ restrictions }: Selector): unknown {
  if (restrictions.size === 0) return null;
  return Object.fromEntries(
    [...restrictions].map(([label, { mustBePresent, mustBeAbsent, oneOf }]) => [
      label,
      {
        ...(mustBePresent === undefined ? {} : { MustBePresent: mustBePresent }),
        ...(mustBeAbsent === undefined ? {} : { MustBeAbsent: mustBeAbsent }),
        ...(oneOf === undefined ? {} : { MustHaveOneOfValues: oneOf }),
      },
    ]),
  );
}

describe.skipIf(!existsSync(VECTORS))('vectors of the selector language', () => {
  it('are evaluated alike', () => {
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

  it('are refused alike', () => {
    for (const { sel } of vectors('bad')) expect(() => parseSelector(sel)).toThrow(SelectorError);
  });

  it('are written alike', () => {
    for (const { in: text, out, uid } of vectors('canon')) {
      const canonical = parseSelector(text).toString();
      expect(canonical).toBe(out);
      const id = `s:${createHash('sha224').update(`s:${canonical}`).digest('base64url')}`;
      expect(id).toBe(uid ?? id);
    }
  });

  it('are split into words alike', () => {
    for (const { in: text, out } of vectors('tokens')) {
      const apart = isTokens(out) ? tryParse(out.map(written).join(' ')) : undefined;
      expect([text, String(tryParse(text))]).toEqual([text, String(apart)]);
    }
  });

  it('get a prefix alike', () => {
    for (const { in: text, out } of vectors('prefix')) {
      expect(parseSelector(text).withPrefix('visited/').toString()).toBe(out);
    }
  });

  it('ask the same of labels', () => {
    for (const { sel, out } of vectors('restrict')) expect([sel, spelled(parseSelector(sel))]).toEqual([sel, out]);
  });
});
