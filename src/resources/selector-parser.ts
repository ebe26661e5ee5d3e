/** Reads the text of a selector: a recursive-descent parser over the characters. */

/** A selector as a tree. */
export type Expression =
  | { readonly type: 'all' | 'global' }
  | { readonly type: 'not'; readonly operand: Expression }
  | { readonly type: 'and' | 'or'; readonly operands: readonly Expression[] }
  | { readonly type: 'has'; readonly label: string }
  /** `values` are sorted and distinct. */
  | { readonly type: 'in' | 'not in'; readonly label: string; readonly values: readonly string[] }
  | { readonly type: 'compare'; readonly operator: CompareOperator; readonly label: string; readonly value: string };

export type CompareOperator = '==' | '!=' | 'contains' | 'starts with' | 'ends with';

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

/** Depth of parentheses and negations that no sensible selector has, and every stack bears. */
const MAX_DEPTH = 100;

const LABEL = /[a-zA-Z0-9_./-]+/y;
const OPERATORS: readonly (readonly [RegExp, CompareOperator | 'in' | 'not in'])[] = [
  [/==/y, '=='],
  [/!=/y, '!='],
  [/contains\b/y, 'contains'],
  [/starts\s*with\b/y, 'starts with'],
  [/ends\s*with\b/y, 'ends with'],
  [/not\s*in\b/y, 'not in'],
  [/in\b/y, 'in'],
];

/** Reads a selector; empty text is `all()`. Throws {@link SelectorError}. */
export function parseExpression(text: string): Expression {
  if (text.trim() === '') return { type: 'all' };
  const scanner = new Scanner(text);
  const expression = parseOr(scanner, 0);
  if (!scanner.atEnd()) scanner.fail('expected "&&", "||" or the end');
  return expression;
}

function parseOr(scanner: Scanner, depth: number): Expression {
  const operands = [parseAnd(scanner, depth)];
  while (scanner.take(/\|\|/y) !== undefined) operands.push(parseAnd(scanner, depth));
  return operands.length === 1 ? operands[0] : { type: 'or', operands };
}

function parseAnd(scanner: Scanner, depth: number): Expression {
  const operands = [parseOperand(scanner, depth)];
  while (scanner.take(/&&/y) !== undefined) operands.push(parseOperand(scanner, depth));
  return operands.length === 1 ? operands[0] : { type: 'and', operands };
}

function parseOperand(scanner: Scanner, depth: number): Expression {
  if (depth > MAX_DEPTH) scanner.fail('too deeply nested');
  if (scanner.take(/!/y) !== undefined) return { type: 'not', operand: parseOperand(scanner, depth + 1) };
  if (scanner.take(/\(/y) !== undefined) {
    const inner = parseOr(scanner, depth + 1);
    scanner.expect(/\)/y, '")"');
    return inner;
  }
  if (scanner.take(/all\(\s*\)/y) !== undefined) return { type: 'all' };
  if (scanner.take(/global\(\s*\)/y) !== undefined) return { type: 'global' };
  if (scanner.take(/has\(/y) !== undefined) {
    const label = scanner.expect(LABEL, 'a label');
    scanner.expect(/\)/y, '")"');
    return { type: 'has', label };
  }
  return parseComparison(scanner);
}

function parseComparison(scanner: Scanner): Expression {
  const label = scanner.expect(LABEL, 'a label, "has(", "all()", "!" or "("');
  const operator = OPERATORS.find(([form]) => scanner.take(form) !== undefined)?.[1];
  switch (operator) {
    case undefined:
      return scanner.fail('expected ==, !=, in, not in, contains, starts with or ends with');
    case 'in':
    case 'not in':
      return { type: operator, label, values: parseSet(scanner) };
    default:
      return { type: 'compare', operator, label, value: parseText(scanner) };
  }
}

function parseSet(scanner: Scanner): readonly string[] {
  scanner.expect(/\{/y, '"{"');
  const values = new Set<string>();
  while (scanner.take(/\}/y) === undefined) {
    values.add(parseText(scanner));
    if (scanner.take(/,/y) !== undefined) continue;
    scanner.expect(/\}/y, '"," or "}"');
    break;
  }
  return [...values].sort();
}

function parseText(scanner: Scanner): string {
  return scanner.expect(/"[^"]*"|'[^']*'/y, 'a value in quotes').slice(1, -1);
}

/** A position in the text. Space before a token is skipped. */
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
    while (/\s/.test(this.#text.charAt(this.#position))) this.#position++;
  }
}
