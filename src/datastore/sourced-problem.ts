/** Puts a problem of a manifest in words that say which resource it is about, with its place. */
import { isJsonObject } from '../resources/resource.ts';
import type { Problem } from '../resources/resource.ts';
import type { SourcedProblem } from './datastore.ts';
import { formatPath } from './yaml-places.ts';

/** What a manifest says that it is, right or wrong. */
export interface Identity {
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

export function identityOf(manifest: unknown): Identity {
  const { kind, metadata } = isJsonObject(manifest) ? manifest : {};
  const { name, namespace } = isJsonObject(metadata) ? metadata : {};
  return { kind: textOf(kind), name: textOf(name), namespace: textOf(namespace) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `source` is the place of what causes the problem. */
export function sourcedProblem(
  source: string,
  { kind, namespace, name }: Identity,
  { path, message, severity }: Problem,
): SourcedProblem {
  const subject = [kind, name === undefined ? undefined : `"${name}"`].filter((word) => word !== undefined).join(' ');
  const words = [subject, formatPath(path), message].filter((word) => word !== '').join(': ');
  return {
    source,
    ...(kind !== undefined && { kind }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    path,
    message: words,
    severity,
  };
}
