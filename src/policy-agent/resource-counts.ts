/** How many resources there are, by kind, and how they change, for metrics. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';

export class ResourceCounts {
  /** Resources that came, changed or went. */
  changes = 0;
  /** When one did last, in milliseconds since 1970. */
  lastChange: number | undefined;
  /** Namespaces and names. */
  private readonly known = new Map<Kind, Set<string>>();

  /** `now` in milliseconds since 1970. */
  snapshot(resources: readonly AnyResource[], now: number): void {
    this.known.clear();
    for (const { kind, metadata } of resources) this.ofKind(kind).add(nameOf(metadata));
    this.changed(resources.length, now);
  }

  take(changes: readonly Change[], now: number): void {
    for (const change of changes) {
      if (change.type === 'delete') this.ofKind(change.kind).delete(nameOf(change));
      else this.ofKind(change.resource.kind).add(nameOf(change.resource.metadata));
    }
    if (changes.length > 0) this.changed(changes.length, now);
  }

  get byKind(): Readonly<Record<string, number>> {
    return Object.fromEntries(Array.from(this.known, ([kind, { size }]) => [kind, size]));
  }

  private changed(count: number, now: number): void {
    this.changes += count;
    this.lastChange = now;
  }

  private ofKind(kind: Kind): Set<string> {
    let names = this.known.get(kind);
    if (names === undefined) this.known.set(kind, (names = new Set()));
    return names;
  }
}

function nameOf({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
