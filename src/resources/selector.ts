/**
 * Selectors over labels, in the language that Calico uses everywhere a selector is written: a recursive-descent parser
 * over the characters.
 */
import { ALL, GLOBAL, and, compare, has, isIn, isNotIn, not, or } from './selector-terms.ts';
import type { Comparison, Selector } from './selector-terms.ts';

export type { Labels, Selector } from './selector-terms.ts';

/** Text that is no selector. */
export class SelectorError extends Error {
  readonly code = 'SELECTOR_INVALID';
  readonly selector: string;
  /** Index of the character at which reading failed. */
  readonly position: number;

  constructor(selector: string, position: number, problem: string) {
    super(`selector: ${problem} at character ${position + 1} of "${selector}"`);
    this.name = 'SelectorError';
    this.selector = selector;
    this.position = position;
  }
}

/** Reads a selector; empty text selects everything. Throws {@link SelectorError}. */
export function parseSelector(text: string): Selector {
  const scanner = new Scanner(text);
  if (scanner.atEnd()) return ALL;
  const selector = parseOr(scanner, 0);
  if (!scanner.atEnd()) scanner.fail('expected "&&", "||" or the end');
  return selector;
}

/** Depth of parentheses and negations that no sensible selector has, and every stack bears. */
const MAX_DEPTH = 100;

/** The longest label that Calico reads is 512 characters long. */
const LABEL = /[a-zA-Z0-9_./-]{1,512}/y;

const COMPARISON_FORMS: readonly (readonly [RegExp, Comparison])[] = [
  [/==/y, '=='],
  [/!=/y, '!='],
  [/contains\b/y, 'contains'],
  [/starts[ \t]*with\b/y, 'starts with'],
  [/ends[ \t]*with\b/y, 'ends with'],
];

function parseOr(scanner: Scanner, depth: number): Selector {
  const terms = [parseAnd(scanner, depth)];
  while (scanner.take(/\|\|/y) !== undefined) terms.push(parseAnd(scanner, depth));
  return or(terms);
}

function parseAnd(scanner: Scanner, depth: number): Selector {
  const terms = [parseTerm(scanner, depth)];
  while (scanner.take(/&&/y) !== undefined) terms.push(parseTerm(scanner, depth));
  return and(terms);
}

function parseTerm(scanner: Scanner, depth: number): Selector {
  if (depth > MAX_DEPTH) scanner.fail('too deeply nested');
  if (scanner.take(/!/y) !== undefined) return not(parseTerm(scanner, depth + 1));
  if (scanner.take(/\(/y) !== undefined) {
    const inner = parseOr(scanner, depth + 1);
    scanner.expect(/\)/y, '")"');
    return inner;
  }
  if (scanner.take(/all\([ \t]*\)/y) !== undefined) return ALL;
  if (scanner.take(/global\([ \t]*\)/y) !== undefined) return GLOBAL;
  if (scanner.take(/has\(/y) !== undefined) {
    const label = scanner.expect(LABEL, 'a label');
    scanner.expect(/\)/y, '")"');
    return has(label);
  }
  return parseLabelTerm(scanner);
}

function parseLabelTerm(scanner: Scanner): Selector {
  const label = scanner.expect(LABEL, 'a label, "has(", "all()", "!" or "("');
  if (scanner.take(/in\b/y) !== undefined) return isIn(label, parseSet(scanner));
  if (scanner.take(/not[ \t]*in\b/y) !== undefined) return isNotIn(label, parseSet(scanner));
  const comparison = COMPARISON_FORMS.find(([form]) => scanner.take(form) !== undefined)?.[1];
  if (comparison === undefined) scanner.fail('expected ==, !=, in, not in, contains, starts with or ends with');
  return compare(label, comparison, parseText(scanner));
}

function parseSet(scanner: Scanner): ReadonlySet<string> {
  scanner.expect(/\{/y, '"{"');
  const values = new Set<string>();
  while (scanner.take(/\}/y) === undefined) {
    values.add(parseText(scanner));
    if (scanner.take(/,/y) !== undefined) continue;
    scanner.expect(/\}/y, '"," or "}"');
    break;
  }
  return values;
}

function parseText(scanner: Scanner): string {
  return scanner.expect(/"[^"]*"|'[^']*'/y, 'a value in quotes').slice(1, -1);
}

/** A position in the text. Spaces and tabs before a token are skipped; there is no other white space in the language. */
class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipSpace();
  }

  atEnd(): boolean {
    return this.#position === this.#text.length;
  }

  /** Takes what `form`, a sticky expression, matches here; undefined where it doesn't. */
  take(form: RegExp): string | undefined {
    form.lastIndex = this.#position;
    const token = form.exec(this.#text)?.[0];
    if (token === undefined) return undefined;
    this.#position += token.length;
    this.#skipSpace();
    return token;
  }

  expect(form: RegExp, expected: string): string {
    return this.take(form) ?? this.fail(`expected ${expected}`);
  }

  fail(problem: string): never {
    throw new SelectorError(this.#text, this.#position, problem);
  }

  #skipSpace(): void {
    let code = this.#text.charCodeAt(this.#position);
    while (code === 0x20 || code === 0x09) code = this.#text.charCodeAt(++this.#position);
  }
}
