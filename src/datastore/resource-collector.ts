/** What several sources of raw objects hold, made into what a listener of a datastore hears: one snapshot, then changes. */
import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import type { Problem } from '../resources/resource.ts';
import type { DatastoreListener, SourcedProblem } from './datastore.ts';
import { identityOf, sourcedProblem } from './sourced-problem.ts';

/** An object as a source gave it. */
export interface RawItem {
  /** Unique in the source. */
  readonly key: string;
  /** Where it stands, for problems: `/calico/resources/v3/projectcalico.org/bgppeers/tor-a` or `BGPPeer/tor-a`. */
  readonly place: string;
  /** What {@link parseResource} reads. */
  readonly value: unknown;
  /** Equal only as long as the object is the same, so that it need not be parsed again. */
  readonly version?: string;
  /** Why there is no value, where what the source holds can't be taken apart at all. */
  readonly unreadable?: string;
}

/** What an object came to. */
interface Item {
  readonly source: string;
  readonly key: string;
  readonly version: string | undefined;
  /** The last good state. */
  readonly resource: AnyResource | undefined;
  readonly problems: readonly SourcedProblem[];
}

const NO_PROBLEMS: readonly SourcedProblem[] = [];
const KEPT = 'what it was before stays in force';

/**
 * Collects; nothing is told but by {@link flush}. A bad object is a problem with its place, and is skipped; where an earlier
 * version of it was good, that one stays in force.
 */
export class ResourceCollector {
  readonly #listener: DatastoreListener;
  /** By source, then key. */
  readonly #sources: ReadonlyMap<string, Map<string, Item>>;
  /** Sources that were not heard of yet, or are in doubt; as long as there are any, nothing is told. */
  readonly #awaited: Set<string>;
  /** The objects that are the same resource, by its identity: more than one while it moves between sources. The last counts. */
  readonly #items = new Map<string, readonly Item[]>();
  /** What the listener knows, by identity. */
  readonly #told = new Map<string, AnyResource>();
  /** Identities of which something is different since then. */
  readonly #touched = new Set<string>();
  readonly #troubled = new Set<Item>();
  /** What the listener was told, until something is different. */
  #problems: readonly SourcedProblem[] | undefined;
  #snapshotTold = false;

  /** The snapshot is told once each of the sources was replaced or retained once. */
  constructor(listener: DatastoreListener, sources: readonly string[]) {
    this.#listener = listener;
    this.#sources = new Map(sources.map((source) => [source, new Map<string, Item>()]));
    this.#awaited = new Set(sources);
  }

  /** All that a source holds now; what it held before and is not among `items` goes. */
  replace(source: string, items: Iterable<RawItem>): void {
    const keys = new Set<string>();
    for (const item of items) {
      this.put(source, item);
      keys.add(item.key);
    }
    this.retain(source, keys);
  }

  /** From now on nothing is told until the source was replaced or retained again: what it holds is in doubt. */
  doubt(source: string): void {
    this.#awaited.add(source);
  }

