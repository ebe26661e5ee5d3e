/** The kernel side of the daemon: the FIB, what it is given, what it tells, and the settings it needs. */
import { readFileSync } from 'node:fs';
import type { FibCounters } from '../api/daemon-view.ts';
import { toPastTimestamp } from '../api/timestamps.ts';
import type { StatusReport } from '../api/types.ts';
import type { ClusterRoutingOptions } from '../encapsulation/cluster-routing.ts';
import { Fib } from '../fib/fib.ts';
import type { FibHandler, FibOptions } from '../fib/fib.ts';
import type { FibRule } from '../fib/policy-rules.ts';
import type { FibPage, FibQuery, FibRepair, FibRoute, FibTrouble } from '../fib/worker-messages.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { StaticRoute } from '../peering/peering.ts';
import type { Self } from '../peering/self.ts';
import type { NextHopListener } from '../rib/next-hops.ts';
import type { Rib } from '../rib/rib.ts';
import type { Config } from '../process/config.ts';
import type { DesiredState } from './desired-state.ts';
import type { EventLog } from '../process/event-log.ts';
import { KernelForwarding } from './kernel-forwarding.ts';
import { KernelSettings } from './kernel-settings.ts';
import type { LoopPreventionPlan } from './loop-prevention-plan.ts';
import { LoopPrevention } from './loop-prevention.ts';

/** `RT_TABLE_MAIN` (linux/rtnetlink.h): the kernel has a rule for it from the start. */
const MAIN_TABLE = 254;

/** How often to look whether the kernel has everything, in milliseconds. */
const SETTLED_POLL = 10;

type FibConfig = Config['fib'];

