/** Completion for fish. */
import type { OptionRow } from '../command.ts';
import { isFile, places, takesFile } from './vocabulary.ts';
import type { Place } from './vocabulary.ts';

export function fishScript(): string {
  const lines = places().flatMap((place) => [
    ...place.words.map(({ text, description }) =>
      rule(conditionFor(place), `-a ${quote(text)} -d ${quote(description)}`),
    ),
    ...(takesFile(place.command) ? [rule(conditionFor(place), '-F')] : []),
    ...place.options.map((option) => rule(conditionFor(place), optionFlags(option))),
  ]);
  return `# fish completion for starling: starling completion fish | source
function __starling_at
    set -l words (commandline -opc | string match -v -- '-*')
    set -e words[1]
    test "$words[1..2]" = "$argv" -o "$words[1]" = "$argv"
end
complete -c starling -f
${lines.join('\n')}
`;
}

/** A noun alone wants its verb; a whole command may be followed by arguments. */
function conditionFor({ command }: Place): string {
  if (command === '') return '__fish_use_subcommand';
  const hasVerbs = places().some((place) => place.command.startsWith(`${command} `));
  const seen = `__starling_at ${command}`;
  if (!hasVerbs) return seen;
  const verbs = places()
    .find((place) => place.command === command)!
    .words.map(({ text }) => text);
  return `${seen}; and not __fish_seen_subcommand_from ${verbs.join(' ')}`;
}

function rule(condition: string, rest: string): string {
  return `complete -c starling -n ${quote(condition)} ${rest}`;
}

function optionFlags(option: OptionRow): string {
  const { name, short, value, choices, description } = option;
  const values = isFile(option) ? ' -rF' : choices === undefined ? ' -x' : ` -xa ${quote(choices.join(' '))}`;
  return `${short === undefined ? '' : `-s ${short} `}-l ${name}${value === undefined ? '' : values} -d ${quote(description)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
