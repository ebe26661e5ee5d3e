/**
 * Which selectors match which labels, kept while both change. A change of labels asks only the selectors that could match,
 * a change of selectors only the labels that could be matched: what a selector demands of single labels says which.
 */
import type { Labels, Selector } from '../resources/selector.ts';
import { Postings } from './postings.ts';
import { QueryTable, demandsOf } from './query-table.ts';
import type { Demand, Query } from './query-table.ts';

/** Things that have the same labels and the same profiles, from which they inherit labels. */
export interface LabelGroup<Q> {
  readonly labels: Labels;
  readonly profiles: readonly string[];
  /** Queries that match. Only the index writes it. */
  matched: readonly Q[];
}

/** Told of differences when {@link LabelGroup.matched} says so already. */
export interface MatchListener<G, Q> {
  matched(group: G, query: Q): void;
  unmatched(group: G, query: Q): void;
}

export const NO_QUERIES: readonly never[] = [];

interface InheritedLabels {
  readonly name: string;
  readonly labels: Labels;
}

export class LabelIndex<G extends LabelGroup<Q>, Q extends Query> {
  readonly #listener: MatchListener<G, Q>;
  readonly #queries = new QueryTable<Q>();
  readonly #groups = new Set<G>();
  readonly #byLabel = new Postings<G>();
  readonly #byProfile = new Map<string, Set<G>>();
  /** Labels that are inherited from a profile, by its name. */
  readonly #profiles = new Map<string, InheritedLabels>();
  readonly #profilesByLabel = new Postings<InheritedLabels>();

  constructor(listener: MatchListener<G, Q>) {
    this.#listener = listener;
  }

  addGroup(group: G): void {
    this.#groups.add(group);
    this.#byLabel.add(group.labels, group);
    for (const name of group.profiles) {
      const sharing = this.#byProfile.get(name);
      if (sharing === undefined) this.#byProfile.set(name, new Set([group]));
      else sharing.add(group);
    }
    this.#update(group, this.#matching(group));
  }

  removeGroup(group: G): void {
    this.#update(group, NO_QUERIES);
    this.#groups.delete(group);
    this.#byLabel.remove(group.labels, group);
    for (const name of group.profiles) {
      const sharing = this.#byProfile.get(name);
      sharing?.delete(group);
      if (sharing?.size === 0) this.#byProfile.delete(name);
    }
  }

  addQuery(query: Q): void {
    this.#queries.add(query, (demand) => this.#frequency(demand));
    for (const group of this.candidates(query.selector)) {
      if (!query.selector.matches(group.labels, this.inherited(group.profiles))) continue;
      group.matched = [...group.matched, query];
      this.#listener.matched(group, query);
    }
  }

  /** The listener is not told what it no longer matches. */
  removeQuery(query: Q): void {
    this.#queries.remove(query);
    for (const group of this.candidates(query.selector)) {
      if (group.matched.includes(query)) group.matched = group.matched.filter((other) => other !== query);
    }
  }

  /** Undefined where there is no such profile any more. */
  setProfile(name: string, labels: Labels | undefined): void {
    const before = this.#profiles.get(name);
    if (before !== undefined) this.#profilesByLabel.remove(before.labels, before);
    if (labels === undefined) this.#profiles.delete(name);
    else {
      const profile = { name, labels };
      this.#profiles.set(name, profile);
      this.#profilesByLabel.add(labels, profile);
    }
    for (const group of this.#byProfile.get(name) ?? []) this.#update(group, this.#matching(group));
  }

  /** The labels of these profiles, as far as there are any. */
  inherited(profiles: readonly string[]): readonly Labels[] {
    const inherited: Labels[] = [];
    for (const name of profiles) {
      const profile = this.#profiles.get(name);
      if (profile !== undefined) inherited.push(profile.labels);
    }
    return inherited;
  }

  /** All groups that the selector can match, each once, and some that it doesn't. */
  candidates(selector: Selector): Iterable<G> {
    const demands = demandsOf(selector);
    if (demands === 'impossible') return [];
    let rarest: Demand | undefined;
    let least: number = this.#groups.size;
    for (const demand of demands) {
      const frequency = this.#frequency(demand);
      if (frequency >= least) continue;
      least = frequency;
      rarest = demand;
    }
    return rarest === undefined ? this.#groups : this.#meeting(rarest);
  }

  /** How many groups meet a demand, by labels of their own or inherited ones; those that do by both are counted twice. */
  #frequency({ label, oneOf }: Demand): number {
    let frequency = this.#byLabel.count(label, oneOf);
    for (const { name } of this.#profilesByLabel.having(label, oneOf))
      frequency += this.#byProfile.get(name)?.size ?? 0;
    return frequency;
  }

  #meeting({ label, oneOf }: Demand): ReadonlySet<G> {
    const groups = new Set(this.#byLabel.having(label, oneOf));
    for (const { name } of this.#profilesByLabel.having(label, oneOf)) {
      for (const group of this.#byProfile.get(name) ?? []) groups.add(group);
    }
    return groups;
  }

  #matching(group: G): readonly Q[] {
    const inherited = this.inherited(group.profiles);
    const matching: Q[] = [];
    for (const query of this.#queries.candidates(group.labels, inherited)) {
      if (query.selector.matches(group.labels, inherited)) matching.push(query);
    }
    return matching.length === 0 ? NO_QUERIES : matching;
  }

  #update(group: G, matching: readonly Q[]): void {
    const before = group.matched;
    if (before.length === 0 && matching.length === 0) return;
    group.matched = matching;
    const earlier = new Set(before);
    const now = new Set(matching);
    for (const query of before) if (!now.has(query)) this.#listener.unmatched(group, query);
    for (const query of matching) if (!earlier.has(query)) this.#listener.matched(group, query);
  }
}
