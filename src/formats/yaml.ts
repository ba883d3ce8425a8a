import { yamlEntry } from './encodings/yaml-quoting.ts';
import type { Format } from './format.ts';
import { fileOfLines, lineOfEncoded } from './lines.ts';

/**
 * One mapping, a line for each key, that readers of YAML 1.1 and 1.2 understand alike: keys and strings are always in
 * double quotes, so that `no`, `~` and `0o7` stay texts. Numbers keep their digits; one with an exponent is written with
 * a point and a sign (`1e3` as `1.0e+3`), which YAML 1.1 needs to see a number. Lists and objects are flow collections.
 */
export const yaml: Format = {
  name: 'yaml',
  about: 'A YAML map, one key a line.',
  target: 'file',
  nesting: 'objects',
  render: (values) =>
    fileOfLines(
      values,
      (key, value) => lineOfEncoded(yamlEntry(key, value), 'YAML'),
      // An empty file would be null.
      values.size === 0 ? '{}\n' : '',
    ),
};
