/** Finds the endpoint for a method and a path. */
import type { Endpoint } from './endpoint.ts';

/** What was found: an endpoint, or the methods that the path has, or nothing. */
export type RouteMatch<V> =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint<V>; readonly parameters: Readonly<Record<string, string>> }
  | { readonly kind: 'other-methods'; readonly methods: readonly string[] }
  | { readonly kind: 'none' };

/** Compiled route table. Earlier rows win, so a fixed path stands before a pattern that matches it. */
export class Router<V> {
  readonly #rows: readonly { endpoint: Endpoint<V>; segments: readonly string[] }[];

  constructor(endpoints: readonly Endpoint<V>[]) {
    this.#rows = endpoints.map((endpoint) => ({ endpoint, segments: endpoint.path.split('/') }));
  }

  /** `path` is as it came, percent-encoded. */
  find(method: string, path: string): RouteMatch<V> {
    const segments = path.split('/');
    const methods: string[] = [];
    for (const row of this.#rows) {
      const parameters = matchSegments(row.segments, segments);
      if (parameters === undefined) continue;
      if (row.endpoint.method === method) return { kind: 'endpoint', endpoint: row.endpoint, parameters };
      methods.push(row.endpoint.method);
    }
    return methods.length > 0 ? { kind: 'other-methods', methods } : { kind: 'none' };
  }
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    if (expected.startsWith('{')) {
      const value = decodeSegment(segments[index]);
      if (value === undefined || value === '') return undefined;
      parameters[expected.slice(1, -1)] = value;
    } else if (expected !== segments[index]) {
      return undefined;
    }
  }
  return parameters;
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A zone as in fe80::1%eth0 that was not percent-encoded.
    return segment.includes('%25') ? undefined : segment;
  }
}
