import { hasControlCharacter } from '../base/control-characters.ts';
import { object, type TypeOf } from '../shape/definition.ts';
import { bytesOf, decodeOption } from './decode.ts';
import type { Format, FormatProblem, FormattedFile } from './format.ts';

/** NAME_MAX of Linux. */
const LONGEST_NAME_BYTES = 255;

const options = object({ decode: decodeOption });

/** One file for each key, named after it; those of a tree in directories. */
export const files: Format<TypeOf<typeof options>> = {
  name: 'files',
  about: 'A directory with one file for each key.',
  target: 'directory',
  nesting: 'directories',
  options,
  render(values, { decode }, { tree = false }) {
    const problems: FormatProblem[] = [];
    const rendered: FormattedFile[] = [];
    for (const [key, value] of values) {
      const steps = tree ? key.split('/') : [key];
      const badName = steps.map(problemWithName).find((problem) => problem !== undefined);
      if (badName !== undefined) {
        problems.push({
          key,
          reason: badName,
          hint: 'give it another name with keys.rename, or leave it out with keys.exclude',
        });
        continue;
      }
      const decoded = bytesOf(key, value, decode);
      if ('problem' in decoded) problems.push(decoded.problem);
      else rendered.push({ name: key, content: decoded.content });
    }
    return problems.length > 0 ? { problems } : { files: rendered };
  },
};

/** Names come from the server: none may leave the directory or meet a name of the writer or of the kubelet. */
function problemWithName(name: string): string | undefined {
  if (name === '') return 'cannot be a file name: it is empty';
  if (/[/\\]/.test(name)) return 'cannot be a file name: it has a slash or backslash';
  if (hasControlCharacter(name) || !name.isWellFormed())
    return 'cannot be a file name: it has a control character';
  if (name === '.' || name.startsWith('..')) return 'cannot be a file name: it starts with `..`, or is `.`';
  if (name.startsWith('.vaultonce-'))
    return 'cannot be a file name: `.vaultonce-` is for files that are being written';
  return Buffer.byteLength(name) > LONGEST_NAME_BYTES
    ? 'cannot be a file name: it is longer than 255 bytes'
    : undefined;
}
