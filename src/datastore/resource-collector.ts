/** What several sources of raw objects hold, made into what a listener of a datastore hears: one snapshot, then changes. */
import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';
import type { DatastoreListener, SourcedProblem } from './datastore.ts';
import { PassingSource } from './passing-source.ts';
import { hasFailed, parseItem, problemsOf } from './raw-item.ts';
import type { RawItem } from './raw-item.ts';

/** How many resources are told together before the snapshot. */
const EARLY = 64;

/** What an object came to. */
interface Item {
  readonly source: string;
  readonly key: string;
  readonly version: RawItem['version'];
  /** The last good state. */
  readonly resource: AnyResource | undefined;
  readonly problems: readonly SourcedProblem[];
}

/**
 * Collects; nothing is told but by {@link flush}. A bad object is a problem with its place, and is skipped; where an earlier
 * version of it was good, that one stays in force.
 */
export class ResourceCollector {
  readonly #listener: DatastoreListener;
  /** By source, then key. */
  readonly #sources: ReadonlyMap<string, Map<string, Item>>;
  /** Those of which nothing is held. */
  readonly #passing: ReadonlyMap<string, PassingSource>;
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

  /**
   * The snapshot is told once each of the sources was replaced or retained once. What sources in `passing` have, by their kind, is
   * told whenever its version is another, and not held: no other source may have the same objects.
   */
  constructor(listener: DatastoreListener, sources: readonly string[], passing: ReadonlyMap<string, Kind> = new Map()) {
    this.#listener = listener;
    this.#sources = new Map(sources.map((source) => [source, new Map<string, Item>()]));
    this.#passing = new Map(Array.from(passing, ([source, kind]) => [source, new PassingSource(kind)]));
    this.#awaited = new Set([...sources, ...passing.keys()]);
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
    const held = this.#passing.get(source) ?? this.#sourceOf(source);
    for (const key of held.keys()) if (!keys.has(key)) this.delete(source, key);
    this.#awaited.delete(source);
  }

  /** One object came or changed. */
  put(source: string, raw: RawItem): void {
    const passing = this.#passing.get(source);
    if (passing !== undefined) {
      if (passing.put(raw)) this.#problems = undefined;
      if (passing.pending >= EARLY) this.#tellEarly(passing);
      return;
    }
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
    const passing = this.#passing.get(source);
    if (passing !== undefined) {
      if (passing.delete(key)) this.#problems = undefined;
      return;
    }
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
      for (const source of this.#passing.values()) this.#tellEarly(source);
      this.#snapshotTold = true;
      this.#listener.snapshot([...this.#told.values(), ...this.#passed((source) => source.takeAll())], problems);
      return;
    }
    changes.push(...this.#passed((source) => source.take()));
    if (changes.length > 0 || troubled) this.#listener.changes(changes, problems);
  }

  /** Tells what the snapshot will be without, where the listener takes it. */
  #tellEarly(source: PassingSource): void {
    if (this.#snapshotTold || this.#listener.early === undefined || source.pending === 0) return;
    this.#listener.early(source.take());
  }

  #passed<T>(take: (source: PassingSource) => readonly T[]): T[] {
    return Array.from(this.#passing.values(), take).flat();
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
    problems.push(...this.#passed((source) => source.problems));
    return problems.sort((a, b) => (a.source < b.source ? -1 : Number(a.source > b.source)));
  }
}

/** What an object comes to, given what it was before. */
function read(source: string, raw: RawItem, before: Item | undefined): Item {
  const { key, version } = raw;
  const known = before?.resource;
  const parsed = parseItem(raw);
  const kept = hasFailed(parsed) ? known : undefined;
  const resource = parsed.ok ? parsed.resource : kept;
  return {
    source,
    key,
    version,
    resource: isDeepStrictEqual(resource, known) ? known : resource,
    problems: problemsOf(raw, parsed.problems, kept && { kind: kept.kind, name: kept.metadata.name }),
  };
}

function identify({ kind, metadata }: AnyResource): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

function deletion({ kind, metadata: { name, namespace } }: AnyResource): Change {
  return { type: 'delete', kind, name, ...(namespace !== undefined && { namespace }) };
}
