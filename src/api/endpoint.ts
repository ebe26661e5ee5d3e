/** What an endpoint of the HTTP API is: a row of the route table, with its description for OpenAPI beside its handler. */
import { z } from 'zod';
import type { ServerResponse } from 'node:http';
import { tryParseAddress, canonicalAddress } from '../net/address.ts';
import { FAMILY_NAMES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { tryParsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { ApiError } from './errors.ts';
import { familyName } from './types.ts';

/** What a handler works with besides the validated input. `V`: what the process shows of itself. */
export interface HandlerContext<V> {
  readonly view: V;
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Input of a request before it is validated. */
export interface RawInput {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

type Shape = Record<string, z.ZodType>;
type InputOf<P extends Shape, Q extends Shape, B extends z.ZodType> = {
  readonly path: z.infer<z.ZodObject<P>>;
  readonly query: z.infer<z.ZodObject<Q>>;
  readonly body: z.infer<B>;
};

export interface EndpointDescription {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path with parameters as `{name}`. */
  readonly path: string;
  readonly summary: string;
  readonly pathParameters: z.ZodObject<Shape>;
  readonly queryParameters: z.ZodObject<Shape>;
  /** Absent where the endpoint takes no body. */
  readonly body: z.ZodType | undefined;
  /** Most bytes of the body; absent for the usual. */
  readonly maxBody: number | undefined;
  /** Schema of the JSON answer, or the media type of another one. */
  readonly answer: z.ZodType | string;
  /** HTTP status codes of errors that this endpoint may answer with, besides 400. */
  readonly errors: readonly number[];
  /** Status codes besides 200 that come with the same kind of answer. */
  readonly alsoStatus: readonly number[];
}

/** A row of the route table. */
export interface Endpoint<V> extends EndpointDescription {
  /** Validates the input and answers. Throws {@link ApiError}; anything else thrown is a defect of the daemon. */
  run(input: RawInput, context: HandlerContext<V>): Promise<void>;
}

interface EndpointDefinition<V, P extends Shape, Q extends Shape, B extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly pathParameters?: P;
  readonly queryParameters?: Q;
  readonly body?: B;
  readonly maxBody?: number;
  readonly answer: z.ZodType | string;
  readonly errors?: readonly number[];
  readonly alsoStatus?: readonly number[];
  handle(input: InputOf<P, Q, B>, context: HandlerContext<V>): void | Promise<void>;
}

/** Makes a row of the route table; the handler gets its input validated and typed. */
type DefineEndpoint<V> = <P extends Shape, Q extends Shape, B extends z.ZodType>(
  definition: EndpointDefinition<V, P, Q, B>,
) => Endpoint<V>;

/** What makes rows of the route table of a process that shows `V`. */
export function endpointsOf<V>(): DefineEndpoint<V> {
  return (definition) => defineEndpoint(definition);
}

function defineEndpoint<V, P extends Shape, Q extends Shape, B extends z.ZodType>(
  definition: EndpointDefinition<V, P, Q, B>,
): Endpoint<V>;
function defineEndpoint<V>(definition: EndpointDefinition<V, Shape, Shape, z.ZodType>): Endpoint<V> {
  const pathParameters = z.strictObject(definition.pathParameters ?? {});
  const queryParameters = z.strictObject(definition.queryParameters ?? {});
  const { method, path, summary, body, maxBody, answer, errors = [], alsoStatus = [] } = definition;
  const run = async (raw: RawInput, context: HandlerContext<V>): Promise<void> => {
    const input = {
      path: validate(pathParameters, raw.path, 'path parameter'),
      query: validate(queryParameters, raw.query, 'query parameter'),
      body: body === undefined ? undefined : validate(body, raw.body ?? {}, 'field'),
    };
    await definition.handle(input, context);
  };
  return { method, path, summary, pathParameters, queryParameters, body, maxBody, answer, errors, alsoStatus, run };
}

function validate<T extends z.ZodType>(schema: T, value: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ApiError('INVALID', parsed.error.issues.map((issue) => issueWords(issue, what)).join('; '));
}

function issueWords(issue: z.core.$ZodIssue, what: string): string {
  if (issue.code === 'unrecognized_keys') return `unknown ${what} ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  const where = issue.path.map(String).join('.');
  return where === '' ? issue.message : `${what} "${where}": ${issue.message}`;
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(value)}\n`);
}

/** A peer's address; becomes canonical. */
export const addressParameter = z
  .string()
  .transform((text, context): string => {
    if (tryParseAddress(text) !== undefined) return canonicalAddress(text);
    context.addIssue({ code: 'custom', message: `"${text}" is not an IP address` });
    return z.NEVER;
  })
  .describe('IP address of a peer; link-local ones with `%interface`.');

/** A prefix or an address, as {@link Prefix}. */
export const prefixParameter = z
  .string()
  .transform((text, context): Prefix => {
    const prefix = tryParsePrefix(text);
    if (prefix !== undefined) return prefix;
    context.addIssue({ code: 'custom', message: `"${text}" is not an IP prefix or address` });
    return z.NEVER;
  })
  .describe('IP prefix, or an address for its host prefix.');

/** An address family by name, as its index. */
export const familyParameter = familyName.transform((name): Family =>
  name === FAMILY_NAMES[IPV4_UNICAST] ? IPV4_UNICAST : IPV6_UNICAST,
);

/** `true` or `false`. */
export const booleanParameter = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A non-negative number of at most `max`. */
export function numberParameter(max: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a non-negative whole number')
    .transform(Number)
    .refine((value) => value <= max, `must be at most ${max}`);
}
