/** Services as the API shows them: what the advertiser wants of each, what is originated, and who was told. */
import type { ServiceQuery } from '../../api/daemon-view.ts';
import type { Slice } from '../../api/process-view.ts';
import type { AddressState, ServiceAddressReport } from '../../api/service-address-types.ts';
import type { RouteExplanation } from '../../api/route-types.ts';
import type { ServiceAudience, ServiceExplanationReport, ServiceReport } from '../../api/service-types.ts';
import { toTimestamp } from '../../api/timestamps.ts';
import type { ServiceTotals } from '../../api/types.ts';
import type { ServiceAdvertiser } from '../../advertiser/service-advertiser.ts';
import type { ServiceAddress, ServiceRoute, ServiceSummary } from '../../advertiser/service-routes.ts';
import type { HeldWithdrawal } from '../../advertiser/withdrawal-gate.ts';
import { parseAddress } from '../../net/address.ts';
import { addressBits } from '../../net/family.ts';
import { formatPrefix, parsePrefix, prefixFromBytes } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { OwnRoute } from '../own-routes.ts';

/** Services that one slice looks at, so that it takes a few milliseconds whatever is asked for. */
const SCAN = 200;

/** The services at run time, as far as a report looks at them. */
export interface ReportedServices {
  readonly advertiser: Pick<ServiceAdvertiser, 'list' | 'explain' | 'withAddress' | 'counts' | 'reason' | 'labels'>;
  /** Withdrawals that wait, by text of the prefix. */
  readonly held: ReadonlyMap<string, HeldWithdrawal<ServiceRoute>>;
  /** When a withdrawal that waits is done, in milliseconds since 1970. */
  readonly dateOf: (waiting: HeldWithdrawal<ServiceRoute>) => number;
  readonly heldCount: number;
  /** Whether nothing is originated, whatever is wanted. */
  readonly withheld: boolean;
}

/** What is asked of the rest of the daemon. */
export interface ServiceReportSources {
  readonly services: ReportedServices;
  /** Where no route to services is originated, why, as a sentence. */
  readonly whyWithheld: () => string;
  /** The route in force that this node originates for a prefix. */
  readonly ownRoute: (prefix: Prefix) => OwnRoute | undefined;
  /** Number of the routes to services that are originated. */
  readonly originated: () => number;
  /** To which peers a route to services was told, and why not to others. */
  readonly audience: (prefix: Prefix) => ServiceAudience[];
}

/** What takes the place of a route to services that is wanted. */
const OTHER_ROUTES: Readonly<Record<OwnRoute['kind'], string>> = {
  block: 'a block of addresses of this node has the same prefix',
  workload: 'a workload of this node has the same address',
  manual: 'a route added by hand has the same prefix',
  service: '',
};

/** States in which there is a route that peers are to be told. */
const IS_TOLD: ReadonlySet<AddressState> = new Set(['advertised', 'backup', 'covered', 'held']);

/** Why a withdrawal waits. */
export const WHY_HELD: Readonly<Record<HeldWithdrawal<ServiceRoute>['why'], string>> = {
  guard: 'too many routes to services were to go at once (services.guard)',
  delay: 'its withdrawal has a delay (withdrawDelay)',
};

export class ServiceReports {
  private readonly sources: ServiceReportSources;
  /** A listing that stopped at `position`, for the next slice to go on. */
  private stopped: { readonly position: number; readonly rest: Iterator<ServiceSummary> } | undefined;

  constructor(sources: ServiceReportSources) {
    this.sources = sources;
  }

  /** As `DaemonView.services`. A position is the number of services before it. */
  list({ namespace, advertised }: ServiceQuery, position: number, limit: number): Slice<ServiceReport> {
    const rest = this.from(position);
    const held = new HeldRoutes(this.sources.services.held);
    const items: ServiceReport[] = [];
    for (let seen = 0; ; seen++) {
      if (seen >= SCAN || items.length >= limit) {
        this.stopped = { position: position + seen, rest };
        return { items, next: position + seen };
      }
      const { done, value } = rest.next();
      if (done === true) return { items, next: null };
      if (namespace !== undefined && value.namespace !== namespace) continue;
      const report = this.summary(value, held);
      if (advertised === undefined || report.advertised === advertised) items.push(report);
    }
  }

