/**
 * The configuration of a node: file, environment variables, defaults, in that order of precedence reversed — what the
 * environment says wins over the file, so that one file can serve many nodes.
 */
import { readFileSync } from 'node:fs';
import { LineCounter, parse, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { describeIssue } from '../resources/describe-issue.ts';
import { didYouMean } from '../resources/did-you-mean.ts';
import { CONFIG_FIELDS } from './config-fields.ts';
import type { ConfigField } from './config-fields.ts';
import { configSchema } from './config-schema.ts';
import type { ConfigValues } from './config-schema.ts';
import { datastoreFaults } from './datastore-checks.ts';

/** The configuration with everything filled in. */
export interface Config extends Omit<ConfigValues, 'api' | 'policy' | 'nodeName'> {
  readonly nodeName: string;
  readonly api: Omit<ConfigValues['api'], 'http'> & ReadOnlyApi;
  readonly policy: Omit<ConfigValues['policy'], 'http'> & ReadOnlyApi;
}

interface ReadOnlyApi {
  /** Undefined where the read-only API is off. */
  readonly http: { readonly host: string; readonly port: number } | undefined;
}

/** One thing that is wrong, with its place: `file:line:column`, or the name of an environment variable. */
export interface ConfigProblem {
  readonly where: string;
  readonly field: string;
  readonly message: string;
  /** `unsupported`: right as such, but not something that this version does. */
  readonly reason: 'invalid' | 'unsupported';
}

/** The configuration can't be used; all problems are named. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(
      problems.map(({ where, field, message }) => `${where}: ${field === '' ? '' : `${field} `}${message}`).join('\n'),
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface ConfigSources {
  /** File to read; without one only the environment counts. */
  readonly path?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostName: string;
}

/** Reads the configuration of this node. Throws {@link ConfigError}. */
export function loadConfig(sources: ConfigSources): Config {
  const file = sources.path === undefined ? undefined : readConfigFile(sources.path);
  const { values, origins } = withEnvironment(file?.values ?? {}, sources.environment);
  const place = (path: readonly PropertyKey[]): string =>
    originOf(path, origins) ?? file?.place(path) ?? 'configuration';
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.flatMap((issue) => issueProblems(issue, values, place)));
  }
  const { api, policy, nodeName, ...rest } = parsed.data;
  const problems = unsupported(parsed.data, place);
  for (const { field, message } of [...datastoreFaults(parsed.data.datastore), ...sharedPlaces(parsed.data)]) {
    problems.push({ where: place(field.split('.')), field, message, reason: 'invalid' });
  }
  if (parsed.data.publishNode && parsed.data.datastore.type === 'file') {
    const message = 'needs an etcd or kubernetes datastore: files are not written; put the Node into a file yourself';
    problems.push({ where: place(['publishNode']), field: 'publishNode', message, reason: 'invalid' });
  }
  const listen = (group: 'api' | 'policy'): ReadOnlyApi['http'] => {
    const http = parseListen(parsed.data[group].http);
    if (http !== null) return http;
    const message = 'must be an address and a port, like 127.0.0.1:8179 or [::1]:8179, or empty';
    problems.push({ where: place([group, 'http']), field: `${group}.http`, message, reason: 'invalid' });
    return undefined;
  };
  const listens = { api: { ...api, http: listen('api') }, policy: { ...policy, http: listen('policy') } };
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...rest, nodeName: nodeName ?? sources.hostName.toLowerCase(), ...listens };
}

/** Both processes may run on the node, on the same configuration. */
function sharedPlaces({ api, policy }: ConfigValues): readonly { readonly field: string; readonly message: string }[] {
  const isShared = (field: 'socket' | 'http') => api[field] === policy[field] && !/^$|:0$/.test(api[field]);
  return (['socket', 'http'] as const).filter(isShared).map((field) => ({
    field: `policy.${field}`,
    message: `must not be the same as api.${field}, which is the daemon's`,
  }));
}

interface ConfigFile {
  readonly values: Record<string, unknown>;
  place(path: readonly PropertyKey[]): string;
}

