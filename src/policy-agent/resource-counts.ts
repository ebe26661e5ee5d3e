/** How many resources there are, by kind, and how they change, for metrics. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';

export class ResourceCounts {
  /** Resources that came, changed or went. */
  changes = 0;
  /** When one did last, in milliseconds since 1970. */
  lastChange: number | undefined;
  /** Names by namespace, which is empty where there is none: texts of both would take as much memory again. */
  private readonly known = new Map<Kind, Map<string, Set<string>>>();

  /** What was not told of before. `now` in milliseconds since 1970. */
  snapshot(resources: readonly AnyResource[], now: number): void {
    for (const { kind, metadata } of resources) this.namesIn(kind, metadata.namespace).add(metadata.name);
    this.changed(resources.length, now);
  }

  take(changes: readonly Change[], now: number): void {
    for (const change of changes) {
      if (change.type === 'delete') this.namesIn(change.kind, change.namespace).delete(change.name);
      else this.namesIn(change.resource.kind, change.resource.metadata.namespace).add(change.resource.metadata.name);
    }
    if (changes.length > 0) this.changed(changes.length, now);
  }

  get byKind(): Readonly<Record<string, number>> {
    const sizes = Array.from(this.known, ([kind, byNamespace]) => {
      let size = 0;
      for (const names of byNamespace.values()) size += names.size;
      return [kind, size] as const;
    });
    return Object.fromEntries(sizes);
  }

  private changed(count: number, now: number): void {
    this.changes += count;
    this.lastChange = now;
  }

  private namesIn(kind: Kind, namespace = ''): Set<string> {
    let byNamespace = this.known.get(kind);
    if (byNamespace === undefined) this.known.set(kind, (byNamespace = new Map()));
    let names = byNamespace.get(namespace);
    if (names === undefined) byNamespace.set(namespace, (names = new Set()));
    return names;
  }
}
