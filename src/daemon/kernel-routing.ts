/** The kernel side of the daemon: the FIB, what it is given, what it tells, and the settings it needs. */
import { readFileSync } from 'node:fs';
import type { FibCounters } from '../api/daemon-view.ts';
import { toPastTimestamp } from '../api/timestamps.ts';
import type { StatusReport } from '../api/types.ts';
import type { ClusterRoutingOptions } from '../encapsulation/cluster-routing.ts';
import { Fib } from '../fib/fib.ts';
import type { FibOptions } from '../fib/fib.ts';
import type { FibRoute, FibTrouble } from '../fib/worker-messages.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Self } from '../peering/self.ts';
import type { Rib } from '../rib/rib.ts';
import type { Config } from './config.ts';
import type { DesiredState } from './desired-state.ts';
import type { EventLog } from './event-log.ts';
import { KernelForwarding } from './kernel-forwarding.ts';
import { KernelSettings } from './kernel-settings.ts';

/** `RT_TABLE_MAIN` (linux/rtnetlink.h): the kernel has a rule for it from the start. */
const MAIN_TABLE = 254;

type FibConfig = Config['fib'];

/** What the kernel side needs of the daemon, and tells it. */
export interface KernelRoutingOptions {
  readonly config: FibConfig;
  readonly events: EventLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Which routes of the kernel are asked for; `after` is 0 or the `next` of the answer before. */
export interface KernelPage {
  readonly family?: Family;
  readonly after: number;
  readonly limit: number;
  readonly differencesOnly: boolean;
}

export class KernelRouting {
  /** Takes what the RIB wants forwarded. */
  readonly forwarding: KernelForwarding;
  readonly settings: KernelSettings;
  private readonly fib: Fib;
  private config: FibConfig;
  private ownership: string | null = null;
  private readonly events: EventLog;
  private readonly now: () => number;
  private trouble: { words: string; at: number } | undefined;
  private errors = 0;

  constructor({ config, events, now }: KernelRoutingOptions) {
    this.config = config;
    this.events = events;
    this.now = now;
    this.fib = new Fib(fibOptions(config), {
      trouble: (trouble) => this.troubled(trouble),
      synced: () => events.add('fib', 'kernel', 'the kernel has all routes of the first sync'),
      repaired: () => {},
      nextHops: () => {},
      workloads: () => {},
      addresses: () => {},
    });
    this.forwarding = new KernelForwarding(this.fib);
    this.settings = new KernelSettings(config.sysctl, events);
  }

  /** Rejects with {@link FibError} if the kernel can't be talked to. */
  start(): Promise<void> {
    return this.fib.start();
  }

  /** What of the kernel and the configuration decides who programs which routes. */
  get routingOptions(): ClusterRoutingOptions {
    return { felix: this.config.felix, tunl0: hasInterface('tunl0') };
  }

  /** Takes what the resources ask for; `tables` are the RIB's. */
  apply({ routing, self }: DesiredState, tables: Rib['tables']): void {
    this.settings.apply(familiesOf(self));
    if (routing === undefined) return;
    this.ownership = routing.words;
    this.forwarding.configure(routing.rules, [], tables);
  }

  /** Takes another configuration, as far as that can be done while it runs. */
  configure(config: FibConfig): void {
    if (config.sysctl !== this.config.sysctl) this.settings.change(config.sysctl);
    this.config = config;
  }

  endOfInitialSync(): void {
    this.fib.endOfInitialSync();
  }

  async stop(options: { readonly keepRoutes: boolean }): Promise<void> {
    this.forwarding.stop();
    await this.fib.stop(options);
  }

  page({ family, after, limit, differencesOnly }: KernelPage) {
    return this.fib.page({ after, limit, differencesOnly, ...(family !== undefined && { family }) });
  }

  find(prefix: Prefix): Promise<FibRoute | undefined> {
    return this.fib.find(prefix);
  }

  /** Whether routes of this prefix are left to others, and by which rule. */
  programming(prefix: Prefix): { rejected: boolean; why: string } {
    return this.forwarding.explain(prefix);
  }

  get counters(): FibCounters {
    const { written, removed, pending, lastSync } = this.fib.statistics;
    return {
      written,
      removed,
      errors: this.errors,
      repaired: 0,
      pending,
      adopted: 0,
      nextHopGroups: 0,
      groupWrites: 0,
      unresolvedNextHops: 0,
      applySeconds: 0,
      ...(lastSync !== undefined && { lastSync: lastSync / 1000 }),
    };
  }

  get status(): StatusReport['fib'] {
    const { desired, installed, failed, pending } = this.fib.statistics;
    const inSync = pending === 0 && failed === 0;
    const { trouble } = this;
    return {
      enabled: true,
      inSync,
      desired,
      installed,
      failed,
      repaired: 0,
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
    return [...(unused ? [noRuleWords(table)] : []), ...this.settings.problems];
  }

  private troubled({ message }: FibTrouble): void {
    this.errors++;
    this.trouble = { words: message, at: this.now() };
    this.events.add('fib', 'kernel', message, 'warn');
  }
}

function fibOptions({ table, protocol, maxPaths, metric }: FibConfig): FibOptions {
  return { table, protocol, maxPaths, metric };
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

function noRuleWords(table: number): string {
  return `Routes are written to table ${table}, and no rule of fib.rules leads there: packets use them only if somebody else made one (ip rule).`;
}
