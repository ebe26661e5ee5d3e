/**
 * Tells the RIB which of its paths' next hops can be reached, and when that changes.
 */
import type { Resolver } from './group-table.ts';
import type { KernelNextHop } from './netlink/routes.ts';
import { nextHopKey } from './next-hop.ts';
import type { FibNextHop } from './next-hop.ts';
import type { NextHopChange } from './worker-messages.ts';

/** The next hops that the RIB asks about, by its ids. */
export class NextHopWatches {
  private readonly resolver: Resolver;
  private readonly interfaceName: (index: number) => string | undefined;
  private readonly hops = new Map<number, FibNextHop>();
  private readonly ids = new Map<string, Set<number>>();
  private readonly told = new Map<number, string>();
  private changes: NextHopChange[] = [];

  /** `interfaceName` tells the name of an interface by its index. */
  constructor(resolver: Resolver, interfaceName: (index: number) => string | undefined) {
    this.resolver = resolver;
    this.interfaceName = interfaceName;
  }

  /** Watches an address; the first answer is among the next changes. */
  watch(id: number, address: string): void {
    this.unwatch(id);
    const hop = { address, weight: 1 };
    const key = nextHopKey(hop);
    this.hops.set(id, hop);
    const ids = this.ids.get(key);
    if (ids === undefined) this.ids.set(key, new Set([id]));
    else ids.add(id);
    this.resolver.track(hop);
    this.look(id, hop);
  }

  unwatch(id: number): void {
    const hop = this.hops.get(id);
    if (hop === undefined) return;
    const key = nextHopKey(hop);
    this.hops.delete(id);
    this.told.delete(id);
    this.ids.get(key)?.delete(id);
    if (this.ids.get(key)?.size === 0) this.ids.delete(key);
    this.changes = this.changes.filter((change) => change.id !== id);
    this.resolver.untrack(hop);
  }

  /** Looks again at the next hops with these keys. */
  changed(keys: readonly string[]): void {
    for (const key of keys) for (const id of this.ids.get(key) ?? []) this.look(id, this.hops.get(id)!);
  }

  /** What changed since the last call. */
  take(): NextHopChange[] {
    const { changes } = this;
    this.changes = [];
    return changes;
  }

  private interfaceOf(hops: readonly KernelNextHop[]): string {
    const [first = ''] = hops.map((hop) => this.interfaceName(hop.interfaceIndex) ?? '').sort();
    return first;
  }

  private look(id: number, hop: FibNextHop): void {
    const resolution = this.resolver.resolve(hop);
    const reachable = 'hops' in resolution;
    const change = {
      id,
      reachable,
      metric: reachable ? resolution.metric : 0,
      words: reachable ? resolution.words : resolution.why,
      interface: reachable ? this.interfaceOf(resolution.hops) : '',
    };
    const text = `${reachable} ${change.metric} ${change.interface} ${change.words}`;
    if (this.told.get(id) === text) return;
    this.told.set(id, text);
    this.changes.push(change);
  }
}