function readConfigFile(path: string): ConfigFile {
  const problem = (where: string, message: string): ConfigError =>
    new ConfigError([{ where, field: '', message, reason: 'invalid' }]);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw problem(path, `can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw problem(`${path}:${line}:${col}`, withoutQuote(error.message));
  }
  let values: unknown;
  try {
    values = document.toJS() ?? {};
  } catch (error) {
    // An alias without anchor, or aliases that multiply.
    throw problem(path, error instanceof Error ? withoutQuote(error.message) : String(error));
  }
  if (!isGroup(values)) throw problem(path, 'must be a group of fields');
  return { values, place: (at) => placeIn(document, lines, path, at) };
}

/** The text that a parser is at odds with follows its words, after a colon. It may be a password. */
function withoutQuote(message: string): string {
  return message.replace(/(?<=[\w)]): .*$/s, '');
}

/** The place of a field, or of the nearest group around it that there is. */
function placeIn(document: Document, lines: LineCounter, path: string, at: readonly PropertyKey[]): string {
  for (let depth = at.length; depth > 0; depth--) {
    const node: unknown = document.getIn(at.slice(0, depth), true);
    if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) continue;
    const { line, col } = lines.linePos(Number(node.range[0]));
    return `${path}:${line}:${col}`;
  }
  return path;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The values with those of the environment put in, and which variable each of them came from. */
function withEnvironment(
  file: Record<string, unknown>,
  environment: ConfigSources['environment'],
): { values: Record<string, unknown>; origins: Map<string, string> } {
  const values = structuredClone(file);
  const origins = new Map<string, string>();
  for (const row of CONFIG_FIELDS) {
    const { field, variables } = row;
    // An empty variable is an unset one, as in calico-node's manifests.
    const name = variables.find((variable) => (environment[variable] ?? '') !== '');
    if (name === undefined) continue;
    const text = environment[name]!;
    put(values, field.split('.'), valueOf(row, text));
    origins.set(field, `environment variable ${name}`);
  }
  return { values, origins };
}

/** The variable that a field came from, or a part of its value. */
function originOf(path: readonly PropertyKey[], origins: ReadonlyMap<string, string>): string | undefined {
  const [found] = path.flatMap((_, i) => origins.get(path.slice(0, path.length - i).join('.')) ?? []);
  return found;
}

/** Numbers and booleans have no type in the environment. */
function valueOf({ list, name, structured }: ConfigField, text: string): unknown {
  if (name === true) return text;
  if (structured === true) return parsedYaml(text);
  if (list === true) return text.split(',').map((part) => part.trim());
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** What is not YAML stays text, which the schema refuses. */
function parsedYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function put(values: Record<string, unknown>, [first, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) values[first] = value;
  else {
    const group = values[first];
    const inner = isGroup(group) ? group : {};
    values[first] = inner;
    put(inner, rest, value);
  }
}

/** What they hold is not for a log. */
const SECRET: ReadonlySet<string> = new Set(['datastore.etcd.password']);

function issueProblems(
  issue: z.core.$ZodIssue,
  values: unknown,
  place: (path: readonly PropertyKey[]) => string,
): ConfigProblem[] {
  const field = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = CONFIG_FIELDS.filter((row) => row.field.startsWith(field === '' ? '' : `${field}.`)).map(
      (row) => row.field.slice(field === '' ? 0 : field.length + 1).split('.')[0],
    );
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const message = `is not a known field${didYouMean(key, new Set(known))}`;
      return { where: place(path), field: path.join('.'), message, reason: 'invalid' };
    });
  }
  const value = issue.path.reduce<unknown>(
    (group, key) =>
      typeof group === 'object' && group !== null
        ? Object.entries(group).find(([name]) => name === String(key))?.[1]
        : undefined,
    values,
  );
  const message = SECRET.has(field)
    ? 'must be a text; in quotes, where it looks like a number'
    : describeIssue(issue, value);
  return [{ where: place(issue.path), field, message, reason: 'invalid' }];
}

/** Settings that are understood but can't be followed by this version. */
function unsupported(values: ConfigValues, place: (path: readonly PropertyKey[]) => string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const refuse = (field: string, message: string) =>
    problems.push({ where: place(field.split('.')), field, message, reason: 'unsupported' });
  if (values.api.gobgp !== '') {
    refuse('api.gobgp', "asks for GoBGP's gRPC API, which this version does not support yet: leave it empty");
  }
  return problems;
}

/** `host:port` with an IPv6 host in brackets; undefined for an empty text, null for anything else. */
function parseListen(text: string): { host: string; port: number } | undefined | null {
  if (text === '') return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return null;
  return { host: match[1] ?? match[2], port: Number(match[3]) };
}
