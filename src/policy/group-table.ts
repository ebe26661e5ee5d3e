/** Finds what has given labels and profiles. Texts of keys would take as much memory as the labels, so keys are hashes. */
import type { Labels } from '../resources/selector.ts';

interface Labelled {
  readonly labels: Labels;
  readonly profiles: readonly string[];
}

export class GroupTable<G extends Labelled> {
  readonly #byHash = new Map<number, G | G[]>();

  find(sought: Labelled): G | undefined {
    const held = this.#byHash.get(hashOf(sought));
    if (!Array.isArray(held)) return held !== undefined && isSame(held, sought) ? held : undefined;
    return held.find((group) => isSame(group, sought));
  }

  add(group: G): void {
    const hash = hashOf(group);
    const held = this.#byHash.get(hash);
    if (Array.isArray(held)) held.push(group);
    else this.#byHash.set(hash, held === undefined ? group : [held, group]);
  }

  delete(group: G): void {
    const hash = hashOf(group);
    const held = this.#byHash.get(hash);
    const rest = Array.isArray(held) ? held.filter((other) => other !== group) : [];
    if (rest.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, rest.length === 1 ? rest[0] : rest);
  }
}

/** The same for the same labels in any order; small enough to be no object. */
function hashOf({ labels, profiles }: Labelled): number {
  let sum = 0;
  for (const label of Object.keys(labels)) sum = (sum + textHash(labels[label], textHash(label, FNV_OFFSET))) | 0;
  let hash = sum ^ FNV_OFFSET;
  for (const profile of profiles) hash = textHash(profile, hash);
  return hash >>> 2;
}

/** FNV-1a, over UTF-16 units. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function textHash(text: string, start: number): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

function isSame(a: Labelled, b: Labelled): boolean {
  if (a.profiles.length !== b.profiles.length || a.profiles.some((name, i) => name !== b.profiles[i])) return false;
  const labels = Object.keys(a.labels);
  if (labels.length !== Object.keys(b.labels).length) return false;
  return labels.every((label) => a.labels[label] === b.labels[label]);
}
