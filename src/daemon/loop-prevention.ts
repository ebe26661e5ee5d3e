/**
 * Drops packets to addresses of services that nobody serves, which would go back and forth between this node and the routers
 * that it advertises the addresses to.
 */
import type { RangeChanges } from '../fib/range-routes.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { KeptTable } from '../nftables/kept-table.ts';
import type { KeptTableOptions } from '../nftables/kept-table.ts';
import { LOOPS_TABLE, loopRules } from '../nftables/loop-rules.ts';
import type { EventLog } from '../process/event-log.ts';
import type { LoopPreventionPlan } from './loop-prevention-plan.ts';

/** Most ranges that an event names. */
const NAMED = 4;

/**
 * Working the rules out costs as much as there are prefixes outside of the ranges, or served within them. It is done again only
 * after a pause of this many times the time that it took, so that endless changes take no more than a small share of it.
 */
const PAUSE = 20;

/** Who has a route in the kernel: this daemon, or somebody else. */
export type RouteOrigin = 'rib' | 'others';

type Table = Pick<KeptTable, 'isThere' | 'set' | 'stop'>;

export interface LoopPreventionOptions {
  readonly events: EventLog;
  readonly table?: (options: KeptTableOptions) => Table;
}

export class LoopPrevention {
  private readonly options: LoopPreventionOptions;
  private readonly table: Table;
  private plan: LoopPreventionPlan | undefined;
  /** By text: what is advertised for services, and of that what lies in no range. */
  private readonly services = new Map<string, Prefix>();
  private outside = new Map<string, Prefix>();
  /** By text: what lies within a range and has a route of its own, from the RIB and from others. */
  private readonly served: Readonly<Record<RouteOrigin, Map<string, Prefix>>> = { rib: new Map(), others: new Map() };
  private told = '';
  private trouble: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When the rules may be worked out again because of a route. */
  private rested = -Infinity;
  private hasBegun = false;

  constructor(options: LoopPreventionOptions) {
    const { events, table = (of: KeptTableOptions) => new KeptTable(of) } = options;
    this.options = options;
    this.table = table({
      name: LOOPS_TABLE,
      repaired: () =>
        events.add(
          'fib',
          LOOPS_TABLE,
          `table inet ${LOOPS_TABLE} of nftables was changed by another program; it is as it should be again`,
          'warn',
        ),
      troubled: (error) => {
        this.trouble = error?.message;
        if (error === undefined)
          events.add('fib', LOOPS_TABLE, `table inet ${LOOPS_TABLE} of nftables is as it should be`);
        else events.add('fib', LOOPS_TABLE, this.problems.join(' '), 'warn');
      },
    });
  }

  /** Looks for the table of an earlier run. Where there is none, no routes are in use that it would be too early to know. */
  async start(): Promise<void> {
    if (!(await this.table.isThere())) this.begin();
  }

  /** From now on it is known which prefixes have routes of their own; until then the table of an earlier run knows better. */
  begin(): void {
    this.hasBegun = true;
    this.update();
  }

  /** Takes what the resources say. */
  apply(plan: LoopPreventionPlan): void {
    if (plan === this.plan) return;
    this.plan = plan;
    const { ranges } = plan;
    const isOutside = ([, prefix]: [string, Prefix]) => !ranges.some((range) => prefixContains(range, prefix));
    this.outside = new Map([...this.services].filter(isOutside));
    this.update();
  }

  /** Takes routes to services that are advertised now, and those that are not any more. Costs as much as there are changes. */
  changeServices(set: readonly { readonly prefix: Prefix }[], removed: readonly Prefix[]): void {
    const ranges = this.plan?.ranges ?? [];
    let differs = false;
    for (const prefix of removed) {
      const key = formatPrefix(prefix);
      this.services.delete(key);
      if (this.outside.delete(key)) differs = true;
    }
    for (const { prefix } of set) {
      const key = formatPrefix(prefix);
      if (this.services.has(key)) continue;
      this.services.set(key, prefix);
      if (ranges.some((range) => prefixContains(range, prefix))) continue;
      this.outside.set(key, prefix);
      differs = true;
    }
    // What is outside is worked out anew with the first resources.
    if (differs && this.plan !== undefined) this.schedule();
  }

  /** Takes which prefixes within the ranges have routes that forward packets, or have none any more. */
  changeServed(origin: RouteOrigin, { added, removed }: RangeChanges): void {
    for (const prefix of removed) this.served[origin].delete(formatPrefix(prefix));
    for (const prefix of added) this.served[origin].set(formatPrefix(prefix), prefix);
    this.schedule();
  }

  /** What is in the way, a sentence each. */
  get problems(): string[] {
    if (this.trouble === undefined) return [];
    return [
      `Packets to addresses of services that nobody serves may loop, because they can't be dropped here: ${this.trouble}.`,
    ];
  }

  /** For a restart the table stays. */
  stop(options: { readonly keep: boolean }): Promise<void> {
    clearTimeout(this.timer);
    return this.table.stop(options);
  }

  /** What changes until then is taken together. */
  private schedule(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        const began = performance.now();
        this.update();
        this.rested = performance.now() + PAUSE * (performance.now() - began);
      },
      Math.max(0, this.rested - performance.now()),
    ).unref();
  }

  private update(): void {
    if (this.plan === undefined || !this.hasBegun) return;
    const { action, ranges, why } = this.plan;
    const all = [...ranges, ...this.outside.values()];
    this.table.set(
      action &&
        loopRules({ action, ranges: all, served: [...this.served.rib.values(), ...this.served.others.values()] }),
    );
    const words =
      all.length === 0
        ? ''
        : why === ''
          ? inForce(action, ranges)
          : `packets to addresses of services that nobody serves are not dropped by Starling: ${why}`;
    if (words !== '' && words !== this.told) this.options.events.add('fib', LOOPS_TABLE, words);
    this.told = words;
  }
}

function inForce(action: LoopPreventionPlan['action'], ranges: readonly Prefix[]): string {
  const names = ranges.map(formatPrefix);
  const named = names.length > NAMED ? [...names.slice(0, NAMED), `${names.length - NAMED} more`] : names;
  const where = names.length === 0 ? 'outside of the ranges of BGPConfiguration' : `in ${named.join(', ')}`;
  return `packets to addresses of services ${where} that nobody serves are ${action === 'Drop' ? 'dropped' : 'rejected'}, by table inet ${LOOPS_TABLE} of nftables`;
}
