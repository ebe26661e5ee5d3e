/** Kinds of resources read from manifests of `projectcalico.org/v3`, for tests. */
import { expect } from 'vitest';
import { parseResource } from '../../src/resources/parse-resource.ts';

export const V3 = 'projectcalico.org/v3';

/** The problems of a manifest as lines: `error spec.asNumber: is required`. */
export function problemsOf(kind: string, spec: unknown, name = 'default'): string[] {
  const { problems } = parseResource({ apiVersion: V3, kind, metadata: { name }, spec });
  return problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
}

export function specOf(kind: string, spec: unknown, name = 'default'): unknown {
  const parsed = parseResource({ apiVersion: V3, kind, metadata: { name }, spec });
  expect(parsed.problems).toEqual([]);
  return parsed.ok ? parsed.resource.spec : undefined;
}

/** What is read in spite of problems, followed by these. */
export function parsedDefault(kind: string, spec: unknown): unknown[] {
  const parsed = parseResource({ apiVersion: V3, kind, metadata: { name: 'default' }, spec });
  return [parsed.ok ? parsed.resource.spec : undefined, ...problemsOf(kind, spec)];
}
