/** From a manifest, as JSON or YAML gave it, to a resource. */
import { z } from 'zod';
import { describeIssue } from './describe-issue.ts';
import { didYouMean } from './did-you-mean.ts';
import type { KindDefinition } from './kind-definition.ts';
import { KIND_NAMES, apiVersionsOf, isAnyResource, kindDefinition } from './kinds.ts';
import type { AnyResource } from './kinds.ts';
import { metadataSchema, readMetadata, readableMetadata } from './metadata.ts';
import { isJsonObject } from './resource.ts';
import type { JsonObject, Metadata, Problem, Resource } from './resource.ts';
import { unknownFields } from './unknown-fields.ts';

/**
 * Of a resource that was read, errors among its `problems` say what of the manifest could not be, and what counts instead. A manifest
 * that was not read has an error among its problems, or only warnings where it is of no use here (an unknown kind, a name without
 * effect).
 */
export type ParseResult =
  | { readonly ok: true; readonly resource: AnyResource; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const REQUIRED = 'is required and must be a text';

/** Reads a manifest of any kind. Never throws, whatever the value is. */
export function parseResource(value: unknown): ParseResult {
  if (!isJsonObject(value)) return failure([], 'must be a group of fields with apiVersion and kind');
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== 'string' || apiVersion === '') return failure(['apiVersion'], REQUIRED);
  if (typeof kind !== 'string' || kind === '') return failure(['kind'], REQUIRED);
  const definition = kindDefinition(apiVersion, kind);
  return definition === undefined ? ignoredKind(apiVersion, kind) : parseKind(definition, apiVersion, value);
}

/** Kinds that say what is to be let pass or not, and that nothing here acts on. */
const NOT_ENFORCED = /^(Staged(Global|Kubernetes)?NetworkPolicy|(Baseline)?AdminNetworkPolicy|ClusterNetworkPolicy)$/;

function ignoredKind(apiVersion: string, kind: string): ParseResult {
  const versions = apiVersionsOf(kind);
  const message =
    versions.length > 0
      ? `ignored kind: ${kind} is read as ${versions.join(' or ')}, not as ${apiVersion}`
      : `ignored kind: ${apiVersion} ${kind}${NOT_ENFORCED.test(kind) ? ', which is not enforced' : didYouMean(kind, KIND_NAMES)}`;
  return { ok: false, problems: [{ path: ['kind'], message, severity: 'warning' }] };
}

function parseKind(definition: KindDefinition, apiVersion: string, manifest: JsonObject): ParseResult {
  const quick = definition.quick?.(manifest);
  if (quick !== undefined) return acceptQuick(definition, quick);
  const body = bodyOf(definition, manifest);
  const parsed = definition.schema.safeParse(body);
  const metadata = metadataSchema.safeParse(body['metadata']);
  if (!metadata.success || !parsed.success) return parseWithFaults(definition, apiVersion, manifest);
  return accept(definition, apiVersion, metadata.data, parsed.data, () => warnings(definition, manifest, body));
}

/** The resource that a kind has read without its schema. */
function acceptQuick(
  definition: KindDefinition,
  { metadata, spec, status }: NonNullable<ReturnType<NonNullable<KindDefinition['quick']>>>,
): ParseResult {
  const { kind, apiVersions, readAs } = definition;
  const apiVersion = readAs ?? apiVersions[0];
  const named = metadataFor(definition, metadata);
  const resource =
    status === undefined
      ? { apiVersion, kind, metadata: named, spec }
      : { apiVersion, kind, metadata: named, spec, status };
  return isAnyResource(resource) ? { ok: true, resource, problems: [] } : ignoredKind(resource.apiVersion, kind);
}

function metadataFor({ metadata: metadataOf, inNamespace }: KindDefinition, read: Metadata): Metadata {
  const metadata = metadataOf?.(read) ?? read;
  // An empty one is none, as for kubectl.
  return inNamespace && (metadata.namespace ?? '') === '' ? { ...metadata, namespace: 'default' } : metadata;
}

/**
 * Reads a manifest that the schemas don't take as it is: Kubernetes takes a field that is null for one that is absent, and
 * some wrong fields are tolerated. To look for these in each and every manifest would take longer than to read it.
 */
function parseWithFaults(definition: KindDefinition, apiVersion: string, manifest: JsonObject): ParseResult {
  const written = fieldsWithValue(manifest);
  const { body, parsed, tolerated } = parseBody(definition, bodyOf(definition, written));
  const metadata = metadataSchema.safeParse(body['metadata']);
  if (metadata.success && parsed.success) {
    return accept(definition, apiVersion, metadata.data, parsed.data, () => [
      ...tolerated,
      ...warnings(definition, written, body),
    ]);
  }
  const problems = metadata.success ? [] : issuesToProblems(metadata.error, body['metadata'], ['metadata']);
  for (const problem of parsed.success ? [] : issuesToProblems(parsed.error, body, [])) {
    // A schema that looks into the metadata finds again what is wrong there.
    if (metadata.success || problem.path[0] !== 'metadata') problems.push(problem);
  }
  const salvaged = salvage(definition, body);
  if (salvaged === undefined) return { ok: false, problems: [...problems, ...warnings(definition, written, body)] };
  return accept(definition, apiVersion, salvaged.metadata, salvaged.parsed, () => [
    ...problems,
    ...salvaged.problems,
    ...warnings(definition, written, body),
  ]);
}

