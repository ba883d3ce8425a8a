import { needs, oneOf, type Combination } from '../shape/combination.ts';
import { refreshProblems } from './watch-schema.ts';

/** A secret as far as its fields depend on each other. */
interface SecretFields {
  readonly version?: number | undefined;
  readonly engine?: string | undefined;
  readonly mount?: string | undefined;
  readonly write?: object | undefined;
  readonly default?: object | undefined;
  readonly min_ttl?: number | undefined;
  readonly wrap_ttl?: number | undefined;
  readonly list?: boolean | undefined;
  readonly recursive?: boolean | undefined;
  readonly refresh?: number | undefined;
}

/** What makes no sense with `list` and `recursive`. */
const OF_ONE_SECRET = ['version', 'write', 'default', 'min_ttl', 'wrap_ttl'] as const;

/** Which fields of a secret go together. */
export const SECRET_COMBINATIONS: readonly Combination[] = [
  oneOf(['version', 'write'], false, '`version` and `write` exclude each other'),
  oneOf(['list', 'recursive'], false, '`list` and `recursive` exclude each other'),
  ...['include', 'exclude'].map((field) =>
    needs([field], ['list', 'recursive'], `\`${field}\` needs \`list\` or \`recursive\``),
  ),
  oneOf(['list', 'parse'], false, '`parse` has no meaning with `list`'),
  needs(
    ['reuse'],
    ['min_ttl', 'max_age'],
    '`reuse` needs `min_ttl` or `max_age`: `max_age` for what has no end, as KV',
  ),
  needs(['max_age'], ['reuse'], '`max_age` needs `reuse: true`'),
  oneOf(
    ['reuse', 'wrap_ttl'],
    false,
    '`reuse` and `wrap_ttl` exclude each other: a wrapping token opens once',
  ),
  needs(['max_secrets'], ['recursive'], '`max_secrets` needs `recursive`'),
];

/** What else is wrong with the combination of a secret's fields. */
export function secretProblems(secret: SecretFields): string[] {
  const { version, engine, mount, list, recursive } = secret;
  const lists = list === true || recursive === true;
  const rules: readonly (readonly [boolean, string])[] = [
    [
      version !== undefined && engine !== undefined && engine !== 'kv2',
      '`version` is for `engine: kv2` only',
    ],
    [mount !== undefined && engine !== 'kv2', '`mount` is for `engine: kv2` only'],
    ...OF_ONE_SECRET.map(
      (field) =>
        [
          lists && secret[field] !== undefined,
          `\`${field}\` has no meaning with \`${recursive === true ? 'recursive' : 'list'}\``,
        ] as const,
    ),
  ];
  return [...rules.filter(([broken]) => broken).map(([, problem]) => problem), ...refreshProblems(secret)];
}
