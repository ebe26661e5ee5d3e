/**
 * Stands between the routes that the resources ask for and those that are told: a withdrawal may wait, an announcement never
 * does. Most routes gone at once look like a datastore that lost its contents, and are held for a moment in which it can come
 * back; a route that comes and goes may be given time by itself. Time comes in as a value, in milliseconds of any clock.
 */
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

/** A route as far as the gate looks at it. */
export interface GatedRoute {
  readonly prefix: Prefix;
  /** Number of the terms it is told on. */
  readonly label: number;
  /** How long a withdrawal waits, in seconds, where it is not what {@link GateLimits} say. */
  readonly withdrawDelay?: number | undefined;
}

export interface GateLimits {
  readonly guard: {
    readonly enabled: boolean;
    /** Greatest share of the routes that may go at once. */
    readonly maxWithdrawPercent: number;
    /** Fewer than that may always go. */
    readonly minPrefixes: number;
    /** Seconds for which the others are held. */
    readonly holdTime: number;
  };
  /** How long any withdrawal waits, in seconds. */
  readonly withdrawDelay: number;
}

/** Differences, each prefix once. */
export interface GateChanges<Route extends GatedRoute> {
  /** New, or on other terms. */
  readonly set: readonly Route[];
  readonly removed: readonly Prefix[];
}

/** A withdrawal that waits. */
export interface HeldWithdrawal<Route extends GatedRoute> {
  readonly route: Route;
  /** When it is done. */
  readonly until: number;
  /** `guard`: too many went at once; `delay`: withdrawals of this route wait. */
  readonly why: 'guard' | 'delay';
}

/** What happened to withdrawals that the guard holds: `held` now; `returned`, wanted again; `done` for their time is over. */
export interface GuardNews {
  readonly kind: 'held' | 'returned' | 'done';
  readonly count: number;
  /** How many routes there were before them; only with `held`. */
  readonly of?: number;
  /** One of them. */
  readonly example: Prefix;
}

export interface GateStep<Route extends GatedRoute> {
  /** What is to be told now: routes that nobody was told of, and those on other terms than before. */
  readonly added: readonly Route[];
  readonly changed: readonly Route[];
  /** As they were told. */
  readonly removed: readonly Route[];
  readonly news: readonly GuardNews[];
}

const NOTHING = { added: [], changed: [], removed: [], news: [] } as const;

export class WithdrawalGate<Route extends GatedRoute> {
  /** When to call {@link due}; undefined while nothing waits. */
  next: number | undefined;

  private limits: GateLimits;
  /** What is told, unless it is withheld: what is wanted, and what waits to be withdrawn. By text of the prefix. */
  private readonly told = new Map<string, Route>();
  private readonly waiting = new Map<string, HeldWithdrawal<Route>>();
  private isWithheld: boolean;

  /** `withheld` as after {@link withhold}. */
  constructor(limits: GateLimits, withheld: boolean) {
    this.limits = limits;
    this.isWithheld = withheld;
  }

  /** Whether nothing is told, whatever is wanted. */
  get withheld(): boolean {
    return this.isWithheld;
  }

  /** Withdrawals that wait, by text of the prefix. */
  get held(): ReadonlyMap<string, HeldWithdrawal<Route>> {
    return this.waiting;
  }

  /** From now on other limits count; what waits already waits as long as it was to. */
  configure(limits: GateLimits): void {
    this.limits = limits;
  }

  /** Takes what is different of the routes that are wanted, all by one event. */
  take({ set, removed }: GateChanges<Route>, now: number): GateStep<Route> {
    const going = this.goingOf(removed);
    const before = this.told.size - this.waiting.size;
    const added: Route[] = [];
    const changed: Route[] = [];
    const returned: Prefix[] = [];
    for (const route of set) {
      const key = formatPrefix(route.prefix);
      const held = this.waiting.get(key);
      if (held?.why === 'guard') returned.push(route.prefix);
      this.waiting.delete(key);
      if (!this.told.has(key)) added.push(route);
      else if (held?.route.label !== route.label) changed.push(route);
      this.told.set(key, route);
    }
    const guarded = !this.isWithheld && this.isTooMuch(going.size, before);
    const gone: Route[] = [];
    for (const [key, route] of going) {
      const until = now + this.waitOf(route, guarded);
      if (until === now) {
        this.told.delete(key);
        gone.push(route);
      } else this.hold(key, { route, until, why: guarded ? 'guard' : 'delay' });
    }
    if (this.waiting.size === 0) this.next = undefined;
    const news: GuardNews[] = [];
    if (returned.length > 0) news.push({ kind: 'returned', count: returned.length, example: returned[0] });
    if (guarded) {
      const [{ prefix }] = going.values();
      news.push({ kind: 'held', count: going.size, of: before, example: prefix });
    }
    return this.isWithheld ? { ...NOTHING, news } : { added, changed, removed: gone, news };
  }

  /** Time has passed: what has waited long enough goes. */
  due(now: number): GateStep<Route> {
    const removed: Route[] = [];
    const done: Prefix[] = [];
    this.next = undefined;
    for (const [key, { route, until, why }] of this.waiting) {
      if (until > now) {
        this.next = Math.min(this.next ?? until, until);
        continue;
      }
      this.waiting.delete(key);
      this.told.delete(key);
      removed.push(route);
      if (why === 'guard') done.push(route.prefix);
    }
    const news: GuardNews[] = done.length === 0 ? [] : [{ kind: 'done', count: done.length, example: done[0] }];
    return { ...NOTHING, removed, news };
  }

  /** Nothing is told any more, at once and unguarded; or all that is wanted by now is told again. */
  withhold(on: boolean): GateStep<Route> {
    if (on === this.isWithheld) return NOTHING;
    const told = [...this.told.values()];
    this.isWithheld = on;
    if (!on) return { ...NOTHING, added: told };
    // What waits to be withdrawn is by this.
    for (const key of this.waiting.keys()) this.told.delete(key);
    this.waiting.clear();
    this.next = undefined;
    return { ...NOTHING, removed: told };
  }

  /** Routes among these that are told and do not wait already, each once. */
  private goingOf(removed: readonly Prefix[]): Map<string, Route> {
    const going = new Map<string, Route>();
    for (const prefix of removed) {
      const key = formatPrefix(prefix);
      const route = this.told.get(key);
      if (route !== undefined && !this.waiting.has(key)) going.set(key, route);
    }
    return going;
  }

  private isTooMuch(count: number, of: number): boolean {
    const { enabled, maxWithdrawPercent, minPrefixes } = this.limits.guard;
    return enabled && count > 0 && count >= minPrefixes && count * 100 > maxWithdrawPercent * of;
  }

  /** Milliseconds. Where nothing is told there is nothing to wait with. */
  private waitOf(route: Route, guarded: boolean): number {
    if (this.isWithheld) return 0;
    const delay = route.withdrawDelay ?? this.limits.withdrawDelay;
    return 1000 * Math.max(delay, guarded ? this.limits.guard.holdTime : 0);
  }

  private hold(key: string, held: HeldWithdrawal<Route>): void {
    this.waiting.set(key, held);
    this.next = Math.min(this.next ?? held.until, held.until);
  }
}