/** What the kernel side needs of the daemon, and tells it. */
export interface KernelRoutingOptions {
  readonly config: FibConfig;
  readonly events: EventLog;
  readonly listener: Pick<FibHandler, 'nextHops' | 'workloads' | 'addresses'>;
  /** The thread that writes routes has failed: the kernel is not followed any more. */
  readonly onFailure: (words: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class KernelRouting {
  /** Takes what the RIB wants forwarded. */
  readonly forwarding: KernelForwarding;
  /** Finds out for the RIB how next hops are reached. */
  readonly nextHops: NextHopListener;
  readonly settings: KernelSettings;
  private readonly loops: LoopPrevention;
  private readonly fib: Fib;
  private config: FibConfig;
  private ownership: string | null = null;
  private readonly events: EventLog;
  private readonly now: () => number;
  private readonly onFailure: (words: string) => void;
  private trouble: { words: string; at: number } | undefined;
  /** Whether watched next hops are reachable, by number of the watch. */
  private readonly watched = new Map<number, boolean>();
  private errors = 0;
  private vxlanKey: string | undefined;
  /** Whether what is in force comes from resources that know this node. */
  private isConfigured = false;
  private waysKey = '[]';
  private rangesKey = '';
  private prefixesKey = '';

  constructor({ config, events, now, listener, onFailure }: KernelRoutingOptions) {
    this.config = config;
    this.events = events;
    this.now = now;
    this.onFailure = onFailure;
    this.fib = new Fib(fibOptions(config), {
      trouble: (trouble) => this.troubled(trouble),
      synced: () => events.add('fib', 'kernel', 'the kernel has all routes of the first sync'),
      repaired: (repair) => events.add('fib', repair.prefix, repairWords(repair), 'warn'),
      nextHops: (changes) => {
        // An answer may come after its question is out of date.
        for (const { id, reachable } of changes) if (this.watched.has(id)) this.watched.set(id, reachable);
        listener.nextHops(changes);
      },
      workloads: (change) => listener.workloads(change),
      inRanges: (changes) => this.loops.changeServed('others', changes),
      addresses: (own) => listener.addresses(own),
    });
    this.forwarding = new KernelForwarding(this.fib);
    this.nextHops = {
      watch: (id, address) => {
        this.watched.set(id, true);
        this.fib.watchNextHop(id, address);
      },
      unwatch: (id) => {
        this.watched.delete(id);
        this.fib.unwatchNextHop(id);
      },
    };
    this.settings = new KernelSettings(config.sysctl, events);
    this.loops = new LoopPrevention({ events });
  }

  /** Rejects with {@link FibError} if the kernel can't be talked to. */
  async start(): Promise<void> {
    await Promise.all([this.fib.start(), this.loops.start()]);
  }

  /** What of the kernel and the configuration decides who programs which routes. */
  get routingOptions(): ClusterRoutingOptions {
    return { felix: this.config.felix, tunl0: hasInterface('tunl0') };
  }

  /** Takes what the resources ask for; `tables` are the RIB's. */
  apply({ routing, loops, self }: DesiredState, tables: Rib['tables']): void {
    // Resources that know this node no more don't tell what it should do: they may be gone by mistake.
    if (self === undefined && this.isConfigured) return;
    this.isConfigured = self !== undefined;
    this.settings.apply(familiesOf(self));
    // Before that, a table of an earlier run stays.
    if (loops !== undefined && self !== undefined) this.preventLoops(loops, tables);
    if (routing === undefined) return;
    this.ownership = routing.words;
    if (routing.vxlanKey !== this.vxlanKey) {
      this.vxlanKey = routing.vxlanKey;
      this.fib.setVxlan(routing.vxlan);
    }
    this.setWorkloadPrefixes(routing.workloadPrefixes);
    const blackholes = routing.blackholes.map(({ prefix }) => prefix);
    this.forwarding.configure(routing.rules, blackholes, tables, routing.closesServices);
  }

  /** Takes what is advertised for services now, and what is not any more. */
  changeServices(set: readonly { readonly prefix: Prefix }[], removed: readonly Prefix[], tables: Rib['tables']): void {
    this.forwarding.changeServices(set, removed, tables);
    this.loops.changeServices(set, removed);
  }

  /** Beside the interfaces that the configuration names, those count that Felix is told of. */
  private setWorkloadPrefixes(prefixes: readonly string[]): void {
    const key = prefixes.join();
    if (key === this.prefixesKey) return;
    this.prefixesKey = key;
    this.fib.setWorkloadInterfaces([...this.config.workloadInterfaces, ...prefixes.map((prefix) => `${prefix}*`)]);
  }

  /** What has a route within the ranges of services is told to who drops the rest. */
  private preventLoops(plan: LoopPreventionPlan, tables: Rib['tables']): void {
    const key = plan.ranges.map(formatPrefix).join();
    this.loops.apply(plan);
    if (key === this.rangesKey) return;
    this.rangesKey = key;
    this.fib.setRanges(plan.ranges);
    this.forwarding.setRanges(plan.ranges, tables, (changes) => this.loops.changeServed('rib', changes));
  }

  /** Takes another configuration, as far as that can be done while it runs. */
  configure(config: FibConfig): void {
    if (config.sysctl !== this.config.sysctl) this.settings.change(config.sysctl);
    this.config = config;
  }

  /** See {@link Fib.holdDown}. */
  holdDown(address: string, down: boolean): void {
    this.fib.holdDown(address, down);
  }

  /** Takes routes to neighbours, and no others. Returns whether anything changed. */
  setStaticRoutes(routes: readonly StaticRoute[], tables: Rib['tables']): boolean {
    const ways = new Map(routes.map(({ prefix, gateway }) => [prefix.slice(0, prefix.indexOf('/')), gateway]));
    const key = JSON.stringify([...ways]);
    if (key === this.waysKey) return false;
    this.waysKey = key;
    this.forwarding.setStatics(routes, tables);
    this.fib.setWays(ways);
    return true;
  }

  endOfInitialSync(): void {
    this.fib.endOfInitialSync();
    this.loops.begin();
  }

  /** Resolves when the kernel has all it should have, after `patience` milliseconds at most. */
  async settled(patience: number): Promise<void> {
    for (let left = patience; left > 0 && this.fib.statistics.pending > 0; left -= SETTLED_POLL) {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_POLL));
    }
  }

  async stop(options: { readonly keepRoutes: boolean }): Promise<void> {
    this.forwarding.stop();
    await Promise.all([this.fib.stop(options), this.loops.stop({ keep: options.keepRoutes })]);
  }

  /** A part of the routes; the first one compares with the kernel anew. */
  page(query: FibQuery): Promise<FibPage> {
    return this.fib.page(query);
  }

  find(prefix: Prefix): Promise<FibRoute | undefined> {
    return this.fib.find(prefix);
  }

