/** Kernel routes: `starling fib list`, `fib list --why` and `fib diff`. */
import type { FibEntry } from '../../api/route-types.ts';
import { paint } from '../output/style.ts';
import type { Colour, Style } from '../output/style.ts';
import type { Cell, Column } from '../output/table.ts';
import { formatDuration, formatFields } from '../output/words.ts';

const STATE_COLOURS = { installed: 'green', pending: 'yellow', failed: 'red' } as const;

const DIFFERENCE_COLOURS: Readonly<Record<NonNullable<FibEntry['difference']>, Colour>> = {
  missing: 'yellow',
  extra: 'yellow',
  differs: 'yellow',
  failed: 'red',
};

export interface FibTable {
  readonly columns: readonly Column[];
  readonly toRows: (entry: FibEntry) => readonly (readonly Cell[])[];
}

/** Columns of `starling fib list`; the wide ones show what the kernel has beside what it should have. */
export function fibColumns(wide: boolean): FibTable {
  const titles = wide
    ? ['PREFIX', 'STATE', 'NEXT-HOPS', 'WANTED', 'INSTALLED', 'ERROR']
    : ['PREFIX', 'STATE', 'NEXT-HOPS', 'ERROR'];
  const toRow = (entry: FibEntry): readonly Cell[] => {
    const { prefix, state, error, wanted, installed } = entry;
    return [
      prefix,
      { text: state, colour: STATE_COLOURS[state] },
      nextHopsWords(entry),
      ...(wide ? [listed(wanted), listed(installed)] : []),
      error ?? '',
    ];
  };
  return { columns: titles.map((title) => ({ title })), toRows: (entry) => [toRow(entry)] };
}

/** Columns of `starling fib diff`. */
export const DIFF_TABLE: FibTable = {
  columns: ['PREFIX', 'DIFFERENCE', 'WANTED', 'INSTALLED', 'ERROR'].map((title) => ({ title })),
  toRows: ({ prefix, difference, wanted, installed, error, retrySeconds }) => [
    [
      prefix,
      { text: difference ?? '', colour: difference === null ? undefined : DIFFERENCE_COLOURS[difference] },
      listed(wanted),
      listed(installed),
      errorWords(error, retrySeconds),
    ],
  ],
};

/** A paragraph of `starling fib list --why`. */
export function renderWhy(entry: FibEntry, style: Style): string {
  const { prefix, state, error, retrySeconds, wanted, installed, notes, why } = entry;
  const programming = why?.programming ?? null;
  const paths = why?.paths.map(({ peer, nextHop, words }) => {
    const from = peer === null ? 'originated here' : `from ${peer}`;
    return `${from}${nextHop === null || nextHop === peer ? '' : `, next hop ${nextHop}`}: ${words}`;
  });
  const head = `${paint(prefix, 'bold', style)}  ${paint(state, STATE_COLOURS[state], style)}`;
  const fields = formatFields(
    [
      ['chosen by', ...(paths ?? [])],
      ['rule', ...(programming === null ? [] : [programming])],
      ['next hops', ...notes],
      ['wanted', listed(wanted)],
      ['installed', listed(installed)],
      ['error', ...(error === null ? [] : [errorWords(error, retrySeconds)])],
    ],
    '  ',
  );
  return `${head}\n${fields}`;
}

function errorWords(error: string | null, retrySeconds: number | null): string {
  const retry = retrySeconds === null ? '' : `, tried again in ${formatDuration(Math.ceil(retrySeconds))}`;
  return error === null ? '' : `${error}${retry}`;
}

function nextHopsWords({ nextHops, wanted }: FibEntry): string {
  if (nextHops.length === 0) return listed(wanted);
  return nextHops
    .map(({ address, interface: name, weight }) =>
      [address, name === null ? null : `dev ${name}`, weight > 1 ? `weight ${weight}` : null]
        .filter((word) => word !== null)
        .join(' '),
    )
    .join(', ');
}

function listed(hops: readonly string[]): string {
  return hops.join(', ') || '-';
}
