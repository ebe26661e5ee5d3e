/** Finds the fields of a value that a schema doesn't name. */
import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import type { Problem } from './resource.ts';

/** Warnings for all fields in `value`, at any depth, that `schema` has no place for; they have no effect. */
export function unknownFields(
  schema: z.core.$ZodType,
  value: unknown,
  path: readonly (string | number)[] = [],
): Problem[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, i) => unknownFields(inner.element, item, [...path, i]));
  }
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return [];
  const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape;
  return Object.entries(value).flatMap(([field, item]): Problem[] => {
    if (item === null || item === undefined) return [];
    if (Object.hasOwn(shape, field)) return unknownFields(shape[field], item, [...path, field]);
    // A strict schema takes it for an error.
    if (isStrict(inner)) return [];
    const message = `is not a known field${didYouMean(field, Object.keys(shape))}; ignored`;
    return [{ path: [...path, field], message, severity: 'warning' }];
  });
}

function isStrict({ def }: z.ZodObject): boolean {
  return def.catchall instanceof z.ZodNever;
}

/** The schema of the value as it is written: without defaults, transformations and the like around it. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPipe) return unwrap(schema.in instanceof z.ZodUnknown ? schema.out : schema.in);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  return schema;
}
