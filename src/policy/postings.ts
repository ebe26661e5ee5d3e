/** Which of many things have a label, and a value of it. Most values belong to one thing alone, which then costs no set. */
import type { Labels } from '../resources/selector.ts';

export class Postings<T> {
  readonly #byLabel = new Map<string, ByValue<T>>();

  add(labels: Labels, item: T): void {
    for (const label of Object.keys(labels)) {
      let entry = this.#byLabel.get(label);
      if (entry === undefined) this.#byLabel.set(label, (entry = { count: 0, items: new Map() }));
      entry.count++;
      addTo(entry.items, labels[label], item);
    }
  }

  remove(labels: Labels, item: T): void {
    for (const label of Object.keys(labels)) {
      const entry = this.#byLabel.get(label);
      if (entry === undefined) continue;
      removeFrom(entry.items, labels[label], item);
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
    for (const value of oneOf ?? items.keys()) {
      const held = items.get(value);
      if (held instanceof Set) yield* held;
      else if (held !== undefined) yield held;
    }
  }
}

interface ByValue<T> {
  count: number;
  readonly items: Map<string, T | Set<T>>;
}

function addTo<T>(items: Map<string, T | Set<T>>, value: string, item: T): void {
  const held = items.get(value);
  if (held === undefined) items.set(value, item);
  else if (held instanceof Set) held.add(item);
  else items.set(value, new Set([held, item]));
}

function removeFrom<T>(items: Map<string, T | Set<T>>, value: string, item: T): void {
  const held = items.get(value);
  if (held instanceof Set) held.delete(item);
  if (held === item || (held instanceof Set && held.size === 0)) items.delete(value);
}

function sizeOf(held: unknown): number {
  if (held === undefined) return 0;
  return held instanceof Set ? held.size : 1;
}
