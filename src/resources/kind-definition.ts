/** How a kind is described: one definition a file in `kinds/`, listed in `kinds.ts`. */
import type { z } from 'zod';
import type { Immutable, JsonObject, Metadata, Problem, Resource } from './resource.ts';

export const CALICO_API_VERSION = 'projectcalico.org/v3';

/** API version of Calico's custom resources before it served its v3 API natively. */
export const CALICO_CRD_API_VERSION = 'crd.projectcalico.org/v1';

/** API version of Starling's own kinds. */
export const STARLING_API_VERSION = 'starling.dev/v1alpha1';

/** Both API versions under which Calico's kinds are found. */
export const CALICO_API_VERSIONS: readonly string[] = [CALICO_API_VERSION, CALICO_CRD_API_VERSION];

/** What the schema of a kind makes of a manifest. */
interface Body {
  spec: unknown;
  status?: unknown;
}

export interface KindDefinition<K extends string = string, B extends Body = Body, I = unknown> {
  readonly kind: K;
  /** The kind in manifests, where that is the name of another kind in other API versions. */
  readonly manifestKind?: string;
  /** API versions in which manifests of this kind are read by this definition. */
  readonly apiVersions: readonly string[];
  /** API version of the resources that result, where it isn't the first of `apiVersions`. */
  readonly readAs?: string;
  /** Fields of a manifest that the schema reads beside `metadata`, where they aren't `spec` and `status`. */
  readonly fields?: readonly string[];
  /** Reads `metadata` and `fields` of a manifest; what it returns becomes the resource's spec and status. */
  readonly schema: z.ZodType<B, I>;
  /**
   * Reads a manifest in its usual form as the schema and `metadataSchema` would, and leaves the others to them: for kinds of which
   * there are so many that their schema would take too long.
   */
  readonly quick?: (manifest: JsonObject) => (Body & { readonly metadata: Metadata }) | undefined;
  /** Whether a manifest that names no namespace means `default`, as for kubectl and calicoctl. */
  readonly inNamespace?: true;
  /** Whether fields that the schema doesn't name are reported. */
  readonly reportUnknownFields: boolean;
  /**
   * Whether a wrong value of this field of the spec is reported and taken as unset, so that the rest of the object counts.
   * Without it no object is read that has one.
   */
  readonly tolerates?: (field: string) => boolean;
  /**
   * What counts of a manifest that the schema does not take, for kinds that forbid something: to leave the whole object out would
   * let that pass. What it returns the schema takes; undefined where nothing can be made of it.
   */
  readonly salvage?: (body: JsonObject) => Salvaged | undefined;
  /** Metadata of the resource where it isn't simply what the manifest says. */
  readonly metadata?: (metadata: Metadata) => Metadata;
  /** What to say about a valid resource beyond its schema; `ignored` says why a resource is of no use. */
  review?(resource: Resource<K, Immutable<B['spec']>>): Review;
}

export interface Salvaged {
  readonly body: JsonObject;
  /** Errors that say what counts now, beside those that say what is wrong. */
  readonly problems: readonly Problem[];
}

export interface Review {
  readonly ignored?: string;
  readonly warnings: readonly Problem[];
}

/** A warning about a field that is read but that nothing acts on yet. */
export function notSupported(...path: readonly (string | number)[]): Problem {
  return { path, message: 'is not supported yet, and ignored', severity: 'warning' };
}

/** Only gives the type checker the kind's name and schema. */
export function defineKind<const K extends string, B extends Body, I>(
  definition: KindDefinition<K, B, I>,
): KindDefinition<K, B, I> {
  return definition;
}

/** Type of the resources that a definition reads. */
export type ResourceOfDefinition<D> =
  D extends KindDefinition<infer K, infer B>
    ? Resource<K, Immutable<B['spec']>, Immutable<Exclude<B['status'], undefined>>>
    : never;
