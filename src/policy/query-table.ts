/** Selectors by what they demand of a label, so that of thousands only the few are asked that could match. */
import type { Labels, Selector } from '../resources/selector.ts';

export interface Query {
  readonly selector: Selector;
}

/** A label that must be there for a query to match; with values, must have one of them. */
export interface Demand {
  readonly label: string;
  readonly oneOf: readonly string[] | undefined;
}

interface Shelf<Q> {
  readonly byValue: Map<string, Set<Q>>;
  readonly present: Set<Q>;
}

export class QueryTable<Q extends Query> {
  readonly #shelves = new Map<string, Shelf<Q>>();
  /** Those that demand nothing. */
  readonly #always = new Set<Q>();
  /** Where each stands; undefined for those that demand nothing. */
  readonly #places = new Map<Q, Demand | undefined>();

  /** `frequency` says how many things meet a demand; a guess does. */
  add(query: Q, frequency: (demand: Demand) => number): void {
    const demands = demandsOf(query.selector);
    if (demands === 'impossible') return;
    let place: Demand | undefined;
    let least = Infinity;
    for (const demand of demands) {
      // As many questions as things that meet it and queries that stand there make together.
      const cost = (frequency(demand) + 1) * (this.#standing(demand) + 1);
      if (cost >= least) continue;
      least = cost;
      place = demand;
    }
    this.#places.set(query, place);
    for (const shelf of this.#placesOf(place)) shelf.add(query);
  }

  remove(query: Q): void {
    if (!this.#places.has(query)) return;
    const place = this.#places.get(query);
    this.#places.delete(query);
    for (const queries of this.#placesOf(place)) queries.delete(query);
    if (place !== undefined) this.#tidy(place);
  }

  /** Every query that can match, each once, and some that don't. */
  *candidates(labels: Labels, inherited: readonly Labels[]): Generator<Q> {
    yield* this.#always;
    yield* this.#demanding(labels);
    for (const [i, more] of inherited.entries()) {
      yield* this.#demanding(more, [labels, ...inherited.slice(0, i)]);
    }
  }

  *#demanding(labels: Labels, hiding: readonly Labels[] = []): Generator<Q> {
    for (const label of Object.keys(labels)) {
      const shelf = this.#shelves.get(label);
      // A label that another hides does not count.
      if (shelf === undefined || hiding.some((other) => Object.hasOwn(other, label))) continue;
      yield* shelf.present;
      const queries = shelf.byValue.get(labels[label]);
      if (queries !== undefined) yield* queries;
    }
  }

  #standing({ label, oneOf }: Demand): number {
    const shelf = this.#shelves.get(label);
    if (shelf === undefined) return 0;
    if (oneOf === undefined) return shelf.present.size;
    return oneOf.reduce((sum, value) => sum + (shelf.byValue.get(value)?.size ?? 0), 0);
  }

  /** The sets in which a query of this demand stands. */
  #placesOf(place: Demand | undefined): readonly Set<Q>[] {
    if (place === undefined) return [this.#always];
    let shelf = this.#shelves.get(place.label);
    if (shelf === undefined) this.#shelves.set(place.label, (shelf = { byValue: new Map(), present: new Set() }));
    if (place.oneOf === undefined) return [shelf.present];
    const { byValue } = shelf;
    return place.oneOf.map((value) => {
      let queries = byValue.get(value);
      if (queries === undefined) byValue.set(value, (queries = new Set()));
      return queries;
    });
  }

  #tidy({ label, oneOf = [] }: Demand): void {
    const shelf = this.#shelves.get(label);
    if (shelf === undefined) return;
    for (const value of oneOf) if (shelf.byValue.get(value)?.size === 0) shelf.byValue.delete(value);
    if (shelf.byValue.size === 0 && shelf.present.size === 0) this.#shelves.delete(label);
  }
}

/** What a selector demands, each demand necessary; `impossible` where nothing can match. */
export function demandsOf(selector: Selector): readonly Demand[] | 'impossible' {
  const demands: Demand[] = [];
  for (const [label, { mustBePresent, mustBeAbsent, oneOf }] of selector.restrictions) {
    if (mustBePresent !== true) continue;
    if (mustBeAbsent === true || oneOf?.length === 0) return 'impossible';
    demands.push({ label, oneOf });
  }
  return demands;
}
