import type { PathTable } from '../rib/path-table.ts';
import type { Coverage } from './transition.ts';

/** How many prefixes have accepted paths from these peers (indices in the RIB), and how many of them from nobody else. */
export function coverageBy(tables: readonly PathTable[], peers: ReadonlySet<number>): Coverage {
  let [all, alone] = [0, 0];
  for (const table of tables) {
    const { first, next, accepted, peer } = table;
    for (let prefix = 1; prefix < table.prefixes.end; prefix++) {
      let [isTheirs, isOthers] = [false, false];
      for (let row = first[prefix]; row !== 0 && !(isTheirs && isOthers); row = next[row]) {
        if (accepted[row] === 0) continue;
        if (peers.has(peer[row])) isTheirs = true;
        else isOthers = true;
      }
      if (!isTheirs) continue;
      all++;
      if (!isOthers) alone++;
    }
  }
  return { all, alone };
}