  /** Whether routes of this prefix are left to others, and by which rule. */
  programming(prefix: Prefix): { rejected: boolean; why: string } {
    return this.forwarding.explain(prefix);
  }

  /** In how many seconds what the kernel refused is tried again; undefined where there is nothing. */
  get retrySeconds(): number | undefined {
    const { retryAt } = this.fib.statistics;
    return retryAt === undefined ? undefined : Math.max(0, retryAt - this.now()) / 1000;
  }

  get counters(): FibCounters {
    const { written, removed, repaired, pending, adopted, groups, groupWrites, applySeconds, lastSync } =
      this.fib.statistics;
    return {
      written,
      removed,
      errors: this.errors,
      repaired,
      pending,
      adopted,
      nextHopGroups: groups,
      groupWrites,
      unresolvedNextHops: [...this.watched.values()].filter((reachable) => !reachable).length,
      applySeconds,
      ...(lastSync !== undefined && { lastSync: lastSync / 1000 }),
    };
  }

  get status(): StatusReport['fib'] {
    const { desired, installed, failed, pending, repaired } = this.fib.statistics;
    const inSync = pending === 0 && failed === 0;
    const { trouble } = this;
    return {
      enabled: true,
      inSync,
      desired,
      installed,
      failed,
      repaired,
      table: this.config.table,
      ownership: this.ownership,
      lastError:
        inSync || trouble === undefined ? null : { words: trouble.words, at: toPastTimestamp(trouble.at, this.now()) },
    };
  }

  /** What is not as it should be, a sentence each. */
  get problems(): string[] {
    const { table, rules } = this.config;
    const unused = table !== MAIN_TABLE && rules.length === 0;
    const { failed, problems } = this.fib.statistics;
    return [
      ...(failed === 0 ? [] : [failedWords(failed)]),
      ...problems,
      ...(unused ? [noRuleWords(table)] : []),
      ...this.settings.problems,
      ...this.loops.problems,
    ];
  }

  private troubled({ code, message }: FibTrouble): void {
    this.errors++;
    this.trouble = { words: message, at: this.now() };
    if (code === 'FIB_WORKER') return this.onFailure(message);
    this.events.add('fib', 'kernel', message, 'warn');
  }
}

function fibOptions(config: FibConfig): FibOptions {
  const { table, protocol, maxPaths, metric, rules, workloadInterfaces } = config;
  const { ipv4, ipv6 } = config.preferredSource;
  const { enabled, ...resilient } = config.resilientGroups;
  return {
    table,
    protocol,
    maxPaths,
    metric,
    preferredSource: { ...(ipv4 !== '' && { ipv4 }), ...(ipv6 !== '' && { ipv6 }) },
    ...(enabled && { resilient }),
    rules: rules.map(fibRule),
    workloadInterfaces,
  };
}

/** What is not given is left out. */
function fibRule({ priority, ...selectors }: FibConfig['rules'][number]): FibRule {
  const given = Object.entries(selectors).filter(([, value]) => value !== undefined);
  return { priority, ...(Object.fromEntries(given) as Omit<FibRule, 'priority'>) };
}

function repairWords({ words, count }: FibRepair): string {
  const others = count === 1 ? '' : ` (and ${count - 1} more)`;
  return `the route${others} is as it should be again: ${words}`;
}

/** The families in which this node is a router. */
function familiesOf(self: Self | undefined): Set<Family> {
  const { ipv4, ipv6 } = self?.addresses ?? {};
  return new Set([...(ipv4 === undefined ? [] : [IPV4_UNICAST]), ...(ipv6 === undefined ? [] : [IPV6_UNICAST])]);
}

/** Whether the kernel has an interface of that name, be it without address or down (proc_net(5)). */
function hasInterface(name: string): boolean {
  try {
    return readFileSync('/proc/self/net/dev', 'utf8').includes(`${name}:`);
  } catch {
    return false;
  }
}

function failedWords(count: number): string {
  const routes = count === 1 ? '1 route is' : `${count} routes are`;
  return `${routes} not in the kernel as wanted: starling fib diff shows why.`;
}

function noRuleWords(table: number): string {
  return `Routes are written to table ${table}, and no rule of fib.rules leads there: packets use them only if somebody else made one (ip rule).`;
}
