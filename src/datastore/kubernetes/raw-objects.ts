/** From what lists and watches of the Kubernetes API hold to items of the collector, without what is of no use here. */
import { isJsonObject } from '../../resources/resource.ts';
import type { JsonObject } from '../../resources/resource.ts';
import type { RawItem } from '../resource-collector.ts';
import { apiVersionOf } from './api-resources.ts';
import type { ApiResource, CalicoGroup } from './api-resources.ts';
import { apiStatus } from './api-status.ts';
import type { WatchEvent } from './reflector-machine.ts';

/** A page of a list. */
export interface Page {
  readonly items: readonly RawItem[];
  readonly revision: string;
  /** What to ask with for the next page, if there is one. */
  readonly next?: string;
}

/** The answer can't be what the API gives. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

/** Reads a list. Throws {@link AnswerError} where it is none. */
export function readPage(resource: ApiResource, group: CalicoGroup, body: unknown): Page {
  const { metadata, items } = isJsonObject(body) ? body : {};
  if (!isJsonObject(metadata) || typeof metadata['resourceVersion'] !== 'string') {
    throw new AnswerError(`the answer to a list of ${resource.plural} is no list`);
  }
  const next = metadata['continue'];
  const objects = Array.isArray(items) ? items.filter(isJsonObject) : [];
  return {
    items: objects.filter((object) => isWanted(resource, object)).map((object) => itemOf(resource, group, object)),
    revision: metadata['resourceVersion'],
    ...(typeof next === 'string' && next !== '' && { next }),
  };
}

/** Reads a line of a watch. Throws {@link AnswerError} where it is none. */
export function readWatchEvent(resource: ApiResource, group: CalicoGroup, line: string): WatchEvent {
  const event = parse(line);
  const { type, object } = event;
  if (type === 'ERROR') return { type: 'error', status: apiStatus(object, 500, 'the watch failed') };
  const metadata = isJsonObject(object) ? object['metadata'] : undefined;
  const revision = isJsonObject(metadata) ? metadata['resourceVersion'] : undefined;
  if (!isJsonObject(object) || typeof revision !== 'string') {
    throw new AnswerError(`a watch of ${resource.plural} told something without resource version`);
  }
  if (type === 'BOOKMARK') return { type: 'bookmark', revision };
  const item = itemOf(resource, group, object);
  const there = type !== 'DELETED' && isWanted(resource, object);
  return there ? { type: 'put', item, revision } : { type: 'delete', key: item.key, revision };
}

function parse(line: string): JsonObject {
  try {
    const value: unknown = JSON.parse(line);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new AnswerError(`a watch told what is no JSON: ${line.slice(0, 80)}`);
}

function isWanted({ wanted }: ApiResource, object: JsonObject): boolean {
  return wanted === undefined || wanted(object);
}

function itemOf(resource: ApiResource, group: CalicoGroup, object: JsonObject): RawItem {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const { name, namespace, labels, annotations, resourceVersion } = metadata;
  const key = [namespace, name].filter((part) => typeof part === 'string').join('/');
  const value: Record<string, unknown> = {
    // The objects in a list of a built-in kind don't say what they are.
    apiVersion: apiVersionOf(resource, group),
    kind: resource.kind,
    metadata: { name, namespace, labels, annotations: relevantAnnotations(annotations) },
  };
  for (const field of resource.fields) value[field] = object[field];
  return {
    key,
    place: `${resource.kind}/${key}`,
    value,
    ...(typeof resourceVersion === 'string' && { version: resourceVersion }),
  };
}

/**
 * Annotations of Calico and of Starling. Others, which controllers may write every second, are nothing that the node acts on.
 */
function relevantAnnotations(annotations: unknown): unknown {
  if (!isJsonObject(annotations)) return annotations;
  return Object.fromEntries(
    Object.entries(annotations).filter(([key]) => /(?:^|\.)(?:projectcalico\.org|starling\.dev)\//.test(key)),
  );
}
