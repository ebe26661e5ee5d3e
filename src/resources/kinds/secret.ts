/**
 * Kubernetes' Secret. What is wrong with a value is told without it, and a value is kept as base64, because it may be any
 * bytes.
 */
import { z } from 'zod';
import { defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition } from '../kind-definition.ts';
import { isJsonObject } from '../resource.ts';

/** Values by key, each turned into base64 by `encode`, which gives undefined for what is not `expected`. */
function values(encode: (text: string) => string | undefined, expected: string) {
  return z.unknown().transform((written, context): Readonly<Record<string, string>> => {
    if (!isJsonObject(written)) {
      context.addIssue({ code: 'custom', message: 'must be a group of fields, a key and its value each' });
      return z.NEVER;
    }
    const encoded = Object.entries(written).map(([key, value]): [string, string] => {
      const text = typeof value === 'string' ? encode(value) : undefined;
      if (text === undefined) context.addIssue({ code: 'custom', path: [key], message: `must be ${expected}` });
      return [key, text ?? ''];
    });
    return Object.fromEntries(encoded);
  });
}

/** Line breaks are no part of base64 (RFC 2045 §6.8), as `base64` writes them into long texts. */
function canonicalBase64(text: string): string | undefined {
  const joined = text.replaceAll(/[\r\n]/g, '');
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(joined) ? joined : undefined;
}

function textToBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}

const data = values(canonicalBase64, 'base64; a value as it is goes into stringData');
const stringData = values(textToBase64, 'a text; a number, true or false as a value needs quotes');

export const SECRET = defineKind({
  kind: 'Secret',
  apiVersions: ['v1'],
  fields: ['spec', 'data', 'stringData', 'type', 'immutable'],
  schema: z
    .object({
      data: data.optional(),
      stringData: stringData.optional(),
      type: z.unknown(),
      immutable: z.unknown(),
      /** As this schema gives it, for a resource that is read again. */
      spec: z.object({ data: data.optional() }).optional(),
    })
    .transform((secret) => ({ spec: { data: { ...secret.spec?.data, ...secret.data, ...secret.stringData } } })),
  reportUnknownFields: true,
});

export type Secret = ResourceOfDefinition<typeof SECRET>;

/** The bytes that a Secret holds at a key; undefined where it has no such key. */
export function secretValue({ spec: { data } }: Secret, key: string): Uint8Array | undefined {
  if (!Object.hasOwn(data, key)) return undefined;
  return Uint8Array.from(atob(data[key]), (character) => character.charCodeAt(0));
}
