/** Numbers for lists of offers, so that a route holds one number. */
import type { ServiceLabel, ServiceOffer } from './service-routes.ts';

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
}
