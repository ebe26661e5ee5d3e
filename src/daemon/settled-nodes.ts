/** Nodes without what changes all the time and means nothing to routing. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { ClusterView } from '../resources/cluster-view.ts';
import type { ResourceOf } from '../resources/kinds.ts';

type Node = ResourceOf<'Node'>;

/** Gives views in which the Nodes are the same as long as nothing but labels, annotations and the like of them changes. */
export class SettledNodes {
  private seen: readonly Node[] | undefined;
  /** Nodes as they were seen last, by name, with what stands for them. */
  private readonly byName = new Map<string, { readonly seen: Node; readonly settled: Node }>();
  private table: ReadonlyMap<string, Node> = new Map();

  of(view: ClusterView): ClusterView {
    const nodes = view.list('Node');
    if (nodes !== this.seen && this.follow(nodes)) {
      this.table = new Map(nodes.map(({ metadata: { name } }) => [name, this.byName.get(name)!.settled]));
    }
    this.seen = nodes;
    return new ClusterView(new Map(view.tables).set('Node', this.table), view);
  }

  /** Whether a node came, went, or changed in what counts. */
  private follow(nodes: readonly Node[]): boolean {
    let isChanged = false;
    for (const seen of nodes) {
      const { name } = seen.metadata;
      const before = this.byName.get(name);
      if (before?.seen === seen) continue;
      const isSame = before !== undefined && sameForRouting(before.settled, seen);
      this.byName.set(name, { seen, settled: isSame ? before.settled : seen });
      isChanged ||= !isSame;
    }
    if (this.byName.size === nodes.length) return isChanged;
    const present = new Set(nodes.map(({ metadata }) => metadata.name));
    for (const name of this.byName.keys()) if (!present.has(name)) this.byName.delete(name);
    return true;
  }
}

function sameForRouting(one: Node, other: Node): boolean {
  return isDeepStrictEqual(one.spec, other.spec) && isDeepStrictEqual(one.status, other.status);
}
