import { textOf } from '../base/secret-data.ts';
import { combine } from './encodings/encoded.ts';
import {
  isEvaluatedByShell,
  isEvaluatedByZsh,
  isKeptByShell,
  isShellName,
  shellWord,
} from './encodings/shell-quoting.ts';
import type { Format } from './format.ts';
import { BAD_NAME, fileOfLines, lineOfEncoded, SHELL_KEEPS_IT, SHELL_RUNS_IT, ZSH_RUNS_IT } from './lines.ts';

/**
 * `export NAME='value'` lines, to be read with `. file` by sh, dash, bash or zsh. Any text arrives as it is, and nothing of it
 * is run; refused are a NUL, which no variable holds, the names that sh, dash and bash keep for themselves, and texts in what
 * zsh takes for numbers. Zsh alone keeps more names, of which many are common: it leaves `USERNAME` as it is, and fails at
 * `path`, `status` and others.
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
      const text = textOf(value);
      if (isEvaluatedByZsh(key, text)) return ZSH_RUNS_IT;
      const word = shellWord(text);
      return lineOfEncoded(
        combine([word], ([quoted = '']) => `export ${key}=${quoted}`),
        'shell',
      );
    }),
};
