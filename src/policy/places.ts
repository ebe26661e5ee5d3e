/** Who has which addresses and prefixes. Nearly always one has an address alone, which then costs no list. */
import { PrefixTree } from './prefix-tree.ts';

export class Places<T extends object> {
  readonly #holders = new Map<string, T | T[]>();
  readonly #prefixes = new PrefixTree();

  add(place: string, holder: T): void {
    const held = this.#holders.get(place);
    if (Array.isArray(held)) held.push(holder);
    else if (held !== undefined) this.#holders.set(place, [held, holder]);
    else {
      this.#holders.set(place, holder);
      if (isPrefix(place)) this.#prefixes.add(place);
    }
  }

  remove(place: string, holder: T): void {
    const rest = this.at(place).filter((other) => other !== holder);
    if (rest.length > 0) this.#holders.set(place, rest.length === 1 ? rest[0] : rest);
    else if (this.#holders.delete(place) && isPrefix(place)) this.#prefixes.remove(place);
  }

  /** Those that have this very address or prefix. */
  at(place: string): readonly T[] {
    const held = this.#holders.get(place);
    if (held === undefined) return [];
    return Array.isArray(held) ? held : [held];
  }

  /** Those that have the address, or a prefix that it lies in, each once. */
  around(address: string): readonly T[] {
    const within = this.#prefixes.containing(address).flatMap((prefix) => this.at(prefix));
    return [...new Set([...this.at(address), ...within])];
  }

  /** Prefixes that a prefix lies in, itself not. */
  prefixesAround(prefix: string): readonly string[] {
    return this.#prefixes.containing(prefix).filter((other) => other !== prefix);
  }

  /** The widest of what lies within a prefix and is `wanted`, itself not. */
  widestWithin(prefix: string, wanted: (prefix: string) => boolean): readonly string[] {
    return this.#prefixes.widestWithin(prefix, wanted);
  }
}

export function isPrefix(place: string): boolean {
  return place.includes('/');
}
