/**
 * From what the RIB wants forwarded to what the FIB is given: programming rules judge each route, and blackholes of this
 * node's own blocks, and of its services where they are as in Calico, stand where the RIB has no route.
 */
import { BLACKHOLE_GROUP } from '../fib/fib.ts';
import type { Fib } from '../fib/fib.ts';
import type { FibNextHop } from '../fib/next-hop.ts';
import {
  KernelProgramming,
  VERDICT_IPIP,
  VERDICT_IPIP_CROSS_SUBNET,
  VERDICT_REJECT,
  VERDICT_VXLAN,
  VERDICT_VXLAN_CROSS_SUBNET,
} from '../fib/programming.ts';
import type { ProgrammingRule } from '../fib/programming.ts';
import { RangeRoutes } from '../fib/range-routes.ts';
import type { RangeChanges } from '../fib/range-routes.ts';
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { StaticRoute } from '../peering/peering.ts';
import { growColumn, grownCapacity } from '../rib/columns.ts';
import type { ForwardingListener } from '../rib/forwarding.ts';
import type { GroupMember } from '../rib/next-hop-groups.ts';
import type { PathTable } from '../rib/path-table.ts';
import { PrefixTable } from '../rib/prefix-table.ts';
import { ServiceBlackholes } from './service-blackholes.ts';
import { StaticRoutes } from './static-routes.ts';

/** A group of the RIB is up to eight groups of the FIB, one for each verdict: their numbers are `group * 8 + verdict`. */
const VARIANTS = 8;

const SERVICE_BLACKHOLE =
  'a blackhole, because this node advertises the address for services and no range covers it (calicoCompatible: strict)';

/** How a verdict has packets wrapped; undefined for those that don't. */
const TUNNELS: readonly (FibNextHop['tunnel'] | undefined)[] = tunnels();

const VERDICT_WORDS: Readonly<Record<string, string>> = {
  plain: 'programmed as it is',
  reject: 'left to others',
  ipip: 'programmed over IPIP',
  'ipip-cross-subnet': 'programmed, over IPIP to nodes on other networks',
  vxlan: 'programmed over VXLAN',
  'vxlan-cross-subnet': 'programmed, over VXLAN to nodes on other networks',
};

/** Routes judged anew in one turn of the event loop. */
const ROUTES_PER_TURN = 8192;

/** What of {@link Fib} is used. */
export type FibTarget = Pick<Fib, 'defineGroup' | 'releaseGroup' | 'set' | 'flush'>;

/** What of the RIB's tables is looked at. */
type Table = Pick<PathTable, 'prefixes' | 'nextHopGroup'>;

/** By family. */
type Tables = readonly [Table, Table];

export class KernelForwarding implements ForwardingListener {
  private readonly fib: FibTarget;
  private rules = new KernelProgramming([]);
  /** Members of the RIB's groups, by group. */
  private readonly members: (readonly GroupMember[] | undefined)[] = [];
  /** Which variants of a group the FIB knows, a bit for each verdict, by group. */
  private defined = new Uint8Array(64);
  /** Prefixes that get a blackhole where there is no route, by family. */
  private readonly blackholes: readonly [PrefixTable, PrefixTable] = [
    new PrefixTable(IPV4_UNICAST),
    new PrefixTable(IPV6_UNICAST),
  ];
  /** Number of routes that are for the kernel, by family. */
  readonly counts: [number, number] = [0, 0];
  /** Whether a prefix has one of them, by family and number of the prefix. */
  private readonly counted: [Uint8Array, Uint8Array] = [new Uint8Array(1024), new Uint8Array(1024)];
  private blackholeKeys = new Map<string, Prefix>();
  private readonly services = new ServiceBlackholes();
  /** The next prefix to be judged anew; undefined when none waits. */
  private next: { family: Family; id: number } | undefined;
  private readonly statics: StaticRoutes;
  /** What is told of routes within ranges; undefined where nobody asks. */
  private inRanges: { readonly tables: Tables; readonly told: (changes: RangeChanges) => void } | undefined;
  private readonly ranges = new RangeRoutes();
  private stopped = false;

  constructor(fib: FibTarget) {
    this.fib = fib;
    this.statics = new StaticRoutes(fib);
  }

  define(group: number, members: readonly GroupMember[]): void {
    if (group >= this.defined.length) {
      const grown = new Uint8Array(Math.max(group + 1, 2 * this.defined.length));
      grown.set(this.defined);
      this.defined = grown;
    }
    this.members[group] = members;
    this.defined[group] = 0;
  }

