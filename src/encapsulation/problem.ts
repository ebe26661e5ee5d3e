/** Something in the resources by which routes between nodes are missing, doubled or not what they seem. */
export interface EncapsulationProblem {
  /** The resource it is about, e.g. `BGPConfiguration default`. */
  readonly resource: string;
  /** Field of its spec, or empty where it is the resource as a whole. */
  readonly field: string;
  /** What it means and what to do, in sentences. */
  readonly message: string;
}

/** Names in quotes for a sentence: three of them at most, then how many more there are. */
export function quoted(names: readonly string[]): string {
  const shown = names.length > 4 ? names.slice(0, 3) : names;
  const words = shown.map((name) => `"${name}"`).join(', ');
  return names.length > shown.length ? `${words} and ${names.length - shown.length} more` : words;
}
