/** From Services and EndpointSlices to the routes that this node should originate for them, change by change. */
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { ClaimedPrefixes } from './claimed-prefixes.ts';
import type { Claim } from './claimed-prefixes.ts';
import type { AdvertisementProblem } from './originations.ts';
import { decide, isWaiting, serviceClaims } from './service-claims.ts';
import { isSameOtherwise } from './service-context.ts';
import type { ServiceContext } from './service-context.ts';
import { explainService, routeReason, summarizeService } from './service-explanation.ts';
import { ServiceIndex, keyOf } from './service-index.ts';
import type { ServiceEntry } from './service-index.ts';
import { ServiceLabels } from './service-labels.ts';
import { planService } from './service-plan.ts';
import type { ServicePlan } from './service-plan.ts';
import { serviceProblems } from './service-problems.ts';
import type {
  ServiceChanges,
  ServiceCounts,
  ServiceExplanation,
  ServiceRoute,
  ServiceSummary,
} from './service-routes.ts';

/** There are no routes before `setContext`. The routes depend on the resources and the context, not on how they came. */
export class ServiceAdvertiser {
  readonly labels = new ServiceLabels();
  readonly #prefixes = new ClaimedPrefixes(this.labels);
  readonly #index = new ServiceIndex();
  #context: ServiceContext | undefined;
  #aggregates: readonly Claim[] = [];
  #problems: readonly AdvertisementProblem[] = [];

  /** By text of the prefix. */
  get routes(): ReadonlyMap<string, ServiceRoute> {
    return this.#prefixes.routes;
  }

  /** Takes another context: everything is worked out anew that it can make a difference for. */
  setContext(context: ServiceContext): ServiceChanges {
    const before = this.#context;
    if (context === before) return this.#prefixes.flush();
    this.#context = context;
    this.#problems = serviceProblems(context);
    const recounted = this.#index.recount(context);
    if (before !== undefined && isSameOtherwise(before, context)) {
      for (const entry of recounted) this.#evaluate(entry);
      return this.#prefixes.flush();
    }
    const ranges = context.excluded ? [] : context.aggregates;
    const unique = new Map(ranges.map(({ text, prefix }) => [text, { text, prefix, label: 0 }]));
    const aggregates = [...unique.values()];
    this.#exchange('', this.#aggregates, aggregates);
    this.#aggregates = aggregates;
    for (const entry of this.#index.entries) {
      entry.plan = undefined;
      this.#evaluate(entry);
    }
    return this.#prefixes.flush();
  }

