/** The terms on which a peer is told a route, of all the offers of the route. */
import type { ServiceOffer, ServiceTerms } from './service-routes.ts';

/** Terms of a route that is told as it is. */
export const PLAIN_TERMS: ServiceTerms = { role: 'primary', communities: [], prepend: 0 };

/**
 * The terms for a peer of which `applies` says whether a selector picks it: those of all the offers that are about it, put
 * together. Undefined: the peer is not told.
 */
export function termsFor(
  offers: readonly ServiceOffer[],
  applies: (selector: string) => boolean,
): ServiceTerms | undefined {
  if (offers.length === 0) return PLAIN_TERMS;
  return offers.find(({ peerSelector }) => peerSelector === undefined || applies(peerSelector))?.terms;
}
