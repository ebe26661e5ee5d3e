/** What can be completed, taken from the table of commands, in the shape that the scripts of all shells need. */
import type { ArgumentRow, CommandRow, OptionRow } from '../command.ts';
import { COMMANDS, GLOBAL_OPTIONS, globalOptionsOf, NOUNS } from '../command-table.ts';

export interface Word {
  readonly text: string;
  readonly description: string;
}

/** What may follow once the words of `command` stand on the line. */
export interface Place {
  /** '' at the beginning, `peer`, `peer list`. */
  readonly command: string;
  readonly words: readonly Word[];
  readonly options: readonly OptionRow[];
}

/** Every place on the command line. */
export function places(): readonly Place[] {
  const nouns = Object.keys(NOUNS);
  const single = COMMANDS.filter(({ name }) => !name.includes(' '));
  const beginning: Word[] = [
    ...nouns.map((noun) => ({ text: noun, description: NOUNS[noun] })),
    ...single.map(({ name, summary }) => ({ text: name, description: summary })),
  ];
  return [
    { command: '', words: beginning, options: GLOBAL_OPTIONS },
    ...nouns.map((noun) => ({ command: noun, words: verbsOf(noun), options: globalOptionsOf(noun) })),
    ...COMMANDS.map((row) => ({ command: row.name, words: choicesOf(row), options: optionsOf(row) })),
  ];
}

/** An option with a value, and the commands after which it may be that; '' stands for all commands. */
export interface ValuedOption {
  readonly command: string;
  readonly option: OptionRow;
}

/** Options with a value and what it may be: those that mean the same everywhere once, others for each command. */
export function valuedOptions(): readonly ValuedOption[] {
  const all = [
    ...GLOBAL_OPTIONS.map((option) => ({ command: '', option })),
    ...COMMANDS.flatMap(({ name, options = [] }) => options.map((option) => ({ command: name, option }))),
  ].filter(({ option }) => option.value !== undefined);
  const choices = new Map<string, Set<string>>();
  for (const { option } of all)
    choices.set(option.name, (choices.get(option.name) ?? new Set()).add(choicesText(option)));
  const differs = ({ name }: OptionRow): boolean => choices.get(name)!.size > 1;
  const shared = new Map(all.map(({ option }) => [option.name, { command: '', option }]));
  return [
    ...all.filter(({ option }) => differs(option)),
    ...[...shared.values()].filter(({ option }) => !differs(option)),
  ];
}

function choicesText({ value, choices = [] }: OptionRow): string {
  return [value, ...choices].join(' ');
}

/** Whether a value, by its placeholder, is the name of a file. */
export function isFile({ value }: OptionRow): boolean {
  return value === 'PATH' || value === 'FILE';
}

/** Patterns of a `case` in a shell for what stands before a value: the command, a slash, the option. */
export function valuePatterns(command: string, { name, short }: OptionRow): string {
  const before = command === '' ? '*' : `'${command}'`;
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((text) => `${before}/${text}`).join('|');
}

/** Whether the command's argument is the name of a file. */
export function takesFile(command: string): boolean {
  const row = COMMANDS.find(({ name }) => name === command);
  return row?.arguments?.some(({ name }) => name === 'PATH') ?? false;
}

function verbsOf(noun: string): Word[] {
  return COMMANDS.filter(({ name }) => name.startsWith(`${noun} `)).map(({ name, summary }) => ({
    text: name.slice(noun.length + 1),
    description: summary,
  }));
}

function choicesOf({ arguments: rows = [] }: CommandRow): Word[] {
  return rows.flatMap(({ choices = [], description }: ArgumentRow) => choices.map((text) => ({ text, description })));
}

function optionsOf({ name, options = [] }: CommandRow): OptionRow[] {
  return [...options, ...globalOptionsOf(name)];
}
