/** Sentences of the FIB that stand for many things at once. */

/** How many are named. */
const MOST_NAMED = 3;

/** What to say of routes that the kernel refused, of which `first` is one. */
export function refusedWords(count: number, first: string): string {
  return count === 1
    ? `a route is not in the kernel as it should be: ${first}`
    : `${count} routes are not in the kernel as they should be, the first: ${first}`;
}

/** The first few of many texts, and how many more there are. */
export function someOf(texts: readonly string[]): string {
  const more = texts.length - MOST_NAMED;
  return [...texts.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
