/** What can be completed, taken from the table of commands, in the shape that the scripts of all shells need. */
import type { ArgumentRow, CommandRow, OptionRow } from '../command.ts';
import { COMMANDS, GLOBAL_OPTIONS, NOUNS } from '../command-table.ts';

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
    ...nouns.map((noun) => ({ command: noun, words: verbsOf(noun), options: GLOBAL_OPTIONS })),
    ...COMMANDS.map((row) => ({ command: row.name, words: choicesOf(row), options: optionsOf(row) })),
  ];
}

/** Options with a value and what it may be, each once; options of the same name have the same values everywhere. */
export function valuedOptions(): readonly OptionRow[] {
  const all = [...GLOBAL_OPTIONS, ...COMMANDS.flatMap(({ options = [] }) => options)];
  const valued = all.filter(({ value }) => value !== undefined);
  return [...new Map(valued.map((option) => [option.name, option])).values()];
}

/** Whether a value, by its placeholder, is the name of a file. */
export function isFile({ value }: OptionRow): boolean {
  return value === 'PATH' || value === 'FILE';
}

/** `--output` and, where there is one, `-o`. */
export function spellings({ name, short }: OptionRow): string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
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

function optionsOf({ options = [] }: CommandRow): OptionRow[] {
  return [...options, ...GLOBAL_OPTIONS];
}
