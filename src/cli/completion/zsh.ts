/** Completion for zsh. */
import { isFile, places, takesFile, valuedOptions, valuePatterns } from './vocabulary.ts';
import type { Word } from './vocabulary.ts';

export function zshScript(): string {
  return `#compdef starling
# zsh completion for starling: source <(starling completion zsh), or as _starling in a directory of $fpath
_starling() {
  local command='' word
  local -a choices options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$command/$word" in
${commandCases()}
    esac
  done
  case "$command/\${words[CURRENT-1]}" in
${valueCases()}
  esac
  case $command in
${wordCases()}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe option options
  else
    _describe command choices
  fi
}
if [[ $funcstack[1] == _starling ]]; then
  _starling "$@"
else
  compdef _starling starling
fi
`;
}

function valueCases(): string {
  return valuedOptions()
    .map(({ command, option }) => {
      const action = isFile(option) ? '_files' : `compadd -- ${(option.choices ?? []).join(' ')}`;
      return `    ${valuePatterns(command, option)}) ${action.trimEnd()}; return ;;`;
    })
    .join('\n');
}

function commandCases(): string {
  return places()
    .filter(({ command }) => command !== '')
    .map(
      ({ command }) =>
        `      '${command.includes(' ') ? command.replace(' ', '/') : `/${command}`}') command='${command}' ;;`,
    )
    .join('\n');
}

function wordCases(): string {
  return places()
    .map(({ command, words, options }) => {
      const all = options.map(({ name, description }) => ({ text: `--${name}`, description }));
      const files = takesFile(command) ? ` [[ \${words[CURRENT]} == -* ]] || { _files; return; };` : '';
      return `    '${command}') choices=(${describe(words)}) options=(${describe(all)});${files} ;;`;
    })
    .join('\n');
}

function describe(words: readonly Word[]): string {
  return words.map(({ text, description }) => quote(`${text}:${description.replaceAll(':', '\\:')}`)).join(' ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
