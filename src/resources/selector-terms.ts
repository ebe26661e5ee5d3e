/** The terms of which a selector is made. */
import { NO_RESTRICTIONS, either, everyOne, restriction } from './label-restrictions.ts';
import type { LabelRestriction, LabelRestrictions } from './label-restrictions.ts';

export type Labels = Readonly<Record<string, string>>;

/** A selector, ready to be asked. */
export interface Selector {
  /** `inherited` are labels that count beside its own, where neither it nor one before has a label of the name. */
  matches(labels: Labels, inherited?: readonly Labels[]): boolean;
  /** The canonical form: the same for selectors that differ only in spaces, quotes and the order of sets. */
  toString(): string;
  /** The same selector of labels whose names begin with `prefix`. */
  withPrefix(prefix: string): Selector;
  /** What must be so of single labels wherever it matches: a quick way to pass over most that it can't match. */
  readonly restrictions: ReadonlyMap<string, LabelRestriction>;
  /** The same of its opposite. */
  readonly restrictionsOfOpposite: ReadonlyMap<string, LabelRestriction>;
}

const NOTHING_INHERITED: readonly Labels[] = [];

export const ALL: Selector = alwaysTrue('all()');

/** True wherever a single selector is asked; only policies give it a meaning of its own. */
export const GLOBAL: Selector = alwaysTrue('global()');

function alwaysTrue(text: string): Selector {
  const selector: Selector = {
    matches: () => true,
    toString: () => text,
    withPrefix: () => selector,
    restrictions: NO_RESTRICTIONS,
    restrictionsOfOpposite: NO_RESTRICTIONS,
  };
  return selector;
}

export function not(term: Selector): Selector {
  return {
    matches: (labels, inherited) => !term.matches(labels, inherited),
    toString: () => `!${term.toString()}`,
    withPrefix: (prefix) => not(term.withPrefix(prefix)),
    restrictions: term.restrictionsOfOpposite,
    restrictionsOfOpposite: term.restrictions,
  };
}

/** True where all terms are. A single term stands for itself. */
export function and(terms: readonly Selector[]): Selector {
  if (terms.length === 1) return terms[0];
  return {
    matches: (labels, inherited) => terms.every((term) => term.matches(labels, inherited)),
    toString: () => `(${terms.map(String).join(' && ')})`,
    withPrefix: (prefix) => and(terms.map((term) => term.withPrefix(prefix))),
    restrictions: everyOne(terms.map(({ restrictions }) => restrictions)),
    restrictionsOfOpposite: NO_RESTRICTIONS,
  };
}

/** True where any term is. A single term stands for itself. */
export function or(terms: readonly Selector[]): Selector {
  if (terms.length === 1) return terms[0];
  return {
    matches: (labels, inherited) => terms.some((term) => term.matches(labels, inherited)),
    toString: () => `(${terms.map(String).join(' || ')})`,
    withPrefix: (prefix) => or(terms.map((term) => term.withPrefix(prefix))),
    restrictions: either(terms.map(({ restrictions }) => restrictions)),
    restrictionsOfOpposite: NO_RESTRICTIONS,
  };
}

export function has(label: string): Selector {
  return {
    matches: (labels, inherited) => valueOf(label, labels, inherited) !== undefined,
    toString: () => `has(${label})`,
    withPrefix: (prefix) => has(prefix + label),
    restrictions: restriction(label, { mustBePresent: true }),
    restrictionsOfOpposite: restriction(label, { mustBeAbsent: true }),
  };
}

/** Whether the label has one of the values. */
export function isIn(label: string, values: ReadonlySet<string>): Selector {
  return {
    matches: (labels, inherited) => {
      const value = valueOf(label, labels, inherited);
      return value !== undefined && values.has(value);
    },
    toString: () => `${label} in ${formatSet(values)}`,
    withPrefix: (prefix) => isIn(prefix + label, values),
    restrictions: restriction(label, { mustBePresent: true, oneOf: [...values].sort() }),
    restrictionsOfOpposite: NO_RESTRICTIONS,
  };
}

/** Whether the label is absent or has none of the values. */
export function isNotIn(label: string, values: ReadonlySet<string>): Selector {
  return {
    matches: (labels, inherited) => {
      const value = valueOf(label, labels, inherited);
      return value === undefined || !values.has(value);
    },
    toString: () => `${label} not in ${formatSet(values)}`,
    withPrefix: (prefix) => isNotIn(prefix + label, values),
    restrictions: NO_RESTRICTIONS,
    restrictionsOfOpposite: NO_RESTRICTIONS,
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
    matches: (labels, inherited) => holds(valueOf(label, labels, inherited), value),
    toString: () => `${label} ${comparison} ${quote(value)}`,
    withPrefix: (prefix) => compare(prefix + label, comparison, value),
    restrictions: restrictionsOfComparison(label, comparison, value),
    restrictionsOfOpposite: NO_RESTRICTIONS,
  };
}

function restrictionsOfComparison(label: string, comparison: Comparison, value: string): LabelRestrictions {
  if (comparison === '!=') return NO_RESTRICTIONS;
  return restriction(label, { mustBePresent: true, ...(comparison === '==' ? { oneOf: [value] } : {}) });
}

/** The value of a label; undefined where there is none. */
function valueOf(label: string, labels: Labels, inherited: readonly Labels[] = NOTHING_INHERITED): string | undefined {
  if (Object.hasOwn(labels, label)) return labels[label];
  for (const more of inherited) if (Object.hasOwn(more, label)) return more[label];
  return undefined;
}

function formatSet(values: ReadonlySet<string>): string {
  return `{${[...values].sort().map(quote).join(', ')}}`;
}

/** The language has no escapes, so a text that was read can't hold both kinds of quotes. */
function quote(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}
