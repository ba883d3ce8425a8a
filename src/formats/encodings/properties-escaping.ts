import { unicodeEscape } from './encoded.ts';

/**
 * The escapes that `store` of java.util.Properties writes. Java's strings may hold half a surrogate pair, and so may the
 * file: all but printable ASCII is `\uXXXX`, a supplementary character two of them.
 */
function escape(text: string): string {
  return text
    .replace(/[\\=:#!]/g, String.raw`\$&`)
    .replace(/[\t\n\f\r]/g, (character) => ({ '\t': '\\t', '\n': '\\n', '\f': '\\f' })[character] ?? '\\r')
    .replace(/[^\x20-\x7e]/g, unicodeEscape);
}

/** A value: only the blanks before it would be skipped. */
export function propertiesValue(text: string): string {
  return escape(text).replace(/^ +/, (blanks) => String.raw`\ `.repeat(blanks.length));
}

/** A key ends at the first blank, `=` or `:` without a backslash. */
export function propertiesKey(text: string): string {
  return escape(text).replaceAll(' ', String.raw`\ `);
}