/** What counts of a body that the schemas don't take, where its kind says that something does. */
function salvage(definition: KindDefinition, body: JsonObject) {
  const salvaged = definition.salvage?.(body);
  if (salvaged === undefined) return undefined;
  const parsed = definition.schema.safeParse(salvaged.body);
  const metadata = metadataSchema.safeParse(readableMetadata(body['metadata']));
  return parsed.success && metadata.success
    ? { parsed: parsed.data, metadata: metadata.data, problems: salvaged.problems }
    : undefined;
}

/** The resource that the schemas made of a manifest, unless the review of its kind finds it of no use. */
function accept(
  definition: KindDefinition,
  apiVersion: string,
  written: z.output<typeof metadataSchema>,
  { spec, status }: z.output<KindDefinition['schema']>,
  warningsAbout: () => readonly Problem[],
): ParseResult {
  const read = readMetadata(apiVersion, written);
  const resource: Resource<string, unknown> = {
    apiVersion: definition.readAs ?? definition.apiVersions[0],
    kind: definition.kind,
    metadata: metadataFor(definition, read),
    spec: withoutEmpty(spec),
    ...(status === undefined ? {} : { status: withoutEmpty(status) }),
  };
  if (!isAnyResource(resource)) return ignoredKind(apiVersion, definition.kind);
  const review = definition.review?.(resource);
  if (review?.ignored !== undefined) {
    return {
      ok: false,
      problems: [{ path: ['metadata', 'name'], message: `ignored: ${review.ignored}`, severity: 'warning' }],
    };
  }
  return { ok: true, resource, problems: [...warningsAbout(), ...(review?.warnings ?? [])] };
}

/** Applies the schema, to the body without the fields that are wrong and that the kind tolerates. */
function parseBody({ schema, tolerates }: KindDefinition, body: JsonObject) {
  const parsed = schema.safeParse(body);
  const whole = { body, parsed, tolerated: [] };
  if (parsed.success || tolerates === undefined) return whole;
  const { issues } = parsed.error;
  const wrong = issues.map(({ path: [top, field] }) => (top === 'spec' ? (field ?? '') : undefined));
  if (!wrong.every((field) => typeof field === 'string' && tolerates(field))) return whole;
  const { spec } = body;
  const rest = isJsonObject(spec) ? Object.entries(spec).filter(([field]) => !wrong.includes(field)) : [];
  const left: JsonObject = { ...body, spec: Object.fromEntries(rest) };
  const tolerated = issuesToProblems(parsed.error, body, []).map((problem): Problem => ({
    ...problem,
    message: `${problem.message}; taken as unset`,
    severity: 'warning',
  }));
  return { body: left, parsed: schema.safeParse(left), tolerated };
}

/** What the schema of a kind reads. */
function bodyOf({ fields }: KindDefinition, manifest: JsonObject): JsonObject {
  const metadata = manifest['metadata'] ?? {};
  if (fields === undefined) return { metadata, spec: manifest['spec'] ?? {}, status: manifest['status'] };
  return { metadata, ...Object.fromEntries(fields.map((field) => [field, manifest[field]])) };
}

/** Fields that a manifest of any kind may have, and of most kinds all that it may have. */
const COMMON = z.object({ apiVersion: z.unknown(), kind: z.unknown(), metadata: metadataSchema });
const USUAL = COMMON.extend({ spec: z.unknown(), status: z.unknown() });

function warnings({ reportUnknownFields, fields, schema }: KindDefinition, manifest: JsonObject, body: JsonObject) {
  if (!reportUnknownFields) return [];
  const topLevel =
    fields === undefined ? USUAL : COMMON.extend(Object.fromEntries(fields.map((field) => [field, z.unknown()])));
  const { metadata: _, status: __, ...read } = body;
  return [...unknownFields(topLevel, manifest), ...unknownFields(schema, read)];
}

function issuesToProblems(error: z.ZodError, value: unknown, above: readonly string[]): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = [...above, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key): Problem => ({
        path: [...path, key],
        message: 'is not a known field',
        severity: 'error',
      }));
    }
    return [{ path, message: describeIssue(issue, valueAt(value, path.slice(above.length))), severity: 'error' }];
  });
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let inner = value;
  for (const step of path) inner = isContainer(inner) && Object.hasOwn(inner, step) ? inner[step] : undefined;
  return inner;
}

/** No field of any kind lies deeper; what does is dropped, so that no nesting can exhaust the stack. */
const MAX_DEPTH = 64;

/** The value without the fields that are null or undefined, at any depth. */
function withoutEmpty(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return value.map((item) => withoutEmpty(item, depth + 1));
  return fieldsWithValue(value, depth);
}

function fieldsWithValue(fields: object, depth = 0): JsonObject {
  const kept: [string, unknown][] = [];
  for (const [field, item] of Object.entries(fields)) {
    const value = withoutEmpty(item, depth + 1);
    if (value !== null && value !== undefined) kept.push([field, value]);
  }
  return Object.fromEntries(kept);
}

function isContainer(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}

function failure(path: readonly (string | number)[], message: string): ParseResult {
  return { ok: false, problems: [{ path, message, severity: 'error' }] };
}