  /** As `DaemonView.explainService`. */
  explain(namespace: string, name: string): ServiceExplanationReport | undefined {
    const { services } = this.sources;
    const found = services.advertiser.explain(namespace, name);
    if (found === undefined) return undefined;
    const held = new HeldRoutes(services.held);
    const addresses = found.addresses.map((address) => {
      const report = this.address(address, held);
      return { ...report, peers: this.peersOf(report) };
    });
    const rules = found.rules.map((rule) => ({ ...rule }));
    const endpoints = found.endpoints.map(({ family, here, zone, cluster }) => ({
      family,
      here: { ...here },
      zone: { ...zone },
      cluster: { ...cluster },
    }));
    return { ...this.summary(found, held), addresses, rules, endpoints, merged: [...found.merged] };
  }

  /** As `RouteExplanation.services`: none for a prefix of several addresses. */
  withAddress(prefix: Prefix): RouteExplanation['services'] {
    if (prefix.length < addressBits(prefix.family)) return [];
    const { services } = this.sources;
    const held = new HeldRoutes(services.held);
    const [text] = formatPrefix(prefix).split('/');
    return services.advertiser
      .withAddress(text)
      .flatMap(({ namespace, name, addresses }) =>
        addresses
          .filter(({ address }) => address === text)
          .map((address) => ({ namespace, name, ...this.address(address, held) })),
      );
  }

  get totals(): ServiceTotals {
    const { services, originated } = this.sources;
    const { counts } = services.advertiser;
    const [advertised, held] = [originated(), services.heldCount];
    return {
      total: counts.services,
      advertised,
      ranges: Math.min(counts.aggregates, advertised),
      held,
      withheld: Math.max(0, counts.routes + held - advertised),
    };
  }

  private from(position: number): Iterator<ServiceSummary> {
    const { stopped } = this;
    this.stopped = undefined;
    return stopped?.position === position ? stopped.rest : this.sources.services.advertiser.list(position);
  }

  private summary({ namespace, name, type, addresses }: ServiceSummary, held: HeldRoutes): ServiceReport {
    const reports = addresses.map((address) => this.address(address, held));
    const advertised = reports.some(({ state }) => IS_TOLD.has(state));
    return { namespace, name, type, advertised, addresses: reports };
  }

  private address(address: ServiceAddress, held: HeldRoutes): ServiceAddressReport {
    const { prefix, coveredBy, rule, words, kind } = address;
    const base = { address: address.address, kind, prefix, coveredBy, rule: rule === '' ? null : rule, until: null };
    if (!address.advertised) {
      return this.notWanted({ ...base, state: address.isWaiting ? 'waiting' : 'no', words }, held);
    }
    const instead = this.instead(prefix ?? coveredBy);
    if (instead !== undefined) return { ...base, state: 'withheld', words: `${instead} ${words}` };
    if (prefix === null) return { ...base, state: 'covered', words };
    return { ...base, state: address.role === 'backup' ? 'backup' : 'advertised', words };
  }

  /** What is in the way of a route that is wanted, as a sentence. */
  private instead(route: string | null): string | undefined {
    if (this.sources.services.withheld) return this.sources.whyWithheld();
    const own = route === null ? undefined : this.sources.ownRoute(parsePrefix(route));
    if (own === undefined) return 'The route is on its way.';
    return own.kind === 'service' ? undefined : `Not told: ${OTHER_ROUTES[own.kind]} and is told in its place.`;
  }

  private notWanted(report: ServiceAddressReport, held: HeldRoutes): ServiceAddressReport {
    const waiting = held.of(report.address);
    if (waiting === undefined) return report;
    const prefix = formatPrefix(waiting.route.prefix);
    const words = `Told on for now, because ${WHY_HELD[waiting.why]}. ${report.words}`;
    return { ...report, state: 'held', prefix, until: toTimestamp(this.sources.services.dateOf(waiting)), words };
  }

  private peersOf({ state, prefix, coveredBy }: ServiceAddressReport): ServiceAudience[] {
    const route = prefix ?? coveredBy;
    return route === null || !IS_TOLD.has(state) ? [] : this.sources.audience(parsePrefix(route));
  }
}

/** Withdrawals that wait, to be found by an address. */
class HeldRoutes {
  private readonly held: ReportedServices['held'];
  /** Lengths of their prefixes, the longest first. */
  private readonly lengths: readonly number[];

  constructor(held: ReportedServices['held']) {
    this.held = held;
    const lengths = new Set<number>();
    for (const { route } of held.values()) lengths.add(route.prefix.length);
    this.lengths = [...lengths].sort((a, b) => b - a);
  }

  /** The one of the longest route to an address. */
  of(address: string): HeldWithdrawal<ServiceRoute> | undefined {
    if (this.lengths.length === 0) return undefined;
    const { family, bytes } = parseAddress(address);
    for (const length of this.lengths) {
      const waiting =
        length > bytes.length * 8 ? undefined : this.held.get(formatPrefix(prefixFromBytes(family, bytes, length)));
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  }
}
