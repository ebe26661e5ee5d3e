/**
 * What of rules counts that can't be read: never anything that lets more pass than what was meant. The rules keep their places, by
 * which reports and the kernel's log name them.
 */
import type { z } from 'zod';
import { isJsonObject } from './resource.ts';
import type { JsonObject, Problem } from './resource.ts';

/** Keeps the place of a rule that does not count. */
export const LEFT_OUT = { action: 'Allow', leftOut: true } as const;

export interface SalvagedRules {
  readonly rules: readonly unknown[];
  readonly problems: readonly Problem[];
}

type Path = readonly (string | number)[];

/**
 * The rules of a list, each of which `schema` takes. Of rules that allow, pass or log nothing counts that can't be read entirely; a
 * Deny that can't be read denies more. With `onlyDeny`, rules that were read deny at most, too: a Pass leads past rules that come
 * later, so it is closed only as a Deny.
 */
export function salvageRules(written: unknown, schema: z.ZodType, path: Path, onlyDeny: boolean): SalvagedRules {
  if (written === undefined) return { rules: [], problems: [] };
  if (!Array.isArray(written)) {
    return { rules: [{ action: 'Deny' }], problems: [error(path, 'counts as one rule that denies everything')] };
  }
  const problems: Problem[] = [];
  const rules = written.map((rule: unknown, i) => {
    const { salvaged, words } = salvageRule(rule, schema, onlyDeny);
    if (words !== undefined) problems.push(error([...path, i], words));
    return salvaged;
  });
  return { rules, problems };
}

/** `words` say what became of a rule that can't be read. */
function salvageRule(rule: unknown, schema: z.ZodType, onlyDeny: boolean): { salvaged: unknown; words?: string } {
  const written = isJsonObject(rule) ? rule : {};
  const { action } = written;
  const mayCount = action === 'Allow' || action === 'Log';
  if (schema.safeParse(rule).success) {
    if (!onlyDeny || action === 'Deny') return { salvaged: rule };
    return { salvaged: mayCount ? LEFT_OUT : denyAtLeast(written, schema) };
  }
  if (mayCount) return { salvaged: LEFT_OUT, words: 'does not count: what it means can not be read entirely' };
  return { salvaged: denyAtLeast(written, schema), words: 'counts as Deny, without what can not be read' };
}

/** Selectors of one end hang together: without one of them another means something else. */
const SELECTORS = ['selector', 'notSelector', 'namespaceSelector', 'serviceAccounts', 'notPorts'];

/** A Deny that matches all that the rule matches: each criterion that can't be read is left out. */
function denyAtLeast(rule: JsonObject, schema: z.ZodType): JsonObject {
  let deny: JsonObject = { ...rule, action: 'Deny' };
  // One criterion may be wrong only without another that has just been left out, such as ports without a protocol.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const parsed = schema.safeParse(deny);
    if (parsed.success) return deny;
    for (const issue of parsed.error.issues) {
      for (const path of pathsOf(issue)) deny = withoutCriterion(deny, path.map(String));
    }
  }
  return { action: 'Deny' };
}

/** More than there are criteria that depend on others. */
const MAX_ROUNDS = 5;

/** Where an issue is: fields that are not known are named beside their place. */
export function pathsOf(issue: z.core.$ZodIssue): readonly (readonly PropertyKey[])[] {
  return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
}

function withoutCriterion(rule: JsonObject, [field, inner]: readonly string[]): JsonObject {
  const end = rule[field];
  const isEnd = field === 'source' || field === 'destination';
  if (!isEnd || inner === undefined || !isJsonObject(end)) return without(rule, [field]);
  return { ...rule, [field]: without(end, SELECTORS.includes(inner) ? SELECTORS : [inner]) };
}

function without(object: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)));
}

export function error(path: Path, message: string): Problem {
  return { path, message, severity: 'error' };
}
