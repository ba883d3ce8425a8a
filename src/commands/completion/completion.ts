import { METHOD_NAMES } from '../../auth/index.ts';
import { FORMAT_NAMES } from '../../deliver/variables/format-names.ts';
import type { Io } from '../../host/io.ts';
import type { CommandDefinitions } from '../command.ts';
import { completionScript, type Choices, type Shell } from './script.ts';

/** Values of flags that are checked later than on the command line, where loading their registries would cost. */
const CHOICES: Choices = { '--auth': METHOD_NAMES, '--format': FORMAT_NAMES };

/** `vaultonce completion SHELL`: a script that completes what this program takes. */
export function completion(shell: Shell, commands: CommandDefinitions, io: Io): void {
  io.stdout.write(completionScript(shell, commands, CHOICES));
}
