/**
 * What policies make of attribute sets: each change is worked out once for a set, and remembered for as long as the set is in
 * use and some policy makes that change.
 */
import { decodeAttributes, encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Family } from '../net/family.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { growColumn, grownCapacity } from './columns.ts';
import type { AttributeRewrite, RoutePolicy } from './policy.ts';

/** Longest attribute block that there can be (RFC 8654). */
const MAX_BLOCK = 0xffff;

/** What one change makes of each set. */
interface Table {
  /** Resulting set by set id, 0 where not worked out, or {@link TOO_LONG}. */
  results: Uint32Array;
  /** Number of policies in use that make the change. */
  uses: number;
}

const TOO_LONG = 0xffffffff;

export class Rewrites {
  private readonly sets: AttributeSets;
  /** By key of the change. */
  private readonly tables = new Map<string, Table>();

  constructor(sets: AttributeSets) {
    this.sets = sets;
    sets.onUnused((set) => {
      for (const table of this.tables.values()) this.clear(table, set);
    });
  }

  /**
   * The set that `rewrite` makes of `set`, whose routes are of `family`; 0 if the result would be too long to be told.
   * It stays for as long as `set` is in use: the caller retains it if it keeps it.
   */
  apply(rewrite: AttributeRewrite, set: number, family: Family): number {
    const { sets } = this;
    const table = this.table(rewrite.key);
    if (set >= table.results.length) table.results = growColumn(table.results, grownCapacity(set, sets.capacity));
    const known = table.results[set];
    if (known !== 0) return known === TOO_LONG ? 0 : known;
    const start = sets.offset[set];
    const attributes = decodeAttributes(sets.arena, start, start + sets.length[set]);
    const block = encodeAttributes(rewrite.rewrite(attributes), family);
    if (block.length > MAX_BLOCK) {
      table.results[set] = TOO_LONG;
      return 0;
    }
    const result = sets.acquire(block, 0, block.length);
    table.results[set] = result;
    if (result === set) sets.release(result);
    else sets.handToCache(result);
    return result;
  }

  /** A policy is going to be asked. */
  use(policy: RoutePolicy): void {
    for (const { key } of policy.rewrites ?? []) this.table(key).uses++;
  }

  /** A policy is asked no more: what nobody else changes in the same way is forgotten. */
  unuse(policy: RoutePolicy): void {
    for (const { key } of policy.rewrites ?? []) {
      const table = this.tables.get(key);
      if (table === undefined || --table.uses > 0) continue;
      this.tables.delete(key);
      for (let set = 1; set < table.results.length; set++) this.clear(table, set);
    }
  }

  private table(key: string): Table {
    let table = this.tables.get(key);
    if (table === undefined) {
      table = { results: new Uint32Array(0), uses: 0 };
      this.tables.set(key, table);
    }
    return table;
  }

  /** Removes one entry. What stays as it is holds no reference to itself. */
  private clear(table: Table, set: number): void {
    const result = table.results[set] ?? 0;
    if (result === 0) return;
    table.results[set] = 0;
    if (result !== TOO_LONG && result !== set) this.sets.releaseCached(result);
  }
}
