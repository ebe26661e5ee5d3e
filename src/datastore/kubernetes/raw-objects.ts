/** From what lists and watches of the Kubernetes API hold to items of the collector, without what is of no use here. */
import { isJsonObject } from '../../resources/resource.ts';
import type { JsonObject } from '../../resources/resource.ts';
import type { RawItem } from '../raw-item.ts';
import { apiVersionOf } from './api-resources.ts';
import type { ApiResource, CalicoGroup } from './api-resources.ts';
import { apiStatus } from './api-status.ts';
import type { WatchEvent } from './reflector-machine.ts';

/** What a list says of itself. */
export interface ListHead {
  readonly revision: string;
  /** What to ask with for the next page, if there is one. */
  readonly next?: string;
}

/** The answer can't be what the API gives. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

/** Reads a list without its items. Throws {@link AnswerError} where it is none. */
export function readList(resource: ApiResource, body: unknown): ListHead {
  const { metadata } = isJsonObject(body) ? body : {};
  if (!isJsonObject(metadata) || typeof metadata['resourceVersion'] !== 'string') {
    throw new AnswerError(`the answer to a list of ${resource.plural} is no list`);
  }
  const next = metadata['continue'];
  return {
    revision: metadata['resourceVersion'],
    ...(typeof next === 'string' && next !== '' && { next }),
  };
}

/** Reads an object in a list; undefined where it is of no use. Throws {@link AnswerError} where it is none. */
export function readObject(resource: ApiResource, group: CalicoGroup, json: Buffer): RawItem | undefined {
  const object = parse(resource.picker?.pick(json) ?? json.toString());
  return isWanted(resource, object) ? itemOf(resource, group, object) : undefined;
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

/** What can't be read is not quoted: it may be a Secret. */
function parse(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new AnswerError('the answer holds something that is not JSON');
}

function isWanted({ wanted }: ApiResource, object: JsonObject): boolean {
  return wanted === undefined || wanted(object);
}

function itemOf(resource: ApiResource, group: CalicoGroup, object: JsonObject): RawItem {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const { name, namespace, labels, annotations, deletionTimestamp, resourceVersion } = metadata;
  const key = [namespace, name].filter((part) => typeof part === 'string').join('/');
  const value: Record<string, unknown> = {
    // The objects in a list of a built-in kind don't say what they are.
    apiVersion: apiVersionOf(resource, group),
    kind: resource.kind,
    metadata: { name, namespace, labels, annotations: relevantAnnotations(annotations), deletionTimestamp },
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
 * Annotations of Calico and of Starling, and of network plug-ins that name the addresses of Pods. Others, which controllers may write every second, are nothing that the node acts on.
 */
function relevantAnnotations(annotations: unknown): unknown {
  if (!isJsonObject(annotations)) return annotations;
  return Object.fromEntries(
    Object.entries(annotations).filter(([key]) =>
      /(?:^|\.)(?:projectcalico\.org|starling\.dev|vpc\.amazonaws\.com)\//.test(key),
    ),
  );
}