  release(group: number): void {
    for (let verdict = 0; verdict < VARIANTS; verdict++) {
      if ((this.defined[group] & (1 << verdict)) !== 0) this.fib.releaseGroup(group * VARIANTS + verdict);
    }
    this.defined[group] = 0;
    this.members[group] = undefined;
  }

  /** Allocates nothing, unless a group meets a verdict for the first time. */
  set(
    family: Family,
    prefix: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    length: number,
    group: number,
  ): void {
    const table = this.blackholes[family];
    let target = 0;
    if (group !== 0) {
      const verdict = this.rules.verdict(family, a0, a1, a2, a3, length);
      if (verdict !== VERDICT_REJECT) target = this.variant(group, verdict);
    }
    this.recount(family, prefix, target === 0 ? 0 : 1);
    if (this.ranges.covers(family, a0, a1, a2, a3, length)) {
      this.ranges.touch({ family, words: [a0, a1, a2, a3], length });
    }
    const fixed = this.statics.group(family, a0, a1, a2, a3, length);
    if (fixed !== 0) target = fixed;
    else if (target === 0 && table.count > 0 && table.find(a0, a1, a2, a3, length) !== 0) target = BLACKHOLE_GROUP;
    else if (target === 0 && this.closesService(family, a0, a1, a2, a3, length)) target = BLACKHOLE_GROUP;
    this.fib.set(family, a0, a1, a2, a3, length, target);
  }

  flush(): void {
    this.fib.flush();
    this.tellRanges();
  }

  /** Has `told` called when prefixes within these ranges get routes that are for the kernel, or lose them. */
  setRanges(ranges: readonly Prefix[], tables: Tables, told: (changes: RangeChanges) => void): void {
    this.inRanges = { tables, told };
    this.ranges.setRanges(ranges);
    for (const family of FAMILIES) {
      const { prefixes } = tables[family];
      const { a0, a1, a2, a3, length } = prefixes;
      for (let id = 1; id < prefixes.end; id++) {
        if (this.counted[family][id] !== 1) continue;
        if (this.ranges.covers(family, a0[id], a1[id], a2[id], a3[id], length[id]))
          this.ranges.touch(prefixes.prefix(id));
      }
    }
    this.tellRanges();
  }

  /**
   * Takes other rules and blackholes, and whether the addresses of services are among these; routes that others may apply to
   * are judged anew, in slices.
   */
  configure(
    rules: readonly ProgrammingRule[],
    blackholes: readonly Prefix[],
    tables: Tables,
    closesServices = false,
  ): void {
    const programming = new KernelProgramming(rules);
    const changed = programming.key !== this.rules.key;
    this.rules = programming;
    this.setBlackholes(blackholes, tables);
    const switched = this.services.switch(closesServices);
    if (switched || (changed && closesServices)) this.services.forEach((prefix) => this.setAgain(prefix, tables));
    if (changed) this.judgeAnew(tables);
    this.fib.flush();
  }

  /** Takes what is advertised for services now, and what is not any more; given to the FIB with the next flush. */
  changeServices(set: readonly { readonly prefix: Prefix }[], removed: readonly Prefix[], tables: Tables): void {
    this.services.change(set, removed, (prefix) => this.setAgain(prefix, tables));
  }

  /** Takes routes to neighbours, and no others: they stand above those of the RIB. */
  setStatics(routes: readonly StaticRoute[], tables: Tables): void {
    this.statics.replace(routes, (prefix) => this.setAgain(prefix, tables));
    this.fib.flush();
  }

  /** Whether a route of this prefix is left to others, and the rule that says so or how it is programmed. */
  explain(prefix: Prefix): { rejected: boolean; why: string } {
    const reason = this.statics.explain(prefix);
    if (reason !== undefined) return { rejected: false, why: reason };
    const { family, words, length } = prefix;
    if (this.closesService(family, ...words, length)) return { rejected: false, why: SERVICE_BLACKHOLE };
    const { verdict, why } = this.rules.explain(prefix);
    return { rejected: verdict === 'reject', why: `${VERDICT_WORDS[verdict]}: ${why}` };
  }

  /** No route is judged anew any more. */
  stop(): void {
    this.stopped = true;
  }

