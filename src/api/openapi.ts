/** The OpenAPI 3.1 description of the API, made from the route table. */
import { z } from 'zod';
import type { Endpoint, EndpointDescription } from './endpoint.ts';
import { endpointsOf, sendJson } from './endpoint.ts';
import { errorBody } from './types.ts';

interface JsonSchema {
  [key: string]: unknown;
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  400: 'The request is not valid.',
  403: 'Changes are accepted over the Unix socket only.',
  404: 'There is no such thing.',
  409: 'It can not be done now.',
  503: 'Not ready.',
};

/** Which process and which version of it is described. */
export interface ApiInfo {
  readonly version: string;
  /** A sentence. */
  readonly description: string;
}

/** Adds the endpoint that describes the table, itself included. */
export function withOpenApi<V>(endpoints: readonly Endpoint<V>[], info: ApiInfo): readonly Endpoint<V>[] {
  const all: Endpoint<V>[] = [...endpoints];
  all.push(
    endpointsOf<V>()({
      method: 'GET',
      path: '/api/v1/openapi.json',
      summary: 'This description.',
      answer: z.record(z.string(), z.unknown()),
      handle: (_input, { response }) => sendJson(response, describeApi(all, info)),
    }),
  );
  return all;
}

/** The description as an OpenAPI document. */
export function describeApi(endpoints: readonly EndpointDescription[], info: ApiInfo): object {
  const schemas = new SchemaCollector();
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    const operations = (paths[endpoint.path] ??= {});
    operations[endpoint.method.toLowerCase()] = describeOperation(endpoint, schemas);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Starling', ...info },
    paths,
    components: { schemas: schemas.components },
  };
}

function describeOperation(endpoint: EndpointDescription, schemas: SchemaCollector): object {
  const { summary, pathParameters, queryParameters, body } = endpoint;
  const parameters = [
    ...describeParameters(pathParameters, 'path', schemas),
    ...describeParameters(queryParameters, 'query', schemas),
  ];
  return {
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: schemas.describe(body) } } } }),
    responses: describeResponses(endpoint, schemas),
  };
}

function describeParameters(
  object: EndpointDescription['pathParameters'],
  place: 'path' | 'query',
  schemas: SchemaCollector,
): object[] {
  return Object.entries(object.shape).map(([name, type]) => {
    const { description, ...schema } = schemas.describe(type);
    const required = place === 'path' || !type.isOptional();
    return { name, in: place, required, ...(description === undefined ? {} : { description }), schema };
  });
}

function describeResponses(endpoint: EndpointDescription, schemas: SchemaCollector): object {
  const { answer, method, errors, alsoStatus } = endpoint;
  const content =
    typeof answer === 'string'
      ? { [answer]: { schema: { type: 'string' } } }
      : { 'application/json': { schema: schemas.describe(answer) } };
  const responses: Record<string, object> = { 200: { description: 'Done.', content } };
  for (const status of alsoStatus) responses[status] = { description: STATUS_WORDS[status], content };
  const errorContent = { 'application/json': { schema: schemas.describe(errorBody) } };
  const failures = [400, ...errors, ...(method === 'GET' ? [] : [403])];
  for (const status of failures) responses[status] = { description: STATUS_WORDS[status], content: errorContent };
  return responses;
}

/** Turns schemas into JSON Schema; those with an id become components. */
class SchemaCollector {
  readonly components: Record<string, JsonSchema> = {};

  describe(schema: z.ZodType): JsonSchema {
    const { $schema: _, $defs, ...described } = z.toJSONSchema(schema, { io: 'input', override: plainNumbers });
    for (const [id, definition] of Object.entries($defs ?? {})) {
      this.components[id] = rewriteObject(definition);
    }
    return rewriteObject(described);
  }
}

/** Leaves out the limits that only say that a number is exact in JavaScript. */
function plainNumbers({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

/** Points references at the components of the document, and leaves out `id`, which is no keyword of OpenAPI. */
function rewriteObject(object: object): JsonSchema {
  const rewritten: JsonSchema = {};
  for (const [key, value] of Object.entries(object)) {
    if (key === 'id' && typeof value === 'string') continue;
    const isReference = key === '$ref' && typeof value === 'string';
    rewritten[key] = isReference ? value.replace('#/$defs/', '#/components/schemas/') : rewriteValue(value);
  }
  return rewritten;
}

function rewriteValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewriteValue);
  return typeof value === 'object' && value !== null ? rewriteObject(value) : value;
}
