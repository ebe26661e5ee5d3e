/** Reads the metadata of a manifest. */
import { z } from 'zod';
import { CALICO_CRD_API_VERSION } from './kind-definition.ts';
import { isJsonObject } from './resource.ts';
import type { JsonObject, Metadata } from './resource.ts';

const textMap = z.record(z.string(), z.string()).default({});

/** The fields of Kubernetes' ObjectMeta; those that are not used here are named so that they aren't reported. */
export const metadataSchema = z.object({
  name: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[^\s/]+$/, 'must not have spaces or slashes'),
  // It becomes a value in selectors, whose language has no escapes.
  namespace: z
    .string()
    .regex(/^[^\s/"']*$/, 'must not have spaces, slashes or quotes')
    .optional(),
  labels: textMap,
  annotations: textMap,
  generateName: z.unknown().optional(),
  selfLink: z.unknown().optional(),
  uid: z.unknown().optional(),
  resourceVersion: z.unknown().optional(),
  generation: z.unknown().optional(),
  creationTimestamp: z.unknown().optional(),
  deletionTimestamp: z.unknown().optional(),
  deletionGracePeriodSeconds: z.unknown().optional(),
  ownerReferences: z.unknown().optional(),
  finalizers: z.unknown().optional(),
  managedFields: z.unknown().optional(),
});

/** Metadata of a kind that belongs to no namespace: one that is written all the same would narrow what a policy means. */
export function ofNoNamespace(written: Metadata): Metadata {
  const { namespace: _, ...metadata } = written;
  return metadata;
}

/** Metadata as it is written, without labels and annotations that can't be read: a policy is known by its name. */
export function readableMetadata(written: unknown): unknown {
  if (!isJsonObject(written)) return written;
  const { labels, annotations, ...rest } = written;
  return { ...rest, labels: textMapOf(labels), annotations: textMapOf(annotations) };
}

/** Calico's own metadata, which its v1 custom resources carry as JSON. */
const CALICO_METADATA = 'projectcalico.org/metadata';

/** What kubectl keeps for itself: as large as the resource, and of no use here. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The metadata of a resource, given what its manifest says. */
export function readMetadata(apiVersion: string, written: z.output<typeof metadataSchema>): Metadata {
  const { [LAST_APPLIED]: _, ...annotations } = written.annotations;
  const metadata: Metadata = {
    name: written.name,
    ...(written.namespace === undefined ? {} : { namespace: written.namespace }),
    labels: written.labels,
    annotations,
  };
  return apiVersion === CALICO_CRD_API_VERSION ? restoreCalicoMetadata(metadata) : metadata;
}

function restoreCalicoMetadata(metadata: Metadata): Metadata {
  const { [CALICO_METADATA]: hidden, ...annotations } = metadata.annotations;
  const restored = parseJsonObject(hidden);
  return {
    ...metadata,
    name: restoredName(metadata.name, restored['name']),
    labels: { ...metadata.labels, ...textMapOf(restored['labels']) },
    annotations: { ...annotations, ...textMapOf(restored['annotations']) },
  };
}

/** Calico's v1 resources put the tier before the name of a policy of the default tier; `own` is what its user calls it. */
function restoredName(name: string, own: unknown): string {
  return typeof own === 'string' && name === `default.${own}` ? own : name;
}

/** The object that `text` is the JSON of; empty where it is none. */
export function parseJsonObject(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** The texts by name in `value`; whatever else is in it is left out. */
export function textMapOf(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
