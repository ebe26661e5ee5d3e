import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { customResourceDefinitions } from './custom-resource-definitions.ts';
import { isJsonObject } from './resource.ts';

const FOLDER = 'deploy/crds';

/** All schemas within a schema, with where they are. */
function* schemasIn(
  schema: unknown,
  path: string,
): Generator<[path: string, schema: Readonly<Record<string, unknown>>]> {
  if (!isJsonObject(schema)) return;
  yield [path, schema];
  yield* schemasIn(schema['items'], `${path}[]`);
  yield* schemasIn(schema['additionalProperties'], `${path}{}`);
  for (const [name, field] of Object.entries(schema['properties'] ?? {})) yield* schemasIn(field, `${path}.${name}`);
}

const DEFINITIONS = [...customResourceDefinitions().values()].flat().map((definition): [string, unknown] => {
  const { metadata, spec } = definition;
  const name = isJsonObject(metadata) ? String(metadata['name']) : '';
  const version = isJsonObject(spec) && Array.isArray(spec['versions']) ? spec['versions'][0] : undefined;
  return [name, version];
});

describe('the CustomResourceDefinitions', () => {
  it('in deploy/crds are those that `npm run crds` makes', () => {
    const made = customResourceDefinitions();
    expect(readdirSync(FOLDER).toSorted()).toEqual([...made.keys()].map((group) => `${group}.yaml`).toSorted());
    for (const [group, definitions] of made) {
      const documents = parseAllDocuments(readFileSync(`${FOLDER}/${group}.yaml`, 'utf8'));
      expect(documents.map((document) => document.toJS())).toEqual(definitions);
    }
  });

  it.each(DEFINITIONS)('%s has a structural schema: one type a value', (_, version) => {
    expect(version).toHaveProperty('schema.openAPIV3Schema.type', 'object');
    const { openAPIV3Schema } = (version as { schema: { openAPIV3Schema: unknown } }).schema;
    for (const [path, schema] of schemasIn(openAPIV3Schema, '')) {
      const typed = typeof schema['type'] === 'string' || schema['x-kubernetes-int-or-string'] === true;
      expect([path, typed]).toEqual([path, true]);
      expect(schema).not.toHaveProperty('anyOf');
      expect(schema).not.toHaveProperty('$ref');
      expect(schema).not.toHaveProperty('default');
    }
  });

  it('take the fields as they are written in each group', () => {
    const deleted = (name: string) =>
      [...schemasIn(new Map(DEFINITIONS).get(name), '')].length > 0 &&
      JSON.stringify(new Map(DEFINITIONS).get(name)).match(/"deleted":\{"type":"(\w+)"/)?.[1];
    expect(deleted('blockaffinities.crd.projectcalico.org')).toBe('string');
    expect(deleted('blockaffinities.projectcalico.org')).toBe('boolean');
    expect(JSON.stringify(new Map(DEFINITIONS).get('bgppeers.projectcalico.org'))).toContain(
      '"asNumber":{"x-kubernetes-int-or-string":true',
    );
  });
});
