import { textOf } from '../base/secret-data.ts';
import { propertiesKey, propertiesValue } from './encodings/properties-escaping.ts';
import type { Format } from './format.ts';
import { fileOfLines } from './lines.ts';

/**
 * `key=value` lines as `load` of java.util.Properties reads them. It carries every key and every text; the file is plain
 * ASCII, so that its encoding does not matter. Numbers keep their digits, objects and lists are JSON, null is nothing.
 */
export const properties: Format = {
  name: 'properties',
  about: 'Java properties.',
  target: 'file',
  nesting: '.',
  render: (values) =>
    fileOfLines(values, (key, value) => ({
      text: `${propertiesKey(key)}=${propertiesValue(textOf(value))}`,
    })),
};
