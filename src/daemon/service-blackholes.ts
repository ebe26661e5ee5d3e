/**
 * Single addresses that this node advertises for services, which are blackholes in the kernel where services are as in Calico:
 * BIRD's static routes are, and its kernel filter leaves out only what the ranges of services cover.
 */
import { IPV4_UNICAST, IPV6_UNICAST, addressBits } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { PrefixTable } from '../rib/prefix-table.ts';

export class ServiceBlackholes {
  /** By family. */
  private readonly tables: readonly [PrefixTable, PrefixTable] = [
    new PrefixTable(IPV4_UNICAST),
    new PrefixTable(IPV6_UNICAST),
  ];
  private isOn = false;

  /** Switches them on or off. Returns whether that is a change. */
  switch(on: boolean): boolean {
    const changes = on !== this.isOn;
    this.isOn = on;
    return changes;
  }

  /** Whether an address is one of them. Allocates nothing. */
  has(family: Family, a0: number, a1: number, a2: number, a3: number, length: number): boolean {
    const table = this.tables[family];
    return this.isOn && table.count > 0 && table.find(a0, a1, a2, a3, length) !== 0;
  }

  /** Takes what is advertised now, and what is not any more; `changed` is called for what is to be set again. */
  change(
    set: readonly { readonly prefix: Prefix }[],
    removed: readonly Prefix[],
    changed: (prefix: Prefix) => void,
  ): void {
    for (const prefix of removed) {
      const { family, words, length } = prefix;
      const table = this.tables[family];
      const id = table.find(...words, length);
      if (id === 0) continue;
      table.drop(id);
      if (this.isOn) changed(prefix);
    }
    for (const { prefix } of set) {
      const { family, words, length } = prefix;
      const table = this.tables[family];
      if (length !== addressBits(family) || table.find(...words, length) !== 0) continue;
      table.hold(table.intern(...words, length));
      if (this.isOn) changed(prefix);
    }
  }

  /** Calls `each` for every address, whether switched on or not. */
  forEach(each: (prefix: Prefix) => void): void {
    for (const table of this.tables) {
      for (let id = 1; id < table.end; id++) if (table.holders[id] > 0) each(table.prefix(id));
    }
  }
}
