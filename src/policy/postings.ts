/** Which of many things have a label, and a value of it. */
import type { Labels } from '../resources/selector.ts';
import { membersOf, sizeOf, withMember, withoutMember } from './few.ts';
import type { Few } from './few.ts';

export class Postings<T extends object> {
  readonly #byLabel = new Map<string, ByValue<T>>();

  add(labels: Labels, item: T): void {
    for (const label of Object.keys(labels)) {
      let entry = this.#byLabel.get(label);
      if (entry === undefined) this.#byLabel.set(label, (entry = { count: 0, items: new Map() }));
      entry.count++;
      const value = labels[label];
      entry.items.set(value, withMember(entry.items.get(value), item));
    }
  }

  remove(labels: Labels, item: T): void {
    for (const label of Object.keys(labels)) {
      const entry = this.#byLabel.get(label);
      if (entry === undefined) continue;
      const value = labels[label];
      const rest = withoutMember(entry.items.get(value), item);
      if (rest === undefined) entry.items.delete(value);
      else entry.items.set(value, rest);
      if (--entry.count === 0) this.#byLabel.delete(label);
    }
  }

  /** How many have the label with one of the values; without values, with any. */
  count(label: string, oneOf: readonly string[] | undefined): number {
    const entry = this.#byLabel.get(label);
    if (entry === undefined) return 0;
    return oneOf === undefined ? entry.count : oneOf.reduce((sum, value) => sum + sizeOf(entry.items.get(value)), 0);
  }

  /** Those that {@link count} counts. */
  *having(label: string, oneOf: readonly string[] | undefined): Generator<T> {
    const items = this.#byLabel.get(label)?.items;
    if (items === undefined) return;
    for (const value of oneOf ?? items.keys()) yield* membersOf(items.get(value));
  }
}

interface ByValue<T extends object> {
  count: number;
  readonly items: Map<string, Few<T>>;
}
