import type { PathTable } from '../rib/path-table.ts';

/** How many prefixes have accepted paths from these peers (indices in the RIB) and from nobody else. */
export function uncoveredPrefixes(tables: readonly PathTable[], peers: ReadonlySet<number>): number {
  let count = 0;
  for (const table of tables) {
    for (let prefix = 1; prefix < table.prefixes.end; prefix++) {
      if (table.bestSet[prefix] === 0 || !peers.has(table.bestPeer[prefix])) continue;
      let row = table.first[prefix];
      while (row !== 0 && (table.accepted[row] === 0 || peers.has(table.peer[row]))) row = table.next[row];
      if (row === 0) count++;
    }
  }
  return count;
}
