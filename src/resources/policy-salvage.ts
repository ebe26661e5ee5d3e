/**
 * What of policies, profiles, hosts and sets counts that can't be read as a whole. To leave a policy out would let pass what it
 * forbids; so what of it is not clear is taken as what lets least pass.
 */
import type { z } from 'zod';
import type { Salvaged } from './kind-definition.ts';
import { isJsonObject } from './resource.ts';
import type { JsonObject, Problem } from './resource.ts';
import { clusterRule } from './policy-rule.ts';
import { error, salvageRules } from './rule-salvage.ts';

/** Tier of policies whose own can't be read: it comes first, and nothing but Deny counts in it. */
export const UNREADABLE_TIER = '(unreadable)';

/** Order of policies whose own can't be read: they come first. */
const FIRST = -Number.MAX_VALUE;

const TYPES = { ingress: 'Ingress', egress: 'Egress' } as const;

type Fields = Readonly<Record<string, z.ZodType>>;

/** `fields` are those of the kind's spec, `rule` is the schema of its rules. */
export function salvagePolicy(body: JsonObject, fields: Fields, rule: z.ZodType): Salvaged {
  const place = readablePlace(body['spec'], fields);
  const { ingress: _, egress: __, ...rest } = place.spec;
  const spec: Record<string, unknown> = { ...rest };
  const problems = [...place.problems];
  for (const [direction, type] of Object.entries(TYPES)) {
    const onlyDeny = place.onlyDeny || place.unsureTypes.includes(type);
    const salvaged = salvageRules(place.spec[direction], rule, ['spec', direction], onlyDeny);
    spec[direction] = salvaged.rules;
    problems.push(...salvaged.problems);
  }
  return { body: { ...body, spec }, problems };
}

interface Place {
  readonly spec: JsonObject;
  readonly problems: readonly Problem[];
  /** Whether it is not clear for which packets, or after which other policies, the policy is asked: so it must not let any pass. */
  readonly onlyDeny: boolean;
  /** Of `Ingress` and `Egress`, which it may be for or not. */
  readonly unsureTypes: readonly string[];
}

/** Where a policy is asked; what can't be read is taken as the place where most is denied. */
function readablePlace(written: unknown, fields: Fields): Place {
  if (!isJsonObject(written)) {
    const message = 'counts as a policy that denies everything, before all others';
    const spec = { tier: UNREADABLE_TIER, ingress: [{ action: 'Deny' }], egress: [{ action: 'Deny' }] };
    return { spec, problems: [error(['spec'], message)], onlyDeny: true, unsureTypes: [] };
  }
  const spec: Record<string, unknown> = { ...written };
  const problems: Problem[] = [];
  const wrong = Object.keys(fields).filter(
    (field) => !(field in TYPES) && written[field] !== undefined && !fields[field].safeParse(written[field]).success,
  );
  for (const field of wrong) {
    delete spec[field];
    if (Object.hasOwn(TAKEN_AS, field)) problems.push(error(['spec', field], TAKEN_AS[field].words));
    Object.assign(spec, TAKEN_AS[field]?.instead);
  }
  for (const field of Object.keys(written).filter((one) => !Object.hasOwn(fields, one))) {
    delete spec[field];
    problems.push(error(['spec', field], NOT_KNOWN));
  }
  problems.push(...contradictions(spec));
  const readableTypes = Array.isArray(written['types']) ? written['types'] : [];
  const unsureTypes = wrong.includes('types') ? Object.values(TYPES).filter((t) => !readableTypes.includes(t)) : [];
  const onlyDeny = problems.some(({ path: [, field] }) => field !== 'types');
  return { spec, problems, onlyDeny, unsureTypes };
}

const ALL_OF_REACH = 'counts as not given: the policy is for more than what was meant, so only its Deny rules count';
const NOT_KNOWN = 'may say that the policy is for less, or under a condition, so only its Deny rules count';
const FORWARDED = 'is not clear: the policy is for what the host forwards, too, and only its Deny rules count';

/** What a field that decides where a policy is asked is taken as, where it can't be read. */
const TAKEN_AS: Readonly<Record<string, { readonly words: string; readonly instead?: JsonObject }>> = {
  tier: { words: 'counts as a tier before all others, and only Deny rules count', instead: { tier: UNREADABLE_TIER } },
  order: { words: 'counts as before all others of the tier, and only Deny rules count', instead: { order: FIRST } },
  selector: { words: ALL_OF_REACH },
  namespaceSelector: { words: ALL_OF_REACH },
  serviceAccountSelector: { words: ALL_OF_REACH },
  types: { words: 'counts as both; of a type that can not be read only the Deny rules count' },
  doNotTrack: { words: FORWARDED, instead: { applyOnForward: true } },
  preDNAT: { words: FORWARDED, instead: { applyOnForward: true } },
  applyOnForward: { words: FORWARDED, instead: { applyOnForward: true } },
};

/** Mends what contradicts itself in `spec`. */
function contradictions(spec: Record<string, unknown>): readonly Problem[] {
  const { doNotTrack, preDNAT, applyOnForward } = spec;
  const hostFields = ['doNotTrack', 'preDNAT'].filter((field) => spec[field] === true);
  if (hostFields.length === 0) return [];
  const { egress = [] } = spec;
  // What is no list counts as a rule.
  const hasEgress = !Array.isArray(egress) || egress.length > 0 || hasType(spec['types'], 'Egress');
  if (doNotTrack !== preDNAT && applyOnForward === true && !(preDNAT === true && hasEgress)) return [];
  // Which of the two was meant is not known; as a policy of its own kind it would be asked of few packets.
  for (const field of hostFields) delete spec[field];
  spec['applyOnForward'] = true;
  return hostFields.map((field) => error(['spec', field], FORWARDED));
}

function hasType(types: unknown, type: string): boolean {
  return Array.isArray(types) && types.includes(type);
}

/** What profiles give is known by name only, so labels that can be read count without the others. */
export function salvageProfile(body: JsonObject): Salvaged {
  const written = body['spec'];
  const spec: JsonObject = isJsonObject(written)
    ? written
    : { ingress: [{ action: 'Deny' }], egress: [{ action: 'Deny' }] };
  const { labelsToApply = {} } = spec;
  const labels = isJsonObject(labelsToApply) ? Object.entries(labelsToApply) : [];
  const readable = labels.filter(([, value]) => typeof value === 'string');
  const onlyDeny = !isJsonObject(labelsToApply) || readable.length < labels.length;
  const lists = ['ingress', 'egress'].map((direction) => ({
    direction,
    ...salvageRules(spec[direction], clusterRule, ['spec', direction], onlyDeny),
  }));
  const problems = lists.flatMap((list) => list.problems);
  if (!isJsonObject(written)) problems.push(error(['spec'], 'counts as a profile that denies everything'));
  if (onlyDeny) {
    const message = 'counts without what can not be read; policies may need those labels, so only Deny rules count';
    problems.push(error(['spec', 'labelsToApply'], message));
  }
  const rules = Object.fromEntries(lists.map(({ direction, rules: list }) => [direction, list]));
  return { body: { ...body, spec: { ...spec, ...rules, labelsToApply: Object.fromEntries(readable) } }, problems };
}
