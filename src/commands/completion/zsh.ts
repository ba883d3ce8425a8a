import { quoted, type ArgumentShape, type CommandShape, type OptionShape } from './command-shape.ts';

/** Works as a file `_vaultonce` in $fpath, and when it is sourced. */
export function zshScript(commands: readonly CommandShape[]): string {
  return `#compdef vaultonce
# zsh completion of vaultonce. To load it: source <(vaultonce completion zsh)
_vaultonce() {
  local context state state_descr line
  typeset -A opt_args
  # Not \`commands\`: that is zsh's own table of what can be run.
  local -a subcommands=(
${commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join('\n')}
  )
  _arguments -C '(- *)'{-h,--help}'[show help]' '(- *)'{-V,--version}'[print the version]' \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command subcommands ;;
    argument)
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
}
if [[ $funcstack[1] == _vaultonce ]]; then
  _vaultonce "$@"
else
  compdef _vaultonce vaultonce
fi
`;
}

function commandCase({ name, options, argument }: CommandShape): string {
  const specs = [...options.map(optionSpec), ...argumentSpecs(argument)];
  // What follows `--` is a command line of its own.
  const after = `          if ((\${words[(i)--]} < CURRENT)); then
            ((CURRENT -= \${words[(i)--]}))
            shift \${words[(i)--]} words
            _normal
            return
          fi
`;
  return `        ${name})
${argument.kind === 'command' ? after : ''}          _arguments -s -S ${specs.join(' \\\n            ')}
          ;;`;
}

function optionSpec({ long, short, description, repeats, value }: OptionShape): string {
  const explained = `[${escaped(description)}]`;
  const action =
    value === undefined || value.choices.length === 0 ? '_files' : `(${value.choices.join(' ')})`;
  const rest = quoted(value === undefined ? explained : `${explained}:${value.name}:${action}`);
  // With these marks the value may also follow as `-cVALUE` and `--config=VALUE`.
  const [attached, equals] = value === undefined ? ['', ''] : ['+', '='];
  if (short === undefined) return `${repeats ? "'*'" : ''}${long}${equals}${rest}`;
  return `${quoted(repeats ? '*' : `(${short} ${long})`)}{${short}${attached},${long}${equals}}${rest}`;
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, (character) => `\\${character}`);
}

function argumentSpecs(argument: ArgumentShape): string[] {
  switch (argument.kind) {
    case 'none':
    case 'command':
      return [];
    case 'text':
      return ["'*:value:_files'"];
    case 'choices':
      return [`'1:name:(${argument.choices.join(' ')})'`];
  }
}
