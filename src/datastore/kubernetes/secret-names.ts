/** Which Secrets the objects that may name some do name, kept up to date object by object. */
import { parseResource } from '../../resources/parse-resource.ts';
import { referencedSecrets } from '../../resources/referenced-secrets.ts';
import type { RawItem } from '../raw-item.ts';

/** Kinds that refer to Secrets. */
const REFERRING: readonly string[] = ['BGPConfiguration', 'BGPPeer', 'PeerProfile'];

export class SecretNames {
  /** By source, then key. */
  readonly #names = new Map<string, Map<string, readonly string[]>>();

  /** Whether a source may name Secrets. */
  concerns(source: string): boolean {
    return REFERRING.includes(source);
  }

  /** Whether every source that may name some was read. */
  get complete(): boolean {
    return REFERRING.every((source) => this.#names.has(source));
  }

  /** All names, each once. */
  get all(): readonly string[] {
    const objects = [...this.#names.values()].flatMap((source) => [...source.values()]);
    return [...new Set(objects.flat())].sort();
  }

  replace(source: string, items: readonly RawItem[]): void {
    const before = this.#names.get(source);
    this.#names.set(source, new Map(items.map((item) => [item.key, namesIn(item) ?? before?.get(item.key) ?? []])));
  }

  put(source: string, item: RawItem): void {
    const names = namesIn(item);
    if (names !== undefined) this.#names.get(source)?.set(item.key, names);
  }

  delete(source: string, key: string): void {
    this.#names.get(source)?.delete(key);
  }
}

/** Undefined for a bad object: the state that it was in before stays in force, and with it its Secrets. */
function namesIn({ value }: RawItem): readonly string[] | undefined {
  const parsed = parseResource(value);
  return parsed.ok ? referencedSecrets(parsed.resource) : undefined;
}
