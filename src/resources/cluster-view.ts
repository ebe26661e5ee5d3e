/** The resources of the cluster at one moment, and how one moment follows from another. */
import type { AnyResource, Kind, ResourceOf } from './kinds.ts';

/** A difference between two moments. */
export type Change =
  | { readonly type: 'upsert'; readonly resource: AnyResource }
  | { readonly type: 'delete'; readonly kind: Kind; readonly namespace?: string; readonly name: string };

/** Resources of one kind by namespace and name. */
type Table = ReadonlyMap<string, AnyResource>;

const NO_RESOURCES: Table = new Map();

/** Of a list in which no more than one in so many changes, the rest is taken as it is. */
const FEW = 8;

/**
 * An unchangeable snapshot. A resource that a change doesn't touch is the same object in the views before and after it,
 * and so is the list of a kind that has no change; what is derived from them can be kept as long as they are.
 */
export class ClusterView {
  readonly tables: ReadonlyMap<Kind, Table>;
  #lists = new Map<Kind, readonly AnyResource[]>();
  #noted: Set<Kind> | undefined;

  /** `touched` are the keys of what is different from `previous`, by kind. */
  constructor(tables: ReadonlyMap<Kind, Table>, previous?: ClusterView, touched?: ReadonlyMap<Kind, Set<string>>) {
    this.tables = tables;
    if (previous === undefined) return;
    for (const [kind, list] of previous.#lists) {
      const before = previous.tables.get(kind) ?? NO_RESOURCES;
      const after = tables.get(kind) ?? NO_RESOURCES;
      const keys = touched?.get(kind);
      if (before === after) this.#lists.set(kind, list);
      // Else it is sorted anew when somebody asks for it.
      else if (keys !== undefined && keys.size * FEW < list.length) {
        this.#lists.set(kind, patchedList(list, keys, before, after));
      }
    }
  }

  /** The same view, which notes the kinds that are asked for. */
  noting(kinds: Set<Kind>): ClusterView {
    const view = new ClusterView(this.tables);
    view.#lists = this.#lists;
    view.#noted = kinds;
    return view;
  }

  /** The resource of this name, or undefined. */
  get<K extends Kind>(kind: K, name: string, namespace?: string): ResourceOf<K> | undefined {
    this.#noted?.add(kind);
    const resource = this.tables.get(kind)?.get(tableKey(name, namespace));
    return resource !== undefined && isOfKind(kind, resource) ? resource : undefined;
  }

  /** All resources of a kind, sorted by name, then namespace. */
  list<K extends Kind>(kind: K): readonly ResourceOf<K>[] {
    this.#noted?.add(kind);
    let list = this.#lists.get(kind);
    if (list === undefined) {
      list = [...(this.tables.get(kind)?.values() ?? [])].sort(compareResources);
      this.#lists.set(kind, list);
    }
    return areOfKind(kind, list) ? list : [];
  }
}

function isOfKind<K extends Kind>(kind: K, resource: AnyResource): resource is ResourceOf<K> {
  return resource.kind === kind;
}

/** Asks the first only: the table of a kind holds nothing else. */
function areOfKind<K extends Kind>(kind: K, list: readonly AnyResource[]): list is readonly ResourceOf<K>[] {
  return list.length > 0 && isOfKind(kind, list[0]);
}

/** A view without resources. */
export const EMPTY_VIEW = new ClusterView(new Map());

/** The view of these resources; of several with the same kind and name the last one counts. */
export function clusterView(resources: Iterable<AnyResource>): ClusterView {
  return applyChanges(
    EMPTY_VIEW,
    Array.from(resources, (resource) => ({ type: 'upsert', resource }) as const),
  );
}

/** The view after `changes`, which apply in order. Costs a copy of the tables of the kinds that change. */
export function applyChanges(view: ClusterView, changes: readonly Change[]): ClusterView {
  if (changes.length === 0) return view;
  const tables = new Map<Kind, Map<string, AnyResource>>();
  const touched = new Map<Kind, Set<string>>();
  for (const change of changes) {
    const { kind, namespace, name } = identityOf(change);
    const key = tableKey(name, namespace);
    let table = tables.get(kind);
    if (table === undefined) tables.set(kind, (table = new Map(view.tables.get(kind))));
    let keys = touched.get(kind);
    if (keys === undefined) touched.set(kind, (keys = new Set()));
    keys.add(key);
    if (change.type === 'upsert') table.set(key, change.resource);
    else table.delete(key);
  }
  return new ClusterView(new Map([...view.tables, ...tables]), view, touched);
}

/** A sorted list with the resources of some keys as they are in `after`, in place of those in `before`. */
function patchedList(list: readonly AnyResource[], keys: Iterable<string>, before: Table, after: Table): AnyResource[] {
  const patched = [...list];
  for (const key of keys) {
    const old = before.get(key);
    const resource = after.get(key);
    const sought = resource ?? old;
    if (sought === undefined) continue;
    const at = positionOf(patched, sought);
    patched.splice(at, old === undefined ? 0 : 1, ...(resource === undefined ? [] : [resource]));
  }
  return patched;
}

/** Where in a sorted list a resource stands, or would stand. */
function positionOf(list: readonly AnyResource[], resource: AnyResource): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareResources(list[middle], resource) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function identityOf(change: Change): { kind: Kind; namespace?: string | undefined; name: string } {
  if (change.type === 'delete') return change;
  const { kind, metadata } = change.resource;
  return { kind, namespace: metadata.namespace, name: metadata.name };
}

function tableKey(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function compareResources({ metadata: a }: AnyResource, { metadata: b }: AnyResource): number {
  return compareText(a.name, b.name) || compareText(a.namespace ?? '', b.namespace ?? '');
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
