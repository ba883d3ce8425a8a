import { quoted, type CommandShape } from './command-shape.ts';

/** What COMPREPLY leaves empty, readline completes as a file. */
export function bashScript(commands: readonly CommandShape[]): string {
  const names = commands.map(({ name }) => name);
  return `# bash completion of vaultonce. To load it: source <(vaultonce completion bash)
_vaultonce() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= index words=
  COMPREPLY=()
  # Bash takes the = of --flag=value for a word.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]] && ((COMP_CWORD > 2)); then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    if [[ -z $command ]]; then
      case \${COMP_WORDS[index]} in
        ${names.join(' | ')}) command=\${COMP_WORDS[index]} ;;
      esac
    elif [[ \${COMP_WORDS[index]} == -- ]]; then
      if [[ $command == exec ]] && ((index == COMP_CWORD - 1)); then
        COMPREPLY=($(compgen -c -- "$cur"))
      fi
      return
    fi
  done
  case "$command $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case $command in
    '') words=${quoted([...names, '--help', '--version'].join(' '))} ;;
${commands.map(wordCase).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _vaultonce vaultonce
`;
}

function valueCases({ name, options }: CommandShape): string[] {
  const withValue = options.filter(({ value }) => value !== undefined);
  const free = withValue.filter(({ value }) => value?.choices.length === 0);
  const chosen = withValue.filter((option) => !free.includes(option));
  const patterns = (option: (typeof options)[number]): string[] =>
    [option.long, ...(option.short === undefined ? [] : [option.short])].map((flag) =>
      quoted(`${name} ${flag}`),
    );
  return [
    ...chosen.map(
      (option) =>
        `    ${patterns(option).join(' | ')}) COMPREPLY=($(compgen -W ${quoted((option.value?.choices ?? []).join(' '))} -- "$cur")); return ;;`,
    ),
    ...(free.length === 0 ? [] : [`    ${free.flatMap(patterns).join(' | ')}) return ;;`]),
  ];
}

function wordCase({ name, options, argument }: CommandShape): string {
  const flags = options.map(({ long }) => long).join(' ');
  const choices = argument.kind === 'choices' ? argument.choices.join(' ') : '';
  return `    ${name}) if [[ $cur == -* ]]; then words=${quoted(flags)}; else words=${quoted(choices)}; fi ;;`;
}
