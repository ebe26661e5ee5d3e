/** What a set of files comes to, and how it differs from what it was. */
import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import type { SourcedProblem } from './datastore.ts';
import type { Entry, ManifestFile } from './manifest-file.ts';

export interface Contents {
  /** By kind, namespace and name. */
  readonly resources: ReadonlyMap<string, AnyResource>;
  readonly problems: readonly SourcedProblem[];
}

interface Identifying {
  readonly name: string;
  readonly namespace?: string;
}

/** Of resources with the same kind and name, the first counts and the others are reported. */
export function contentsOf(files: readonly ManifestFile[]): Contents {
  const entries = new Map<string, Entry>();
  const problems: SourcedProblem[] = [];
  for (const file of files) {
    problems.push(...file.problems);
    for (const entry of file.entries) {
      const key = keyOf(entry.resource);
      const first = entries.get(key);
      if (first === undefined) entries.set(key, entry);
      else problems.push(duplicate(entry, first));
    }
  }
  const resources = new Map([...entries].map(([key, { resource }]) => [key, resource] as const));
  return { resources, problems };
}

/** The changes that lead from one set of resources to the other. */
export function changesBetween(before: Contents['resources'], after: Contents['resources']): Change[] {
  const changes: Change[] = [];
  for (const [key, { kind, metadata }] of before) {
    const { name, namespace } = metadata;
    if (!after.has(key)) changes.push({ type: 'delete', kind, name, ...(namespace !== undefined && { namespace }) });
  }
  for (const [key, resource] of after) {
    if (!isDeepStrictEqual(before.get(key), resource)) changes.push({ type: 'upsert', resource });
  }
  return changes;
}

/** Names a resource among all. */
export function keyOf({ kind, metadata }: Pick<AnyResource, 'kind'> & { metadata: Identifying }): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

function duplicate({ resource: { kind, metadata }, source }: Entry, first: Entry): SourcedProblem {
  const message = `${kind} "${metadata.name}": is defined already in ${first.source}; this one is ignored`;
  return { source, kind, name: metadata.name, path: [], message, severity: 'error' };
}
