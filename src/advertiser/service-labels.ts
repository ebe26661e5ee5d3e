/** Numbers for lists of offers, so that a route holds one number. */
import type { ServiceLabel, ServiceOffer } from './service-routes.ts';
import { PLAIN_TERMS } from './terms.ts';

/** What the plain label says where it stands beside others. */
const PLAIN: readonly ServiceOffer[] = [{ rule: 'BGPConfiguration "default"', scope: 'Cluster', terms: PLAIN_TERMS }];

/** Gives the same list of offers always the same number. */
export class ServiceLabels {
  readonly #offers: (readonly ServiceOffer[])[] = [[]];
  readonly #labels = new Map<string, ServiceLabel>([['[]', 0]]);

  /** The number of a list; 0 for the empty one. */
  labelOf(offers: readonly ServiceOffer[]): ServiceLabel {
    const text = JSON.stringify(offers);
    let label = this.#labels.get(text);
    if (label === undefined) {
      label = this.#offers.push(offers) - 1;
      this.#labels.set(text, label);
    }
    return label;
  }

  /** The offers of a number that `labelOf` gave. */
  offersOf(label: ServiceLabel): readonly ServiceOffer[] {
    return this.#offers[label] ?? [];
  }

  /** The label of a prefix that several services have, each with one of these labels; their order does not count. */
  combine(labels: readonly ServiceLabel[]): ServiceLabel {
    if (labels.length === 1) return labels[0];
    // Nothing is kept of the sets of labels, of which there is no end where many services share a prefix.
    return this.labelOf(this.#groups(labels));
  }

  /** The offers of all labels, a group each. Groups that differ only in bandwidth become one, with the greatest. */
  #groups(labels: readonly ServiceLabel[]): readonly ServiceOffer[] {
    const groups = new Map<string, readonly ServiceOffer[]>();
    for (const label of labels) {
      for (const group of groupsOf(label === 0 ? PLAIN : this.offersOf(label))) {
        const key = JSON.stringify(group.map((offer) => withBandwidth(offer, undefined)));
        const known = groups.get(key);
        groups.set(key, known === undefined ? group : group.map((offer, i) => wider(offer, known[i])));
      }
    }
    const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
    if (sorted.length === 1 && labels.includes(0)) return [];
    return sorted.flatMap(([, offers], group) => offers.map((offer) => (group === 0 ? offer : { ...offer, group })));
  }
}

/** The offers of each group, as they would stand alone. */
function groupsOf(offers: readonly ServiceOffer[]): readonly (readonly ServiceOffer[])[] {
  const groups: ServiceOffer[][] = [];
  for (const { group = 0, ...offer } of offers) (groups[group] ??= []).push(offer);
  return groups;
}

function wider(one: ServiceOffer, other: ServiceOffer): ServiceOffer {
  const bandwidth = Math.max(one.terms?.bandwidth ?? 0, other.terms?.bandwidth ?? 0);
  return bandwidth === 0 ? one : withBandwidth(one, bandwidth);
}

function withBandwidth(offer: ServiceOffer, bandwidth: number | undefined): ServiceOffer {
  if (offer.terms?.bandwidth === bandwidth || offer.terms === undefined) return offer;
  const { bandwidth: _, ...rest } = offer.terms;
  return { ...offer, terms: bandwidth === undefined ? rest : { ...rest, bandwidth } };
}
