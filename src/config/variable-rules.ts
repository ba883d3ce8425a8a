import { needs, oneOf, type Combination } from '../shape/combination.ts';

/** Which fields of a variable go together. */
export const VARIABLE_COMBINATIONS: readonly Combination[] = [
  oneOf(['value', 'template', 'token'], true),
  ...['wrap_ttl', 'min_ttl'].map((field) => needs([field], ['token'], `\`${field}\` needs \`token: true\``)),
  needs(['keys'], ['value'], '`keys` needs `value`'),
];
