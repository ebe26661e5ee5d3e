/** What a change of the resources would do to the routes to services. */
import { placedWords } from '../../advertiser/originations.ts';
import { ServiceAdvertiser } from '../../advertiser/service-advertiser.ts';
import { serviceContext } from '../../advertiser/service-context.ts';
import type { ServiceContext, ServiceMode } from '../../advertiser/service-context.ts';
import { serviceProblems } from '../../advertiser/service-problems.ts';
import type { ServiceOffer, ServiceRoute, ServiceTerms } from '../../advertiser/service-routes.ts';
import { PLAIN_TERMS } from '../../advertiser/terms.ts';
import type { ConfigDiff } from '../../api/types.ts';
import { inSlices } from '../../datastore/slices.ts';
import { formatBandwidth } from '../../net/bandwidth.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Change, ClusterView } from '../../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../../resources/kinds.ts';

/** Two views, and the changes that lead from one to the other. */
export interface ViewChange {
  readonly before: ClusterView;
  readonly after: ClusterView;
  readonly changes: readonly Change[];
}

export interface ServiceDifferences {
  /** Those that are withdrawn, then the others. */
  readonly routes: ConfigDiff['routes'];
  /** What could not be done as the resources say, before and after; empty where it is the same. */
  readonly problems: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/** Costs as much as there are services, in slices, unless nothing changes that decides what is told of them. */
export async function serviceDifferences(
  { before, after, changes }: ViewChange,
  node: { readonly name: string },
  mode: ServiceMode,
): Promise<ServiceDifferences> {
  const context = serviceContext(before, node, mode);
  const next = serviceContext(after, node, mode, context);
  if (context === next && !changes.some(concernsServices)) return { routes: [], problems: { before: [], after: [] } };
  const [old, now] = [await advertiserOf(before, context), await advertiserOf(after, next)];
  const routes: ConfigDiff['routes'] = [];
  await inSlices(old.routes, ([prefix, route]) => {
    if (now.routes.has(prefix)) return;
    routes.push({ prefix, service: serviceOf(route), change: 'withdrawn', words: whyWithdrawn(old, now, route) });
  });
  await inSlices(now.routes, ([prefix, route]) => {
    const service = serviceOf(route);
    const was = old.routes.get(prefix);
    const offers = now.labels.offersOf(route.label);
    if (was === undefined) {
      routes.push({ prefix, service, change: 'originated', words: whyOriginated(now, route, offers) });
      return;
    }
    const told = old.labels.offersOf(was.label);
    if (termsKey(told) === termsKey(offers)) return;
    routes.push({ prefix, service, change: 'changed', words: changeWords(told, offers) });
  });
  const problems = { before: problemsOf(context), after: problemsOf(next) };
  return { routes, problems };
}

function problemsOf(context: ServiceContext): readonly string[] {
  return serviceProblems(context).map(placedWords);
}

function concernsServices(change: Change): boolean {
  const kind = change.type === 'upsert' ? change.resource.kind : change.kind;
  return kind === 'Service' || kind === 'EndpointSlice';
}

async function advertiserOf(view: ClusterView, context: ServiceContext): Promise<ServiceAdvertiser> {
  const advertiser = new ServiceAdvertiser();
  advertiser.setContext(context);
  const put = (resource: AnyResource): void => void advertiser.change([{ type: 'upsert', resource }]);
  // Endpoints first: a service is then worked out only once.
  const kinds: readonly Kind[] = ['EndpointSlice', 'Service'];
  for (const kind of kinds) await inSlices(view.tables.get(kind)?.values() ?? [], put);
  return advertiser;
}

function serviceOf({ service }: ServiceRoute): string | null {
  return service === '' ? null : service;
}

/** What the service of a route for one address says of the address. */
function addressWords(advertiser: ServiceAdvertiser, { prefix, service }: ServiceRoute): string | undefined {
  const [namespace, name] = service.split('/');
  const [text] = formatPrefix(prefix).split('/');
  return advertiser.explain(namespace, name)?.addresses.find(({ address }) => address === text)?.words;
}

function whyWithdrawn(old: ServiceAdvertiser, now: ServiceAdvertiser, route: ServiceRoute): string {
  if (route.service === '') return `now there because: ${old.reason(route.prefix)}`;
  return addressWords(now, route) ?? 'No service has the address then.';
}

function whyOriginated(now: ServiceAdvertiser, route: ServiceRoute, offers: readonly ServiceOffer[]): string {
  const why = (route.service === '' ? undefined : addressWords(now, route)) ?? now.reason(route.prefix) ?? '';
  return offers.length === 0 ? why : `${why} Told ${offerWords(offers)}.`;
}

/** The same for offers by which peers are told the same. */
function termsKey(offers: readonly ServiceOffer[]): string {
  if (offers.length === 0) return JSON.stringify([{ terms: PLAIN_TERMS }]);
  // Of one alone the scope makes no difference.
  const isOne = offers.length === 1;
  return JSON.stringify(
    offers.map(({ peerSelector, scope, terms, length, group }) => ({
      ...(isOne ? {} : { scope, length, group }),
      peerSelector,
      terms,
    })),
  );
}

function changeWords(before: readonly ServiceOffer[], after: readonly ServiceOffer[]): string {
  const [old, now] = [offerWords(before), offerWords(after)];
  return old === now ? `Told ${now}; what counts of it for each peer changes.` : `Told ${now}; now ${old}.`;
}

function offerWords(offers: readonly ServiceOffer[]): string {
  if (offers.length === 0) return 'to all peers';
  const words = offers.map(({ peerSelector, terms, length }) => {
    const audience = peerSelector === undefined ? 'to all peers' : `to the peers that ${peerSelector} picks`;
    if (terms === undefined || length === 'longer') return `not ${audience}`;
    return [audience, ...termsWords(terms)].join(', ');
  });
  return [...new Set(words)].join('; ');
}

function termsWords({ role, communities, localPreference, med, prepend, bandwidth }: ServiceTerms): string[] {
  return [
    ...(role === 'backup' ? ['as backup'] : []),
    ...(localPreference === undefined ? [] : [`LOCAL_PREF ${localPreference}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    ...(prepend === 0 ? [] : [`own AS prepended ${prepend === 1 ? 'once' : `${prepend} times`}`]),
    ...(communities.length === 0 ? [] : [`communities ${communities.join(' ')}`]),
    ...(bandwidth === undefined ? [] : [`bandwidth ${formatBandwidth(bandwidth)}`]),
  ];
}
