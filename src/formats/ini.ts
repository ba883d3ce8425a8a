import { textOf } from '../base/secret-data.ts';
import { combine } from './encodings/encoded.ts';
import { iniName, iniValue } from './encodings/ini-quoting.ts';
import type { Format } from './format.ts';
import { fileOfLines, lineOfEncoded, type Problem } from './lines.ts';

/** Python's configparser refuses a file without a section; the name is part of the format, and does not change. */
const SECTION = '[secrets]\n';

const SAME_NAME: Problem = {
  reason: 'differs from another key in upper and lower case only, which INI readers ignore',
  hint: 'give one of them another name with keys.rename, or leave it out with keys.exclude',
};

/**
 * The section `[secrets]` with a `name = value` line for each key. There is no standard: what Python's configparser and
 * other common readers understand differently is refused. They disagree about quotes and blanks around a value, about
 * comments after it (npm's `ini` sees one at every `;` and `#`), about backslashes (escapes to git, MySQL and ini4j) and
 * about `%`, which configparser alone interpolates. It also gives all names in lower case: names that differ in nothing
 * else are refused. Numbers keep their digits, objects and lists are JSON, null is nothing.
 */
export const ini: Format = {
  name: 'ini',
  about: '`NAME = value` lines of an INI file, without sections.',
  target: 'file',
  nesting: '.',
  render(values) {
    const names = Map.groupBy(values.keys(), (key) => key.toLowerCase());
    return fileOfLines(
      values,
      (key, value) => {
        if ((names.get(key.toLowerCase()) ?? []).length > 1) return SAME_NAME;
        const entry = combine([iniName(key), iniValue(textOf(value))], (texts) =>
          texts.join(' = ').trimEnd(),
        );
        return lineOfEncoded(entry, 'INI');
      },
      SECTION,
    );
  },
};
