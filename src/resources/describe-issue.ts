/** Says in words what a schema found wrong with a value. */
import type { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';

/** A sentence without subject, which follows the name of the field: `must be a number, not the text "x"`. */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const found = describeValue(value);
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return 'is required';
      return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}, not ${found}`;
    case 'invalid_value': {
      const choices = issue.values.map((choice) => (choice === '' ? '""' : String(choice)));
      const hint = typeof value === 'string' ? didYouMean(value, choices) : '';
      return value === undefined ? 'is required' : `must be ${oneOf(choices)}, not ${found}${hint}`;
    }
    case 'too_small':
      if (issue.minimum === 1 && sizeOf(value) === '0' && typeof value !== 'number') return 'must not be empty';
      return sizeWords(issue.origin, issue.exact === true ? 'exactly' : 'at least', issue.minimum, value);
    case 'too_big':
      return sizeWords(issue.origin, issue.exact === true ? 'exactly' : 'at most', issue.maximum, value);
    case 'invalid_union':
      return value === undefined ? 'is required' : unionWords(issue, value, found);
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    default:
      return issue.message;
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of fields',
};

/** What the branches of a union expect: the reason of the branch that got furthest, else all types. */
function unionWords(issue: z.core.$ZodIssueInvalidUnion, value: unknown, found: string): string {
  const branches = issue.errors.map((errors) => errors[0]);
  const deepest = branches.find((branch) => branch !== undefined && branch.code === 'custom');
  if (deepest !== undefined) return describeIssue(deepest, value);
  const types = branches.flatMap((branch) =>
    branch?.code === 'invalid_type' ? [TYPE_WORDS[branch.expected] ?? branch.expected] : [],
  );
  return types.length === 0 ? issue.message : `must be ${types.join(' or ')}, not ${found}`;
}

function oneOf(choices: readonly string[]): string {
  if (choices.length === 1) return choices[0];
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

function sizeWords(origin: string, bound: string, limit: number | bigint, value: unknown): string {
  const items = origin === 'array' ? (limit === 1 ? ' item' : ' items') : '';
  const verb = origin === 'array' ? 'have' : 'be';
  return `must ${verb} ${bound} ${limit}${items}${origin === 'string' ? ' characters long' : ''}, not ${sizeOf(value)}`;
}

function sizeOf(value: unknown): string {
  return Array.isArray(value) || typeof value === 'string' ? String(value.length) : describeValue(value);
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return `the text "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a group of fields';
}
