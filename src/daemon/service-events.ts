/** Tells what became of the routes to services: of a few each, of many a summary, so that nobody else's events are pushed out. */
import type { GateStep } from '../advertiser/withdrawal-gate.ts';
import type { ServiceRoute } from '../advertiser/service-routes.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { EventLog } from '../process/event-log.ts';

/** More than that are told together. */
const FEW = 5;

/** What follows something that was told is gathered for that long, in milliseconds. */
const INTERVAL = 1000;

type What = 'added' | 'changed' | 'removed';

export class ServiceEvents {
  private readonly events: EventLog;
  /** Why a route is told, or not any more, as a sentence. */
  private readonly why: (route: ServiceRoute, told: boolean) => string;
  /** By text of the prefix. */
  private readonly gathered = new Map<string, { readonly what: What; readonly route: ServiceRoute }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(events: EventLog, why: (route: ServiceRoute, told: boolean) => string) {
    this.events = events;
    this.why = why;
  }

  take({ added, changed, removed }: Pick<GateStep<ServiceRoute>, What>): void {
    for (const route of added) this.gather('added', route);
    for (const route of changed) this.gather('changed', route);
    for (const route of removed) this.gather('removed', route);
    if (this.timer === undefined) this.tell();
  }

  /** Tells nothing any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.gathered.clear();
  }

  /** What comes and goes before it could be told is nothing. */
  private gather(what: What, route: ServiceRoute): void {
    const key = formatPrefix(route.prefix);
    const before = this.gathered.get(key)?.what;
    if (before === 'added' && what === 'removed') this.gathered.delete(key);
    else if (before === 'removed' && what === 'added') this.gathered.set(key, { what: 'changed', route });
    else if (before !== 'added') this.gathered.set(key, { what, route });
    else this.gathered.set(key, { what: 'added', route });
  }

  private tell(): void {
    this.timer = undefined;
    if (this.gathered.size === 0) return;
    const all = [...this.gathered];
    this.gathered.clear();
    this.timer = setTimeout(() => this.tell(), INTERVAL).unref();
    if (all.length > FEW) {
      const [[prefix]] = all;
      const count = (of: What): number => all.filter(([, { what }]) => what === of).length;
      const words = `${count('added')} announced, ${count('changed')} changed, ${count('removed')} withdrawn`;
      this.events.add('advertisement', 'services', `routes to services: ${words}; one of them is ${prefix}`);
      return;
    }
    for (const [prefix, { what, route }] of all) {
      const words = `${WORDS[what]}: ${this.why(route, what !== 'removed')}`;
      this.events.add('advertisement', prefix, words);
    }
  }
}

const WORDS: Readonly<Record<What, string>> = {
  added: 'originated',
  changed: 'originated otherwise',
  removed: 'no longer originated',
};