  /** Takes a snapshot: all Services and EndpointSlices there are; other kinds are passed over. */
  replace(resources: Iterable<AnyResource>): ServiceChanges {
    const touched = new Set<ServiceEntry>();
    const services = new Set<string>();
    const slices = new Set<string>();
    for (const resource of resources) {
      if (resource.kind === 'Service') services.add(keyOf(resource.metadata));
      else if (resource.kind === 'EndpointSlice') slices.add(keyOf(resource.metadata));
      else continue;
      this.#put(resource, touched);
    }
    for (const entry of this.#index.retain(services, slices)) touched.add(entry);
    return this.#settle(touched);
  }

  /** Takes changes in order. Costs nothing for services that do not change. */
  change(changes: readonly Change[]): ServiceChanges {
    const touched = new Set<ServiceEntry>();
    for (const change of changes) {
      if (change.type === 'upsert') {
        this.#put(change.resource, touched);
        continue;
      }
      const key = keyOf(change);
      const entry =
        change.kind === 'Service'
          ? this.#index.deleteService(key)
          : change.kind === 'EndpointSlice'
            ? this.#index.deleteSlice(key)
            : undefined;
      if (entry !== undefined) touched.add(entry);
    }
    return this.#settle(touched);
  }

  /** Why there is a route to this prefix, as a sentence; undefined where there is none. */
  reason(prefix: Prefix): string | undefined {
    const text = formatPrefix(prefix);
    const route = this.#prefixes.routes.get(text);
    const context = this.#context;
    if (route === undefined || context === undefined) return undefined;
    const entry = this.#index.get(route.service);
    const plan = entry === undefined ? undefined : this.#plan(entry, context);
    return routeReason(text, this.labels.offersOf(route.label), plan, context);
  }

  /**
   * Of a route that there is no more: whether endpoints here are all that its address lacks, and there are others elsewhere.
   * False for the prefix of many services. A node that its label excludes leaves all of them to the others.
   */
  isServedElsewhere({ prefix, service }: ServiceRoute): boolean {
    const context = this.#context;
    if (context?.excluded === true) return true;
    const entry = this.#index.get(service);
    if (entry === undefined || context === undefined) return false;
    const counts = this.#index.countsOf(entry, context);
    const { ready, serving } = counts[prefix.family].cluster;
    const plan = ready + serving === 0 ? undefined : this.#plan(entry, context);
    if (plan === undefined) return false;
    const text = formatPrefix(prefix);
    const address = plan.addresses.find((one) => formatPrefix(one.prefix) === text);
    return address !== undefined && isWaiting(decide(plan, address, counts, context));
  }

  /** All services, by namespace and name, but for the first `from`. */
  *list(from = 0): Generator<ServiceSummary> {
    const context = this.#context;
    if (context === undefined) return;
    const entries = [...this.#index.entries].filter(({ service }) => service !== undefined);
    for (const entry of entries.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(from)) {
      const plan = this.#plan(entry, context);
      if (plan !== undefined) yield summarizeService(plan, this.#factsOf(entry, context));
    }
  }

  /** The services that have an address, given in canonical form, by namespace and name. Looks at all there are. */
  withAddress(text: string): readonly ServiceSummary[] {
    const context = this.#context;
    if (context === undefined) return [];
    const found: ServiceSummary[] = [];
    for (const entry of this.#index.entries) {
      const plan = this.#plan(entry, context);
      if (plan === undefined || plan.addresses.every(({ address }) => address !== text)) continue;
      found.push(summarizeService(plan, this.#factsOf(entry, context)));
    }
    return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  /** All there is to say of a service; undefined where there is no such service, or nothing is known yet. */
  explain(namespace: string, name: string): ServiceExplanation | undefined {
    const entry = this.#index.get(keyOf({ namespace, name }));
    const context = this.#context;
    if (entry === undefined || context === undefined) return undefined;
    const plan = this.#plan(entry, context);
    return plan === undefined ? undefined : explainService(plan, this.#factsOf(entry, context));
  }

  get counts(): ServiceCounts {
    const { services, endpoints } = this.#index;
    return { services, endpoints, routes: this.#prefixes.routes.size, aggregates: this.#prefixes.aggregates };
  }

  /** What in the resources contradicts itself. */
  get problems(): readonly AdvertisementProblem[] {
    return this.#problems;
  }

  #put(resource: AnyResource, touched: Set<ServiceEntry>): void {
    if (resource.kind === 'Service') {
      const entry = this.#index.putService(resource);
      if (entry !== undefined) touched.add(entry);
    } else if (resource.kind === 'EndpointSlice') {
      for (const entry of this.#index.putSlice(resource)) touched.add(entry);
    }
  }

  #settle(touched: Iterable<ServiceEntry>): ServiceChanges {
    for (const entry of touched) this.#evaluate(entry);
    return this.#prefixes.flush();
  }

  #evaluate(entry: ServiceEntry): void {
    const context = this.#context;
    if (context === undefined) return;
    const plan = this.#plan(entry, context);
    const counts = this.#index.countsOf(entry, context);
    const claims = plan === undefined ? [] : serviceClaims(plan, counts, context, this.labels);
    this.#exchange(entry.key, entry.claims, claims);
    entry.claims = claims;
  }

  #plan(entry: ServiceEntry, context: ServiceContext): ServicePlan | undefined {
    if (entry.service === undefined) return undefined;
    return (entry.plan ??= planService(entry.service, context));
  }

  #exchange(service: string, before: readonly Claim[], after: readonly Claim[]): void {
    const has = (claims: readonly Claim[], claim: Claim) =>
      claims.some(({ text, label }) => text === claim.text && label === claim.label);
    for (const claim of before) if (!has(after, claim)) this.#prefixes.release(claim, service);
    for (const claim of after) if (!has(before, claim)) this.#prefixes.claim(claim, service);
  }

  #factsOf(entry: ServiceEntry, context: ServiceContext) {
    return {
      context,
      counts: this.#index.countsOf(entry, context),
      hasSlices: entry.slices.size > 0,
      labels: this.labels,
      prefixes: this.#prefixes,
    };
  }
}
