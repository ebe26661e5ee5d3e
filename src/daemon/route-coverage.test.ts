import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import { PathTable } from '../rib/path-table.ts';
import { coverageBy } from './route-coverage.ts';

/** A table with a best path from the first peer of each prefix; a negative peer has told a path that was not accepted. */
function tableOf(routes: Readonly<Record<string, readonly number[]>>): PathTable {
  const table = new PathTable(0);
  for (const [text, peers] of Object.entries(routes)) {
    const { words, length } = parsePrefix(text);
    const prefix = table.prefixes.intern(...words, length);
    table.fitPrefixes();
    for (const peer of peers) {
      const row = table.insert(prefix, Math.abs(peer), 0);
      table.received[row] = 1;
      table.accepted[row] = peer > 0 ? 1 : 0;
    }
    table.bestSet[prefix] = 1;
    table.bestPeer[prefix] = peers[0];
  }
  return table;
}

describe('prefixes known from some peers', () => {
  it('are counted by whether another one told an accepted path too', () => {
    const table = tableOf({
      '10.0.1.0/24': [4],
      '10.0.2.0/24': [4, 5],
      '10.0.3.0/24': [4, 6],
      '10.0.4.0/24': [4, -6],
      '10.0.5.0/24': [6, 4],
    });
    expect(coverageBy([table], new Set([4, 5]))).toEqual({ all: 5, alone: 3 });
    expect(coverageBy([table], new Set([4]))).toEqual({ all: 5, alone: 2 });
    expect(coverageBy([table], new Set([7]))).toEqual({ all: 0, alone: 0 });
  });
});
