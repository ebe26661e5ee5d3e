/** Completion for bash. */
import { isFile, places, takesFile, valuedOptions, valuePatterns } from './vocabulary.ts';

export function bashScript(): string {
  return `# bash completion for starling: source <(starling completion bash)
_starling() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' word words
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command/$word" in
${commandCases()}
    esac
  done
  case "$command/$previous" in
${valueCases()}
  esac
  case $command in
${wordCases()}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _starling starling
`;
}

function valueCases(): string {
  return valuedOptions()
    .map(({ command, option }) => {
      const pattern = valuePatterns(command, option);
      if (isFile(option)) return `    ${pattern}) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;`;
      const choices = (option.choices ?? []).join(' ');
      return `    ${pattern}) mapfile -t COMPREPLY < <(compgen -W '${choices}' -- "$current"); return ;;`;
    })
    .join('\n');
}

/** Each known word leads one step on: from nothing to the noun, from the noun to the verb. */
function commandCases(): string {
  return places()
    .filter(({ command }) => command !== '')
    .map(({ command }) => {
      const [noun, verb] = command.split(' ');
      const pattern = verb === undefined ? `/${noun}` : `${noun}/${verb}`;
      return `      '${pattern}') command='${command}' ;;`;
    })
    .join('\n');
}

function wordCases(): string {
  return places()
    .map(({ command, words, options }) => {
      const all = [...words.map(({ text }) => text), ...options.map(({ name }) => `--${name}`)].join(' ');
      if (!takesFile(command)) return `    '${command}') words='${all}' ;;`;
      const files = `[[ $current == -* ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$current"); return; }`;
      return `    '${command}') words='${all}'; ${files} ;;`;
    })
    .join('\n');
}
