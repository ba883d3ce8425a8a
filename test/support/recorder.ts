import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { findOnPath } from './binary.ts';
import type { Workspace } from './workspace.ts';

/** A program that a script has started. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: string;
  /** `$VAULTONCE_CONFIG_INLINE`, empty without one. */
  readonly inlineConfig: string;
}

/** What a script itself may need; whatever else it names does nothing. */
const HARMLESS = ['cat', 'sleep'];

/**
 * Runs a script in bash with stand-ins for these programs, and tells how each was called: quotes, variables, pipes and
 * here-documents are the shell's own. Nothing of it reaches the machine.
 */
export async function callsIn(
  script: string,
  programs: readonly string[],
  workspace: Workspace,
): Promise<readonly Call[]> {
  const bin = workspace.path('recorder/bin');
  const calls = workspace.path('recorder/calls');
  const cwd = workspace.path('recorder/cwd');
  for (const directory of [bin, calls, cwd]) mkdirSync(directory, { recursive: true });
  for (const name of HARMLESS) symlinkSync((await findOnPath(name)) ?? '', `${bin}/${name}`);
  for (const name of programs) workspace.write(`recorder/bin/${name}`, recorderOf(name, calls), 0o755);
  const { error, status, signal } = spawnSync(
    '/bin/bash',
    ['-c', `command_not_found_handle() { cat >/dev/null; }\n${script}`],
    { cwd, env: { PATH: bin, HOME: cwd }, input: '', stdio: ['pipe', 'ignore', 'ignore'], timeout: 20_000 },
  );
  if (error !== undefined || status === null)
    throw new Error(`the script ended with ${String(error ?? signal)}`);
  return readdirSync(calls)
    .filter((name) => name.endsWith('.args'))
    .sort((a, b) => parseInt(a) - parseInt(b))
    .map((name) => {
      const [program = '', inlineConfig = '', ...args] = readFileSync(`${calls}/${name}`, 'utf8').split('\0');
      return {
        program,
        inlineConfig,
        args: args.slice(0, -1),
        stdin: readFileSync(`${calls}/${name.replace('.args', '.stdin')}`, 'utf8'),
      };
    });
}

/** In the order in which they started: of a pipe, the left side is not awaited, but its number is taken first. */
function recorderOf(name: string, calls: string): string {
  return `#!/bin/bash
number=0
while ! (set -C; : >"${calls}/$number.taken") 2>/dev/null; do number=$((number + 1)); done
printf '%s\\0' ${name} "\${VAULTONCE_CONFIG_INLINE-}" "$@" >"${calls}/$number.args"
cat >"${calls}/$number.stdin"
`;
}
