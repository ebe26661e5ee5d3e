/**
 * Stands between the routes that the resources ask for and those that are told: a withdrawal may wait, an announcement never
 * does. Most routes gone within a moment look like a datastore that lost its contents, and are held for a while in which it
 * can come back; a route that comes and goes may be given time by itself. Time comes in as a value, in milliseconds of any clock.
 */
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

/** What goes within this time counts together, in milliseconds: an API server tells of each object by itself. */
export const WINDOW = 2000;

/** How often it is looked whether what the guard holds is served elsewhere, in milliseconds. */
const LOOK_INTERVAL = 100;

/** At how many routes it is looked each time, those that were not looked at for the longest first. */
const LOOKS = 500;

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

interface Waiting<Route extends GatedRoute> extends HeldWithdrawal<Route> {
  /** When it would be done if there were no guard. */
  readonly unguarded: number;
}

/** What went, and was not held. */
type Gone<Route extends GatedRoute> = Pick<Waiting<Route>, 'route' | 'unguarded'> & { readonly at: number };

/**
 * What happened to withdrawals that the guard holds: `held` now; `returned`, wanted again, of which is told when none is held
 * any more; `done` for their time is over.
 */
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
  private readonly isElsewhere: (route: Route) => boolean;
  /** What is told, unless it is withheld: what is wanted, and what waits to be withdrawn. By text of the prefix. */
  private readonly told = new Map<string, Route>();
  private readonly waiting = new Map<string, Waiting<Route>>();
  /** How many of those the guard holds. */
  private guarded = 0;
  /** What was lost in the last {@link WINDOW}, the oldest first; wanted by nobody since. */
  private readonly lost = new Map<string, Gone<Route>>();
  /** When the guard found that too much is lost: what follows within {@link WINDOW} is held with it. */
  private foundAt = -Infinity;
  /** What the guard held and is wanted again, until that is told. */
  private readonly returned: Prefix[] = [];
  private isWithheld: boolean;

  /**
   * `withheld` as after {@link withhold}. `isElsewhere` says of a route that is not wanted any more whether others serve what
   * it is for: it was moved, not lost, and the guard lets it go.
   */
  constructor(limits: GateLimits, withheld: boolean, isElsewhere: (route: Route) => boolean) {
    this.limits = limits;
    this.isWithheld = withheld;
    this.isElsewhere = isElsewhere;
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

  /** Takes what is different of the routes that are wanted. */
  take({ set, removed }: GateChanges<Route>, now: number): GateStep<Route> {
    this.forget(now);
    const going = this.goingOf(removed);
    const of = this.told.size - this.waiting.size + this.lost.size;
    const { added, changed } = this.setAll(set);
    if (this.isWithheld) {
      for (const key of going.keys()) this.told.delete(key);
      return NOTHING;
    }
    for (const [key, route] of going) {
      const unguarded = now + 1000 * (route.withdrawDelay ?? this.limits.withdrawDelay);
      if (unguarded > now) this.hold(key, { route, unguarded, until: unguarded, why: 'delay' }, now);
      if (!this.isElsewhere(route)) this.lost.set(key, { route, unguarded, at: now });
    }
    const { back, news } = this.guard(of, now);
    const gone: Route[] = [];
    for (const [key, route] of going) {
      if (this.waiting.has(key)) continue;
      this.told.delete(key);
      gone.push(route);
    }
    const ended = this.newsOfReturned();
    if (this.waiting.size === 0) this.next = undefined;
    return { added: [...added, ...back], changed, removed: gone, news: [...ended, ...news] };
  }

  /** Time has passed: what has waited long enough goes, and of what the guard holds that which others serve by now. */
  due(now: number): GateStep<Route> {
    const removed: Route[] = [];
    const done: Prefix[] = [];
    let looks = 0;
    this.next = undefined;
    const all = [...this.waiting];
    for (const [key, waiting] of all) {
      const { route, until, unguarded, why } = waiting;
      const isLookedAt = why === 'guard' && until > now && looks++ < LOOKS;
      const isMoved = isLookedAt && this.isElsewhere(route);
      // It goes to the end.
      if (isLookedAt) this.release(key);
      if ((isMoved ? unguarded : until) > now) {
        this.hold(key, isMoved ? { ...waiting, until: unguarded, why: 'delay' } : waiting, now);
        continue;
      }
      this.release(key);
      this.told.delete(key);
      removed.push(route);
      if (why === 'guard' && !isMoved) done.push(route.prefix);
    }
    const news: GuardNews[] = done.length === 0 ? [] : [{ kind: 'done', count: done.length, example: done[0] }];
    return { ...NOTHING, removed, news: [...this.newsOfReturned(), ...news] };
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
    this.lost.clear();
    this.guarded = 0;
    this.foundAt = -Infinity;
    this.next = undefined;
    return { ...NOTHING, removed: told, news: this.newsOfReturned() };
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

  private setAll(set: readonly Route[]): { added: Route[]; changed: Route[] } {
    const added: Route[] = [];
    const changed: Route[] = [];
    for (const route of set) {
      const key = formatPrefix(route.prefix);
      const held = this.waiting.get(key);
      if (held?.why === 'guard') this.returned.push(route.prefix);
      this.release(key);
      this.lost.delete(key);
      if (!this.told.has(key)) added.push(route);
      else if (held?.route.label !== route.label) changed.push(route);
      this.told.set(key, route);
    }
    return { added, changed };
  }

  /** Where too much of `of` routes is lost, holds all of that; `back` is what was withdrawn already, and is told again. */
  private guard(of: number, now: number): { back: readonly Route[]; news: readonly GuardNews[] } {
    const { enabled, holdTime } = this.limits.guard;
    const hold = 1000 * holdTime;
    const follows = now < this.foundAt + Math.min(WINDOW, hold);
    const isFound = follows || this.isTooMuch(this.lost.size, of);
    if (!enabled || hold === 0 || !isFound || this.lost.size === 0) return { back: [], news: [] };
    if (!follows) this.foundAt = now;
    const until = this.foundAt + hold;
    const [[, { route: first }]] = this.lost;
    const back: Route[] = [];
    for (const [key, { route, unguarded }] of this.lost) {
      if (!this.told.has(key)) back.push(route);
      this.told.set(key, route);
      this.release(key);
      this.hold(key, { route, unguarded, until: Math.max(until, unguarded), why: 'guard' }, now);
    }
    const held: GuardNews = { kind: 'held', count: this.lost.size, of, example: first.prefix };
    this.lost.clear();
    return { back, news: follows ? [] : [held] };
  }

  private isTooMuch(count: number, of: number): boolean {
    const { maxWithdrawPercent, minPrefixes } = this.limits.guard;
    return count >= minPrefixes && count * 100 > maxWithdrawPercent * of;
  }

  /** Forgets what was lost too long ago. */
  private forget(now: number): void {
    for (const [key, { at }] of this.lost) {
      if (at > now - WINDOW) return;
      this.lost.delete(key);
    }
  }

  private hold(key: string, waiting: Waiting<Route>, now: number): void {
    if (!this.waiting.has(key) && waiting.why === 'guard') this.guarded++;
    this.waiting.set(key, waiting);
    const look = waiting.why === 'guard' ? now + LOOK_INTERVAL : Infinity;
    this.next = Math.min(this.next ?? Infinity, waiting.until, look);
  }

  /** It waits no more. */
  private release(key: string): void {
    if (this.waiting.get(key)?.why === 'guard') this.guarded--;
    this.waiting.delete(key);
  }

  private newsOfReturned(): readonly GuardNews[] {
    const { length: count } = this.returned;
    if (count === 0 || this.guarded > 0) return [];
    const [example] = this.returned.splice(0);
    return [{ kind: 'returned', count, example }];
  }
}
