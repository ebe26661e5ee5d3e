/**
 * What changed in the view of the kernel since somebody looked, in the terms in which next hops depend on it.
 */
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { PrefixTable } from '../rib/prefix-table.ts';

/** From so many changed prefixes on, all routes of the family count as changed. */
const MAX_PREFIXES = 10_000;

/** Something that a next hop depends on other than routes: a link, a name of a link, a neighbour, an address of this node. */
export type Dependency = `link ${number}` | `name ${string}` | `neighbour ${string}` | `own ${string}`;

/** A set of changes. */
export class ViewChanges {
  readonly dependencies = new Set<Dependency>();
  private readonly prefixes: (PrefixTable | undefined)[] = [undefined, undefined];
  private readonly all = [false, false];

  get empty(): boolean {
    return this.dependencies.size === 0 && !this.all.includes(true) && this.prefixes.every((p) => p === undefined);
  }

  /** Notes that routes to a prefix came, went or changed. */
  touch(family: Family, a0: number, a1: number, a2: number, a3: number, length: number): void {
    if (this.all[family]) return;
    const table = (this.prefixes[family] ??= new PrefixTable(family));
    const id = table.intern(a0, a1, a2, a3, length);
    if (table.holders[id] === 0) table.hold(id);
    if (table.count < MAX_PREFIXES) return;
    this.all[family] = true;
    this.prefixes[family] = undefined;
  }

  /** Whether a route changed that covers this address, given as a host prefix. */
  covers(host: Prefix): boolean {
    return this.all[host.family] || (this.prefixes[host.family]?.matches(host).length ?? 0) > 0;
  }
}
