import { tomlEntry } from './encodings/toml-quoting.ts';
import type { Format } from './format.ts';
import { fileOfLines, lineOfEncoded } from './lines.ts';

/**
 * `key = value` lines of TOML 1.0, all of them at the top. Strings are basic strings, lists arrays, objects inline
 * tables; numbers keep their digits. Refused is what TOML does not have: null, and numbers beyond 64 bits.
 */
export const toml: Format = {
  name: 'toml',
  about: 'TOML.',
  target: 'file',
  nesting: 'objects',
  render: (values) => fileOfLines(values, (key, value) => lineOfEncoded(tomlEntry(key, value), 'TOML')),
};
