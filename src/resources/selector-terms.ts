/** The terms of which a selector is made. */

export type Labels = Readonly<Record<string, string>>;

/** A selector, ready to be asked. */
export interface Selector {
  matches(labels: Labels): boolean;
  /** The canonical form: the same for selectors that differ only in spaces, quotes and the order of sets. */
  toString(): string;
}

export const ALL: Selector = { matches: () => true, toString: () => 'all()' };

/** True wherever a single selector is asked; only policies give it a meaning of its own. */
export const GLOBAL: Selector = { matches: () => true, toString: () => 'global()' };

export function not(term: Selector): Selector {
  return { matches: (labels) => !term.matches(labels), toString: () => `!${term.toString()}` };
}

/** True where all terms are. A single term stands for itself. */
export function and(terms: readonly Selector[]): Selector {
  if (terms.length === 1) return terms[0];
  return {
    matches: (labels) => terms.every((term) => term.matches(labels)),
    toString: () => `(${terms.map(String).join(' && ')})`,
  };
}

/** True where any term is. A single term stands for itself. */
export function or(terms: readonly Selector[]): Selector {
  if (terms.length === 1) return terms[0];
  return {
    matches: (labels) => terms.some((term) => term.matches(labels)),
    toString: () => `(${terms.map(String).join(' || ')})`,
  };
}

export function has(label: string): Selector {
  return { matches: (labels) => Object.hasOwn(labels, label), toString: () => `has(${label})` };
}

/** Whether the label has one of the values. */
export function isIn(label: string, values: ReadonlySet<string>): Selector {
  return {
    matches: (labels) => Object.hasOwn(labels, label) && values.has(labels[label]),
    toString: () => `${label} in ${formatSet(values)}`,
  };
}

/** Whether the label is absent or has none of the values. */
export function isNotIn(label: string, values: ReadonlySet<string>): Selector {
  return {
    matches: (labels) => !Object.hasOwn(labels, label) || !values.has(labels[label]),
    toString: () => `${label} not in ${formatSet(values)}`,
  };
}

/** What may stand between a label and a text. `actual` is undefined where there is no such label. */
const COMPARISONS = {
  '==': (actual: string | undefined, value: string) => actual === value,
  '!=': (actual: string | undefined, value: string) => actual !== value,
  contains: (actual: string | undefined, value: string) => actual?.includes(value) ?? false,
  'starts with': (actual: string | undefined, value: string) => actual?.startsWith(value) ?? false,
  'ends with': (actual: string | undefined, value: string) => actual?.endsWith(value) ?? false,
};

export type Comparison = keyof typeof COMPARISONS;

export function compare(label: string, comparison: Comparison, value: string): Selector {
  const holds = COMPARISONS[comparison];
  return {
    matches: (labels) => holds(Object.hasOwn(labels, label) ? labels[label] : undefined, value),
    toString: () => `${label} ${comparison} ${quote(value)}`,
  };
}

function formatSet(values: ReadonlySet<string>): string {
  return `{${[...values].sort().map(quote).join(', ')}}`;
}

/** The language has no escapes, so a text that was read can't hold both kinds of quotes. */
function quote(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}
