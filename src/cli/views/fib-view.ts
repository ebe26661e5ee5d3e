/** Columns of `starling fib list`. */
import type { FibEntry } from '../../api/types.ts';
import type { Cell, Column } from '../output/table.ts';

export const FIB_COLUMNS: readonly Column[] = [
  { title: 'PREFIX' },
  { title: 'STATE' },
  { title: 'NEXT-HOPS' },
  { title: 'ERROR' },
];

export function fibRow({ prefix, state, nextHops, error }: FibEntry): readonly Cell[] {
  const colour = { installed: 'green', pending: 'yellow', failed: 'red' } as const;
  const hops = nextHops.map(nextHopWords).join(', ') || '-';
  return [prefix, { text: state, colour: colour[state] }, hops, error ?? ''];
}

function nextHopWords({ address, interface: name, weight }: FibEntry['nextHops'][number]): string {
  const words = [address, name === null ? null : `dev ${name}`, weight > 1 ? `weight ${weight}` : null];
  return words.filter((word) => word !== null).join(' ');
}
