/** A node that is taken for another one has no workloads, and nothing passes at their interfaces: it has to be said. */

/** Most names in a sentence. */
const MOST = 3;

/** In words, that there are interfaces of workloads and no workload; undefined where there are none. */
export function unknownWorkloads(
  node: string,
  interfaces: readonly string[],
  prefixes: readonly string[],
): string | undefined {
  const found = interfaces.filter((name) => prefixes.some((prefix) => name.startsWith(prefix))).toSorted();
  if (found.length === 0) return undefined;
  const more = found.length > MOST ? ` and ${found.length - MOST} more` : '';
  const names = `${found.slice(0, MOST).join(', ')}${more}`;
  return `No workload of node "${node}" is known, but interfaces of workloads are here (${names}), at which nothing passes: check nodeName, unless they are left from workloads that are gone.`;
}