  /** As a route of its own it is for the rules, too. */
  private closesService(family: Family, a0: number, a1: number, a2: number, a3: number, length: number): boolean {
    return (
      this.services.has(family, a0, a1, a2, a3, length) &&
      this.rules.verdict(family, a0, a1, a2, a3, length) !== VERDICT_REJECT
    );
  }

  private tellRanges(): void {
    const { inRanges } = this;
    if (inRanges === undefined) return;
    const changes = this.ranges.take(({ family, words, length }) => {
      const id = inRanges.tables[family].prefixes.find(...words, length);
      return id !== 0 && this.counted[family][id] === 1;
    });
    if (changes !== undefined) inRanges.told(changes);
  }

  private recount(family: Family, prefix: number, now: 0 | 1): void {
    const { counted } = this;
    if (prefix >= counted[family].length) {
      counted[family] = growColumn(counted[family], grownCapacity(counted[family].length, prefix + 1));
    }
    this.counts[family] += now - counted[family][prefix];
    counted[family][prefix] = now;
  }

  private variant(group: number, verdict: number): number {
    const id = group * VARIANTS + verdict;
    const bit = 1 << verdict;
    if ((this.defined[group] & bit) === 0) {
      this.defined[group] |= bit;
      const tunnel = TUNNELS[verdict];
      this.fib.defineGroup(
        id,
        this.members[group]!.map(({ address, interface: link, weight }) => ({
          address,
          weight,
          ...(link !== undefined && { interface: link }),
          ...(tunnel !== undefined && { tunnel }),
        })),
      );
    }
    return id;
  }

  private setBlackholes(wanted: readonly Prefix[], tables: Tables): void {
    const before = this.blackholeKeys;
    this.blackholeKeys = new Map(wanted.map((prefix) => [formatPrefix(prefix), prefix]));
    for (const [key, prefix] of before) {
      if (this.blackholeKeys.has(key)) continue;
      const table = this.blackholes[prefix.family];
      table.drop(table.find(...prefix.words, prefix.length));
      this.setAgain(prefix, tables);
    }
    for (const [key, prefix] of this.blackholeKeys) {
      if (before.has(key)) continue;
      const table = this.blackholes[prefix.family];
      table.hold(table.intern(...prefix.words, prefix.length));
      this.setAgain(prefix, tables);
    }
  }

  /** As the RIB has it now. */
  private setAgain(prefix: Prefix, tables: Tables): void {
    const { prefixes, nextHopGroup } = tables[prefix.family];
    const id = prefixes.find(...prefix.words, prefix.length);
    this.set(prefix.family, id, ...prefix.words, prefix.length, id === 0 ? 0 : nextHopGroup[id]);
  }

  private judgeAnew(tables: Tables): void {
    const running = this.next !== undefined;
    this.next = { family: FAMILIES[0], id: 1 };
    if (!running) this.judgeSlice(tables);
  }

  private judgeSlice(tables: Tables): void {
    if (this.next === undefined || this.stopped) return;
    const { family, id } = this.next;
    const { prefixes, nextHopGroup } = tables[family];
    const end = Math.min(prefixes.end, id + ROUTES_PER_TURN);
    const wide = family !== IPV4_UNICAST;
    const { a0, a1, a2, a3, length } = prefixes;
    for (let at = id; at < end; at++) {
      const group = nextHopGroup[at];
      if (group === 0) continue;
      this.set(family, at, a0[at], wide ? a1[at] : 0, wide ? a2[at] : 0, wide ? a3[at] : 0, length[at], group);
    }
    this.fib.flush();
    if (end < prefixes.end) this.next = { family, id: end };
    else if (family === IPV4_UNICAST) this.next = { family: IPV6_UNICAST, id: 1 };
    else this.next = undefined;
    if (this.next !== undefined) setImmediate(() => this.judgeSlice(tables));
  }
}

function tunnels(): (FibNextHop['tunnel'] | undefined)[] {
  const table: (FibNextHop['tunnel'] | undefined)[] = [];
  table[VERDICT_IPIP] = { kind: 'ipip', crossSubnet: false };
  table[VERDICT_IPIP_CROSS_SUBNET] = { kind: 'ipip', crossSubnet: true };
  table[VERDICT_VXLAN] = { kind: 'vxlan', crossSubnet: false };
  table[VERDICT_VXLAN_CROSS_SUBNET] = { kind: 'vxlan', crossSubnet: true };
  return table;
}
