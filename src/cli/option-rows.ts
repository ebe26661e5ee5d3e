/** Options that many commands take. */
import type { OptionRow } from './command.ts';

/** Of everything that shows something. */
export const SHOWING: readonly OptionRow[] = [
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    description: 'how to show it, default table',
    choices: ['table', 'wide', 'json', 'yaml'],
  },
  { name: 'no-headers', description: 'leave the header of tables out' },
];

const WATCHING: readonly OptionRow[] = [
  { name: 'watch', short: 'w', description: 'show it again and again, until Ctrl-C' },
  { name: 'interval', value: 'SECONDS', description: 'time between two looks with --watch, default 2' },
];

/** Of what can be looked at again and again. */
export const SHOW: readonly OptionRow[] = [...SHOWING, ...WATCHING];
