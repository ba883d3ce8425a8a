import { textOf } from '../base/secret-data.ts';
import { combine } from './encodings/encoded.ts';
import { isEvaluatedByShell, isKeptByShell, isShellName, shellWord } from './encodings/shell-quoting.ts';
import type { Format } from './format.ts';
import { BAD_NAME, fileOfLines, lineOfEncoded, SHELL_KEEPS_IT, SHELL_RUNS_IT } from './lines.ts';

/**
 * `export NAME='value'` lines, to be read with `. file` by sh, dash or bash. Any text arrives as it is, and nothing of it
 * is run; refused are a NUL, which no variable holds, and the names that shells keep for themselves.
 */
export const shell: Format = {
  name: 'shell',
  about: '`export NAME=value` lines, to be read with `. file` by a shell.',
  target: 'file',
  nesting: '_',
  render: (values) =>
    fileOfLines(values, (key, value) => {
      if (!isShellName(key)) return BAD_NAME;
      if (isEvaluatedByShell(key)) return SHELL_RUNS_IT;
      if (isKeptByShell(key)) return SHELL_KEEPS_IT;
      const word = shellWord(textOf(value));
      return lineOfEncoded(
        combine([word], ([quoted = '']) => `export ${key}=${quoted}`),
        'shell',
      );
    }),
};
