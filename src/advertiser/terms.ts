/** The terms on which a peer is told a route, of all the offers of the route. */
import type { AdvertisementRule } from './advertisement-rule.ts';
import type { Scope, ServiceOffer, ServiceRole, ServiceTerms } from './service-routes.ts';

/** Terms of a route that is told as it is. */
export const PLAIN_TERMS: ServiceTerms = { role: 'primary', communities: [], prepend: 0 };

/** LOCAL_PREF of a route that nobody gave one (RFC 4271 section 9.1.1 leaves it open; this is what everyone takes). */
export const USUAL_LOCAL_PREFERENCE = 100;

/** How much worse backup routes are where nobody says. */
const BACKUP_MED = 100;
const BACKUP_PREPEND = 3;

/** The narrower, the smaller. */
export const RANK: Readonly<Record<Scope, number>> = { Node: 0, Zone: 1, Cluster: 2 };

/**
 * The terms for a peer of which `applies` says whether a selector picks it: those of all the offers that are about it, put
 * together. Undefined: the peer is not told.
 */
export function termsFor(
  offers: readonly ServiceOffer[],
  applies: (selector: string) => boolean,
): ServiceTerms | undefined {
  if (offers.length === 0) return PLAIN_TERMS;
  const groups = new Map<number, ServiceOffer[]>();
  for (const offer of offers) {
    if (offer.peerSelector !== undefined && !applies(offer.peerSelector)) continue;
    const { group = 0 } = offer;
    const known = groups.get(group);
    if (known === undefined) groups.set(group, [offer]);
    else known.push(offer);
  }
  const told = [...groups.values()].map(termsOfGroup).filter((terms) => terms !== undefined);
  // A route that takes traffic is never told as a backup because of another service.
  const primary = told.filter(({ role }) => role === 'primary');
  return primary.length > 0 ? merge('primary', primary) : merge('backup', told);
}

/** What several rules for one service come to: those of the narrowest scope decide, of them the most cautious. */
function termsOfGroup(offers: readonly ServiceOffer[]): ServiceTerms | undefined {
  if (offers.some(({ length, terms }) => length === 'longer' && terms !== undefined)) return undefined;
  if (!offers.some(({ length, terms }) => length === undefined && terms !== undefined)) return undefined;
  const narrowest = Math.min(...offers.map(({ scope }) => RANK[scope]));
  const decisive = offers.filter(({ scope }) => RANK[scope] === narrowest);
  if (decisive.some(({ terms }) => terms === undefined)) return undefined;
  const role = decisive.some(({ terms }) => terms?.role === 'backup') ? 'backup' : 'primary';
  const terms = offers.flatMap((offer) => (offer.terms === undefined ? [] : [offer.terms]));
  const merged = merge(
    role,
    terms.filter((one) => one.role === role),
  );
  if (merged === undefined || role === 'primary') return merged;
  return { ...merged, communities: united(terms) };
}

/** Puts terms together. Undefined where there are none. */
function merge(role: ServiceRole, terms: readonly ServiceTerms[]): ServiceTerms | undefined {
  if (terms.length === 0) return undefined;
  const localPreference = best(terms, ({ localPreference }) => localPreference, Math.max);
  const med = best(terms, ({ med }) => med, Math.min);
  const bandwidth = best(terms, ({ bandwidth }) => bandwidth, Math.max);
  return serviceTerms({
    role,
    communities: united(terms),
    prepend: Math.max(...terms.map(({ prepend }) => prepend)),
    localPreference,
    med,
    bandwidth,
  });
}

function best(
  terms: readonly ServiceTerms[],
  field: (terms: ServiceTerms) => number | undefined,
  choose: (...values: number[]) => number,
): number | undefined {
  const values = terms.map(field).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : choose(...values);
}

function united(terms: readonly ServiceTerms[]): readonly string[] {
  return sortedOnce(terms.flatMap(({ communities }) => communities));
}

function sortedOnce(communities: readonly string[]): readonly string[] {
  return [...new Set(communities)].sort();
}

type Loose = Pick<ServiceTerms, 'role' | 'communities' | 'prepend'> & {
  readonly [P in 'localPreference' | 'med' | 'bandwidth']: number | undefined;
};

/** Fields in one order, and none that is undefined, so that the same terms have the same text. */
function serviceTerms({ role, communities, prepend, localPreference, med, bandwidth }: Loose): ServiceTerms {
  return {
    role,
    communities,
    prepend,
    ...(localPreference !== undefined && { localPreference }),
    ...(med !== undefined && { med }),
    ...(bandwidth !== undefined && { bandwidth }),
  };
}

/** The terms of a rule for a node that is to take traffic. `bandwidth` is undefined where none is told. */
export function primaryTerms({ spec }: AdvertisementRule, bandwidth: number | undefined): ServiceTerms {
  const { communities = [], prepend = 0, localPreference, med } = spec;
  return serviceTerms({
    role: 'primary',
    communities: sortedOnce(communities),
    prepend,
    localPreference,
    med,
    bandwidth,
  });
}

/** The terms of a rule for a node that is to take traffic only where no other does. */
export function backupTerms({ spec }: AdvertisementRule): ServiceTerms {
  const { communities = [], prepend = 0, localPreference = USUAL_LOCAL_PREFERENCE, med = 0, backup = {} } = spec;
  return serviceTerms({
    role: 'backup',
    communities: sortedOnce([...communities, ...(backup.communities ?? [])]),
    prepend: backup.prepend ?? prepend + BACKUP_PREPEND,
    localPreference: backup.localPreference ?? Math.floor(localPreference / 2),
    med: backup.med ?? Math.min(med + BACKUP_MED, 0xffffffff),
    bandwidth: undefined,
  });
}
