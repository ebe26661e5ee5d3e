/** The resources of the cluster at one moment, and how one moment follows from another. */
import type { AnyResource, Kind, ResourceOf } from './kinds.ts';

/** A difference between two moments. */
export type Change =
  | { readonly type: 'upsert'; readonly resource: AnyResource }
  | { readonly type: 'delete'; readonly kind: Kind; readonly namespace?: string; readonly name: string };

/** Resources of one kind by namespace and name. */
type Table = ReadonlyMap<string, AnyResource>;

/**
 * An unchangeable snapshot. A resource that a change doesn't touch is the same object in the views before and after it,
 * and so is the list of a kind that has no change; what is derived from them can be kept as long as they are.
 */
export class ClusterView {
  readonly tables: ReadonlyMap<Kind, Table>;
  readonly #lists = new Map<Kind, readonly AnyResource[]>();

  constructor(tables: ReadonlyMap<Kind, Table>, previous?: ClusterView) {
    this.tables = tables;
    if (previous === undefined) return;
    for (const [kind, list] of previous.#lists) {
      if (tables.get(kind) === previous.tables.get(kind)) this.#lists.set(kind, list);
    }
  }

  /** The resource of this name, or undefined. */
  get<K extends Kind>(kind: K, name: string, namespace?: string): ResourceOf<K> | undefined {
    const resource = this.tables.get(kind)?.get(tableKey(name, namespace));
    return resource !== undefined && isOfKind(kind, resource) ? resource : undefined;
  }

  /** All resources of a kind, sorted by name, then namespace. */
  list<K extends Kind>(kind: K): readonly ResourceOf<K>[] {
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
  const touched = new Map<Kind, Map<string, AnyResource>>();
  for (const change of changes) {
    const { kind, namespace, name } = identityOf(change);
    let table = touched.get(kind);
    if (table === undefined) touched.set(kind, (table = new Map(view.tables.get(kind))));
    if (change.type === 'upsert') table.set(tableKey(name, namespace), change.resource);
    else table.delete(tableKey(name, namespace));
  }
  return new ClusterView(new Map([...view.tables, ...touched]), view);
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
