/** A source with so many objects that they are handed on, and not held. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';
import type { SourcedProblem } from './datastore.ts';
import { hasFailed, parseItem, problemsOf } from './raw-item.ts';
import type { RawItem } from './raw-item.ts';

/** What is to be known of an object that is not simply good. */
interface Trouble {
  readonly problems: readonly SourcedProblem[];
  /** Whether there is a resource of it in spite of that. */
  readonly isKnown: boolean;
}

/**
 * Remembers of each object only which version of it was told, so who listens may hear again what he knows. Keys end with the
 * namespace and the name of the object, which are those of the resource: `x/a`, `.../workloadendpoints/x/a`.
 */
export class PassingSource {
  readonly #kind: Kind;
  readonly #versions = new Map<string, RawItem['version']>();
  readonly #troubled = new Map<string, Trouble>();
  /** What is different since the last time, by key. */
  #pending = new Map<string, AnyResource | undefined>();

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  /** How many objects are different since the last time. */
  get pending(): number {
    return this.#pending.size;
  }

  keys(): Iterable<string> {
    return this.#versions.keys();
  }

  get problems(): readonly SourcedProblem[] {
    return Array.from(this.#troubled.values(), ({ problems }) => problems).flat();
  }

  /** Whether problems have come or gone by it. */
  put(raw: RawItem): boolean {
    const { key, version } = raw;
    if (version !== undefined && this.#versions.get(key) === version) return false;
    const parsed = parseItem(raw);
    const before = this.#troubled.get(key);
    const wasKnown = this.#versions.has(key) && before?.isKnown !== false;
    this.#versions.set(key, version);
    const failed = hasFailed(parsed);
    if (parsed.ok) this.#pending.set(key, parsed.resource);
    else if (!failed && wasKnown) this.#pending.set(key, undefined);
    const isKnown = parsed.ok || (failed && wasKnown);
    if (isKnown && parsed.problems.length === 0) return this.#troubled.delete(key);
    const kept = failed && wasKnown ? { kind: this.#kind, name: identityOfKey(key).name } : undefined;
    const problems = problemsOf(raw, parsed.problems, kept);
    this.#troubled.set(key, { problems, isKnown });
    return problems.length > 0 || before !== undefined;
  }

  /** As {@link put}. */
  delete(key: string): boolean {
    if (!this.#versions.has(key)) return false;
    const trouble = this.#troubled.get(key);
    this.#versions.delete(key);
    this.#troubled.delete(key);
    if (trouble?.isKnown !== false) this.#pending.set(key, undefined);
    return trouble !== undefined;
  }

  /** What is different since the last time. */
  take(): Change[] {
    const changes: Change[] = [];
    for (const [key, resource] of this.#pending) {
      if (resource !== undefined) changes.push({ type: 'upsert', resource });
      else changes.push({ type: 'delete', kind: this.#kind, ...identityOfKey(key) });
    }
    this.#pending = new Map();
    return changes;
  }

  /** All that there is, the first time. */
  takeAll(): AnyResource[] {
    const resources: AnyResource[] = [];
    for (const resource of this.#pending.values()) if (resource !== undefined) resources.push(resource);
    this.#pending = new Map();
    return resources;
  }
}

function identityOfKey(key: string): { readonly namespace: string; readonly name: string } {
  const end = key.lastIndexOf('/');
  return { namespace: key.slice(key.lastIndexOf('/', end - 1) + 1, end), name: key.slice(end + 1) };
}
