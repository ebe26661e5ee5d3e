/**
 * Routes to neighbours that are out of reach without them (`reachableBy`). They stand above whatever the RIB has for the same
 * prefix: a session must not depend on what is told over it.
 */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { StaticRoute } from '../peering/peering.ts';
import { PrefixTable } from '../rib/prefix-table.ts';
import type { FibTarget } from './kernel-forwarding.ts';

/** Numbers of groups in the FIB from here on are none of the RIB's. */
const FIRST_GROUP = 0x4000_0000;

interface Static {
  readonly prefix: Prefix;
  readonly route: StaticRoute;
  readonly group: number;
}

export class StaticRoutes {
  private readonly fib: FibTarget;
  private readonly tables: readonly [PrefixTable, PrefixTable] = [
    new PrefixTable(IPV4_UNICAST),
    new PrefixTable(IPV6_UNICAST),
  ];
  /** Groups by family and number of the prefix. */
  private readonly groups: readonly [Map<number, number>, Map<number, number>] = [new Map(), new Map()];
  /** By prefix as text. */
  private known = new Map<string, Static>();
  private nextGroup = FIRST_GROUP;

  constructor(fib: FibTarget) {
    this.fib = fib;
  }

  /** The group of the static route of a prefix, 0 where there is none. Allocates nothing. */
  group(family: Family, a0: number, a1: number, a2: number, a3: number, length: number): number {
    const table = this.tables[family];
    if (table.count === 0) return 0;
    const id = table.find(a0, a1, a2, a3, length);
    return id === 0 ? 0 : this.groups[family].get(id)!;
  }

  /** Why there is a static route of this prefix; undefined where there is none. */
  explain(prefix: Prefix): string | undefined {
    return this.known.get(formatPrefix(prefix))?.route.reason;
  }

  /** Takes these routes and no others; `changed` is called for each prefix whose route is to be set again. */
  replace(routes: readonly StaticRoute[], changed: (prefix: Prefix) => void): void {
    const before = this.known;
    const now = new Map<string, Static>();
    for (const route of routes) {
      const prefix = parsePrefix(route.prefix);
      const key = formatPrefix(prefix);
      const old = before.get(key);
      now.set(key, { prefix, route, group: old?.route.gateway === route.gateway ? old.group : this.define(route) });
    }
    this.known = now;
    for (const [key, old] of before) {
      const next = now.get(key);
      if (next?.group === old.group) continue;
      if (next === undefined) this.forget(old.prefix);
      else this.remember(next);
      changed(old.prefix);
      this.fib.releaseGroup(old.group);
    }
    for (const [key, next] of now) {
      if (before.has(key)) continue;
      this.remember(next);
      changed(next.prefix);
    }
  }

  private define({ gateway }: StaticRoute): number {
    const group = this.nextGroup++;
    this.fib.defineGroup(group, [{ address: gateway, weight: 1 }]);
    return group;
  }

  private remember({ prefix: { family, words, length }, group }: Static): void {
    const table = this.tables[family];
    let id = table.find(...words, length);
    if (id === 0) {
      id = table.intern(...words, length);
      table.hold(id);
    }
    this.groups[family].set(id, group);
  }

  private forget({ family, words, length }: Prefix): void {
    const table = this.tables[family];
    const id = table.find(...words, length);
    this.groups[family].delete(id);
    table.drop(id);
  }
}