  /** What {@link replace} does, where the objects with these keys were put bit by bit: the others go. */
  retain(source: string, keys: ReadonlySet<string>): void {
    for (const key of this.#sourceOf(source).keys()) if (!keys.has(key)) this.delete(source, key);
    this.#awaited.delete(source);
  }

  /** One object came or changed. */
  put(source: string, raw: RawItem): void {
    const items = this.#sourceOf(source);
    const before = items.get(raw.key);
    if (before?.version !== undefined && before.version === raw.version) return;
    const item = read(source, raw, before);
    items.set(raw.key, item);
    if (before !== undefined) this.#take(before, item);
    this.#add(item, before);
  }

  /** One object is gone. */
  delete(source: string, key: string): void {
    const items = this.#sourceOf(source);
    const before = items.get(key);
    if (before === undefined) return;
    items.delete(key);
    this.#take(before, undefined);
  }

  /** Tells what is different since the last time, if anything is. */
  flush(): void {
    if (this.#awaited.size > 0) return;
    const changes = this.#changes();
    const troubled = this.#problems === undefined;
    const problems = (this.#problems ??= this.#listProblems());
    if (!this.#snapshotTold) {
      this.#snapshotTold = true;
      this.#listener.snapshot([...this.#told.values()], problems);
    } else if (changes.length > 0 || troubled) this.#listener.changes(changes, problems);
  }

  #sourceOf(source: string): Map<string, Item> {
    const items = this.#sources.get(source);
    if (items === undefined) throw new RangeError(`no source of resources: ${source}`);
    return items;
  }

  /** Takes out an object; `next` is what comes in its place. */
  #take(item: Item, next: Item | undefined): void {
    if (this.#troubled.delete(item) && !isDeepStrictEqual(item.problems, next?.problems)) this.#problems = undefined;
    if (item.resource === undefined) return;
    const identity = identify(item.resource);
    const rest = (this.#items.get(identity) ?? []).filter((other) => other !== item);
    if (rest.length > 0) this.#items.set(identity, rest);
    else this.#items.delete(identity);
    this.#touched.add(identity);
  }

  #add(item: Item, before: Item | undefined): void {
    if (item.problems.length > 0) {
      this.#troubled.add(item);
      if (before === undefined || before.problems.length === 0) this.#problems = undefined;
    }
    if (item.resource === undefined) return;
    const identity = identify(item.resource);
    const others = this.#items.get(identity);
    this.#items.set(identity, others === undefined ? [item] : [...others, item]);
    this.#touched.add(identity);
  }

  /** The difference between what is held and what was told, which it becomes. */
  #changes(): Change[] {
    const changes: Change[] = [];
    for (const identity of this.#touched) {
      const before = this.#told.get(identity);
      const resource = this.#items.get(identity)?.at(-1)?.resource;
      if (resource === undefined) {
        if (before !== undefined) changes.push(deletion(before));
        this.#told.delete(identity);
      } else if (resource !== before && !isDeepStrictEqual(resource, before)) {
        changes.push({ type: 'upsert', resource });
        this.#told.set(identity, resource);
      }
    }
    this.#touched.clear();
    return changes;
  }

  #listProblems(): readonly SourcedProblem[] {
    const problems = Array.from(this.#troubled, (item) => item.problems).flat();
    return problems.sort((a, b) => (a.source < b.source ? -1 : Number(a.source > b.source)));
  }
}

/** What an object comes to, given what it was before. */
function read(source: string, raw: RawItem, before: Item | undefined): Item {
  const { key, version, value, place } = raw;
  const known = before?.resource;
  const parsed =
    raw.unreadable === undefined
      ? parseResource(value)
      : { ok: false as const, problems: [{ path: [], message: raw.unreadable, severity: 'error' } satisfies Problem] };
  const failed = !parsed.ok && parsed.problems.some(({ severity }) => severity === 'error');
  const kept = failed ? known : undefined;
  const resource = parsed.ok ? parsed.resource : kept;
  return {
    source,
    key,
    version,
    resource: isDeepStrictEqual(resource, known) ? known : resource,
    problems: parsed.problems.length === 0 ? NO_PROBLEMS : problemsOf(place, value, parsed.problems, kept),
  };
}

function problemsOf(
  place: string,
  value: unknown,
  problems: readonly Problem[],
  kept: AnyResource | undefined,
): SourcedProblem[] {
  const written = identityOf(value);
  const identity = { ...written, kind: kept?.kind ?? written.kind, name: kept?.metadata.name ?? written.name };
  return problems.map((problem) => {
    const isKept = kept !== undefined && problem.severity === 'error';
    return sourcedProblem(place, identity, isKept ? { ...problem, message: `${problem.message}; ${KEPT}` } : problem);
  });
}

function identify({ kind, metadata }: AnyResource): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

function deletion({ kind, metadata: { name, namespace } }: AnyResource): Change {
  return { type: 'delete', kind, name, ...(namespace !== undefined && { namespace }) };
}
