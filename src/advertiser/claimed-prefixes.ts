/** The routes for services, each for as long as a service claims its prefix. */
import type { Prefix } from '../net/prefix.ts';
import { addressBits } from '../net/family.ts';
import type { ServiceLabels } from './service-labels.ts';
import type { ServiceChanges, ServiceLabel, ServiceRoute } from './service-routes.ts';

/** That a service wants a prefix advertised. */
export interface Claim {
  /** Text of the prefix. */
  readonly text: string;
  readonly prefix: Prefix;
  readonly label: ServiceLabel;
}

/** Services that claim one prefix. Costs of a change depend on the labels, and for host prefixes on the services. */
interface Claimed {
  readonly text: string;
  readonly prefix: Prefix;
  /** How many claims there are of each label. */
  readonly labels: Map<ServiceLabel, number>;
  /** The services, only for a host prefix: behind others there may be thousands. */
  readonly services: string[] | undefined;
}

/** Counts the claims on prefixes, and gives the routes that come of them. */
export class ClaimedPrefixes {
  readonly #labels: ServiceLabels;
  readonly #claimed = new Map<string, Claimed>();
  readonly #routes = new Map<string, ServiceRoute>();
  readonly #touched = new Set<Claimed>();
  #aggregates = 0;

  constructor(labels: ServiceLabels) {
    this.#labels = labels;
  }

  /** By text of the prefix; as of the last `flush`. */
  get routes(): ReadonlyMap<string, ServiceRoute> {
    return this.#routes;
  }

  /** How many routes are not for one address. */
  get aggregates(): number {
    return this.#aggregates;
  }

  /** How many services claim a prefix, and which where it is a host prefix. */
  claimants(text: string): { readonly count: number; readonly services: readonly string[] } {
    const claimed = this.#claimed.get(text);
    const count = [...(claimed?.labels.values() ?? [])].reduce((sum, of) => sum + of, 0);
    return { count, services: claimed?.services ?? [] };
  }

  /** `service` is empty for what no service claims but the configuration. */
  claim({ text, prefix, label }: Claim, service: string): void {
    let claimed = this.#claimed.get(text);
    if (claimed === undefined) {
      const isHost = prefix.length === addressBits(prefix.family);
      claimed = { text, prefix, labels: new Map(), services: isHost ? [] : undefined };
      this.#claimed.set(text, claimed);
    }
    claimed.labels.set(label, (claimed.labels.get(label) ?? 0) + 1);
    claimed.services?.push(service);
    this.#touched.add(claimed);
  }

  /** Takes back a claim that was made. */
  release({ text, label }: Claim, service: string): void {
    const claimed = this.#claimed.get(text);
    if (claimed === undefined) return;
    const left = (claimed.labels.get(label) ?? 0) - 1;
    if (left > 0) claimed.labels.set(label, left);
    else claimed.labels.delete(label);
    claimed.services?.splice(claimed.services.indexOf(service), 1);
    this.#touched.add(claimed);
  }

  /** Brings the routes in line with the claims, and tells what is different since the last time. */
  flush(): ServiceChanges {
    const set: ServiceRoute[] = [];
    const removed: Prefix[] = [];
    for (const claimed of this.#touched) {
      const before = this.#routes.get(claimed.text);
      if (claimed.labels.size === 0) {
        this.#claimed.delete(claimed.text);
        if (before === undefined) continue;
        this.#routes.delete(claimed.text);
        if (claimed.services === undefined) this.#aggregates--;
        removed.push(before.prefix);
        continue;
      }
      const route = this.#routeOf(claimed);
      if (before !== undefined && before.label === route.label && before.service === route.service) continue;
      if (before === undefined && claimed.services === undefined) this.#aggregates++;
      this.#routes.set(claimed.text, route);
      set.push(route);
    }
    this.#touched.clear();
    return { set, removed };
  }

  #routeOf({ prefix, labels, services }: Claimed): ServiceRoute {
    const label = this.#labels.combine([...labels.keys()]);
    const delays = this.#labels.offersOf(label).map(({ withdrawDelay }) => withdrawDelay ?? 0);
    const withdrawDelay = delays.length === 0 ? 0 : Math.max(...delays);
    const service = services === undefined ? '' : services.reduce((first, name) => (name < first ? name : first));
    return { prefix, label, service, ...(withdrawDelay > 0 && { withdrawDelay }) };
  }
}
