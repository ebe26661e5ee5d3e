/** Selectors over labels, in the language that Calico uses everywhere a selector is written. */
import { parseExpression } from './selector-parser.ts';
import type { CompareOperator, Expression } from './selector-parser.ts';

export { SelectorError } from './selector-parser.ts';

export type Labels = Readonly<Record<string, string>>;

/** A selector, ready to be asked. */
export interface Selector {
  matches(labels: Labels): boolean;
  /** The canonical form: the same for selectors that differ only in spaces, quotes and the order of sets. */
  toString(): string;
}

/** Reads a selector; empty text selects everything. Throws `SelectorError`. */
export function parseSelector(text: string): Selector {
  const expression = parseExpression(text);
  return {
    matches: (labels) => evaluate(expression, labels),
    toString: () => format(expression),
  };
}

function evaluate(expression: Expression, labels: Labels): boolean {
  switch (expression.type) {
    case 'all':
    case 'global':
      return true;
    case 'not':
      return !evaluate(expression.operand, labels);
    case 'and':
      return expression.operands.every((operand) => evaluate(operand, labels));
    case 'or':
      return expression.operands.some((operand) => evaluate(operand, labels));
    case 'has':
      return Object.hasOwn(labels, expression.label);
    case 'in':
      return Object.hasOwn(labels, expression.label) && expression.values.includes(labels[expression.label]);
    case 'not in':
      return !Object.hasOwn(labels, expression.label) || !expression.values.includes(labels[expression.label]);
    case 'compare':
      return compare(
        expression.operator,
        Object.hasOwn(labels, expression.label) ? labels[expression.label] : undefined,
        expression.value,
      );
  }
}

/** `actual` is undefined where there is no such label, for which only `!=` is true. */
function compare(operator: CompareOperator, actual: string | undefined, value: string): boolean {
  switch (operator) {
    case '==':
      return actual === value;
    case '!=':
      return actual !== value;
    case 'contains':
      return actual?.includes(value) ?? false;
    case 'starts with':
      return actual?.startsWith(value) ?? false;
    case 'ends with':
      return actual?.endsWith(value) ?? false;
  }
}

function format(expression: Expression): string {
  switch (expression.type) {
    case 'all':
    case 'global':
      return `${expression.type}()`;
    case 'not':
      return `!${format(expression.operand)}`;
    case 'and':
      return `(${expression.operands.map(format).join(' && ')})`;
    case 'or':
      return `(${expression.operands.map(format).join(' || ')})`;
    case 'has':
      return `has(${expression.label})`;
    case 'in':
    case 'not in':
      return `${expression.label} ${expression.type} {${expression.values.map(quote).join(', ')}}`;
    case 'compare':
      return `${expression.label} ${expression.operator} ${quote(expression.value)}`;
  }
}

/** The language has no escapes, so a text that was read can't hold both kinds of quotes. */
function quote(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}
