/** Values worked out from the resources, kept as long as nothing changes that they came from. Pure. */
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Kind } from '../resources/kinds.ts';

/**
 * A value that is worked out anew only where a kind of resources that was read for it has changed, or one of the other things
 * it depends on. Which kinds are read is found out by watching.
 */
export class Derived<T> {
  private last:
    | {
        readonly value: T;
        readonly view: ClusterView;
        readonly kinds: ReadonlySet<Kind>;
        readonly others: readonly unknown[];
      }
    | undefined;

  /** The value for this view; `others` is all that `derive` uses beside it, compared by identity. */
  of(view: ClusterView, others: readonly unknown[], derive: (view: ClusterView) => T): T {
    const { last } = this;
    if (last !== undefined && isSame(last.others, others) && isSameView(last.view, view, last.kinds)) return last.value;
    const kinds = new Set<Kind>();
    const value = derive(view.noting(kinds));
    this.last = { value, view, kinds, others };
    return value;
  }
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, i) => item === other[i]);
}

function isSameView(one: ClusterView, other: ClusterView, kinds: ReadonlySet<Kind>): boolean {
  if (one === other) return true;
  for (const kind of kinds) if (one.tables.get(kind) !== other.tables.get(kind)) return false;
  return true;
}
