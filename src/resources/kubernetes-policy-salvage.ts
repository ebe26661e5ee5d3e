/** What of Kubernetes' NetworkPolicies counts that can't be read as a whole. Their rules only allow, so what is left out stays closed. */
import type { z } from 'zod';
import type { Salvaged } from './kind-definition.ts';
import { isJsonObject } from './resource.ts';
import type { JsonObject, Problem } from './resource.ts';
import { error } from './rule-salvage.ts';

const TYPES = { ingress: 'Ingress', egress: 'Egress' } as const;

const KNOWN: readonly string[] = ['podSelector', 'policyTypes', ...Object.keys(TYPES)];

/** `selector` is the schema of `podSelector`, `rules` those of the rules of each direction. */
export function salvageKubernetesPolicy(
  body: JsonObject,
  selector: z.ZodType,
  rules: Readonly<Record<keyof typeof TYPES, z.ZodType>>,
): Salvaged {
  const written = isJsonObject(body['spec']) ? body['spec'] : { podSelector: '', policyTypes: '' };
  const problems: Problem[] = [];
  const { podSelector = {}, policyTypes = [] } = written;
  const knowsPods = selector.safeParse(podSelector).success;
  const types = Array.isArray(policyTypes) ? policyTypes.filter((t) => t === 'Ingress' || t === 'Egress') : [];
  const knowsTypes = Array.isArray(policyTypes) && types.length === policyTypes.length;
  if (!knowsPods) {
    problems.push(error(['spec', 'podSelector'], 'counts as all pods of the namespace, and no rule counts'));
  }
  if (!knowsTypes) {
    problems.push(error(['spec', 'policyTypes'], 'counts as both; rules of a type that can not be read do not count'));
  }
  const unknown = Object.keys(written).filter((field) => !KNOWN.includes(field));
  problems.push(...unknown.map((field) => error(['spec', field], 'may be a condition, so no rule counts')));
  const known = Object.entries(written).filter(([field]) => KNOWN.includes(field));
  const spec: Record<string, unknown> = { ...Object.fromEntries(known), podSelector: knowsPods ? podSelector : {} };
  if (!knowsTypes) spec['policyTypes'] = Object.values(TYPES);
  for (const direction of ['ingress', 'egress'] as const) {
    if (written[direction] === undefined) continue;
    const mayCount = unknown.length === 0 && knowsPods && (knowsTypes || types.includes(TYPES[direction]));
    const salvaged = salvageRules(written[direction], rules[direction], direction, mayCount);
    spec[direction] = salvaged.rules;
    problems.push(...salvaged.problems);
  }
  return { body: { ...body, spec }, problems };
}

function salvageRules(written: unknown, schema: z.ZodType, direction: string, mayCount: boolean) {
  const list: readonly unknown[] = Array.isArray(written) ? written : [written];
  const readable = list.map((rule) => Array.isArray(written) && schema.safeParse(rule).success);
  const problems = [...readable.keys()]
    .filter((i) => !readable[i])
    .map((i) => error(['spec', direction, i], 'does not count: what it means can not be read entirely'));
  return { rules: list.map((rule, i) => (readable[i] && mayCount ? rule : { leftOut: true })), problems };
}
