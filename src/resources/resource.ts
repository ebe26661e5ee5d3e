/**
 * What every resource has in common, whatever its kind and wherever it was read from.
 *
 * A parsed resource holds plain JSON values in the spelling of Calico's v3 API, in canonical form: AS numbers are numbers,
 * addresses and prefixes are canonical text, durations and selectors are the text as written. Parsing a parsed resource
 * again gives the same resource.
 */

export interface Metadata {
  readonly name: string;
  /** Absent for kinds that belong to the cluster. */
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Resource<K extends string, Spec, Status = unknown> {
  readonly apiVersion: string;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: Spec;
  /** Only of kinds whose status is of use here. */
  readonly status?: Status;
}

/** Something a person should know about a manifest. An error means that the resource can't be used. */
export interface Problem {
  /** Where in the manifest, e.g. `['spec', 'filters', 0]`; empty for the manifest as a whole. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

/** A JSON object of which nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Makes a type and all within it read-only. */
export type Immutable<T> = T extends readonly (infer E)[]
  ? readonly Immutable<E>[]
  : T extends object
    ? { readonly [P in keyof T]: Immutable<T[P]> }
    : T;
