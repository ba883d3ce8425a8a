import type { CommandShape, OptionShape } from './command-shape.ts';

/** Fish completes files unless `-f` or `-x` says otherwise. */
export function fishScript(commands: readonly CommandShape[]): string {
  const lines = commands.flatMap(({ name, description, options, argument }) => {
    const inside = `complete -c vaultonce -n ${quotedForFish(`__fish_seen_subcommand_from ${name}`)}`;
    return [
      `complete -c vaultonce -f -n __fish_use_subcommand -a ${name} -d ${quotedForFish(description)}`,
      ...options.map((option) => `${inside} ${optionParts(option).join(' ')}`),
      ...(argument.kind === 'none' ? [`${inside} -f`] : []),
      ...(argument.kind === 'choices'
        ? [`${inside} -f -a ${quotedForFish(argument.choices.join(' '))}`]
        : []),
      ...(argument.kind === 'command' ? [`${inside} -a '(__fish_complete_command)'`] : []),
    ];
  });
  return `# fish completion of vaultonce. To load it: vaultonce completion fish | source
complete -c vaultonce -f -n __fish_use_subcommand -s h -l help -d 'show help'
complete -c vaultonce -f -n __fish_use_subcommand -s V -l version -d 'print the version'
${lines.join('\n')}
`;
}

function optionParts({ long, short, description, value }: OptionShape): string[] {
  const choices = value?.choices ?? [];
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    `-l ${long.slice(2)}`,
    ...(value === undefined
      ? []
      : choices.length === 0
        ? ['-r']
        : [`-x -a ${quotedForFish(choices.join(' '))}`]),
    `-d ${quotedForFish(description)}`,
  ];
}

function quotedForFish(text: string): string {
  return `'${text.replace(/['\\]/g, (character) => `\\${character}`)}'`;
}
