import { hasControlCharacter } from '../../base/control-characters.ts';
import { HALF_PAIR, type Encoded } from './encoded.ts';

/** End a line for some reader, or are taken away by another, as controls are. */
const LIKE_CONTROLS = /[\u2028\u2029\ufeff]/;
/** Python strips more than JavaScript calls white space; the controls among them are refused anyway. */
const BLANK_AT_ENDS = /^\s|\s$/;
/** Comments to some readers wherever they stand, escapes to others, and interpolation to configparser. */
const SPECIAL = /[;#\\%]/;

/** A name before ` = `. */
export function iniName(name: string): Encoded {
  if (name === '') return { problem: 'the name is empty' };
  if (/[=:[\]"'`]/.test(name)) {
    return { problem: 'the name has `=`, `:`, a bracket or a quote, which readers take for syntax' };
  }
  return plainText(name, 'name');
}

/** A value after ` = `: INI has neither quotes nor escapes that its readers agree on. */
export function iniValue(text: string): Encoded {
  return /^["'`]/.test(text)
    ? { problem: 'the value starts with a quote, which some readers take away' }
    : plainText(text, 'value');
}

function plainText(text: string, what: 'name' | 'value'): Encoded {
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  // A tab may stand inside a value.
  if (hasControlCharacter(text.replaceAll('\t', '')) || LIKE_CONTROLS.test(text))
    return { problem: `the ${what} has a line break or another control character` };
  if (BLANK_AT_ENDS.test(text)) return { problem: `the ${what} starts or ends with a blank, which is lost` };
  return SPECIAL.test(text)
    ? { problem: `the ${what} has a \`;\`, \`#\`, \`\\\` or \`%\`, which readers take differently` }
    : { text };
}
