/** From a schema of a kind to the form of JSON schema that Kubernetes takes in a CustomResourceDefinition. */
import { z } from 'zod';
import { isJsonObject } from './resource.ts';
import type { JsonObject } from './resource.ts';

/** What a field is that takes both true or false and a text: `boolean` or `string`. */
export type BooleanOrText = 'boolean' | 'string';

/**
 * A "structural" schema of what `schema` reads: each value has one type, there are no references, and nothing is said that
 * Kubernetes does not know. Defaults are left out, so that the API server writes none into the objects.
 *
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralSchema(schema: z.core.$ZodType, booleanOrText: BooleanOrText): JsonObject {
  return structural(jsonSchema(schema), booleanOrText);
}

function jsonSchema(schema: z.core.$ZodType): JsonObject {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => {
      // What is looked at as anything first.
      if (
        zodSchema instanceof z.ZodPipe &&
        (zodSchema.in instanceof z.ZodUnknown || zodSchema.in instanceof z.ZodTransform)
      ) {
        Object.assign(json, jsonSchema(zodSchema.out));
      }
    },
  });
}

/** Keywords that mean the same in a structural schema. */
const KEPT = [
  'description',
  'format',
  'enum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'required',
] as const;

function structural(json: JsonObject, booleanOrText: BooleanOrText): JsonObject {
  const kept = KEPT.filter((keyword) => json[keyword] !== undefined).map((keyword) => [keyword, json[keyword]]);
  const { properties, items, additionalProperties } = json;
  const inner = (value: JsonObject) => structural(value, booleanOrText);
  return {
    ...typeOf(json, booleanOrText),
    ...Object.fromEntries(kept),
    ...bounds(json),
    ...(isJsonObject(properties)
      ? { properties: Object.fromEntries(entriesOf(properties).map(([name, field]) => [name, inner(field)])) }
      : {}),
    ...(isJsonObject(items) ? { items: inner(items) } : {}),
    ...(isJsonObject(additionalProperties) ? { additionalProperties: inner(additionalProperties) } : {}),
  };
}

function typeOf(json: JsonObject, booleanOrText: BooleanOrText): JsonObject {
  const types = new Set(typesOf(json));
  if (types.size === 1) return { type: [...types][0] };
  if (types.has('boolean')) return { type: booleanOrText };
  if (types.has('string')) return { 'x-kubernetes-int-or-string': true };
  return { 'x-kubernetes-preserve-unknown-fields': true };
}

/** The types that a schema takes, of which there are several where a field may be written in several ways. */
function typesOf({ type, anyOf }: JsonObject): unknown[] {
  if (Array.isArray(anyOf)) return anyOf.filter(isJsonObject).flatMap(typesOf);
  if (Array.isArray(type)) return type;
  return type === undefined ? [] : [type];
}

/** Those that somebody chose: whole numbers also have the bounds of what a double holds exactly. */
function bounds({ minimum, maximum }: JsonObject): JsonObject {
  return {
    ...(typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER ? { minimum } : {}),
    ...(typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? { maximum } : {}),
  };
}

function entriesOf(properties: JsonObject): [string, JsonObject][] {
  return Object.entries(properties).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}
