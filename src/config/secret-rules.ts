/** A secret as far as its fields depend on each other. */
interface SecretFields {
  readonly version?: number | undefined;
  readonly engine?: string | undefined;
  readonly mount?: string | undefined;
  readonly write?: object | undefined;
  readonly default?: object | undefined;
  readonly parse?: string | undefined;
  readonly min_ttl?: number | undefined;
  readonly wrap_ttl?: number | undefined;
  readonly reuse?: boolean | undefined;
  readonly max_age?: number | undefined;
  readonly list?: boolean | undefined;
  readonly recursive?: boolean | undefined;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly max_secrets?: number | undefined;
}

/** What makes no sense with `list` and `recursive`. */
const OF_ONE_SECRET = ['version', 'write', 'default', 'min_ttl', 'wrap_ttl'] as const;
const OF_LISTINGS = ['include', 'exclude'] as const;

type Rule = readonly [broken: boolean, problem: string];

/** What is wrong with the combination of a secret's fields. */
export function secretProblems(secret: SecretFields): string[] {
  const { version, engine, mount, write, list, recursive, max_secrets } = secret;
  const lists = list === true || recursive === true;
  const rules: readonly Rule[] = [
    [version !== undefined && write !== undefined, '`version` and `write` exclude each other'],
    [
      version !== undefined && engine !== undefined && engine !== 'kv2',
      '`version` is for `engine: kv2` only',
    ],
    [mount !== undefined && engine !== 'kv2', '`mount` is for `engine: kv2` only'],
    [list === true && recursive === true, '`list` and `recursive` exclude each other'],
    ...OF_ONE_SECRET.map(
      (field) =>
        [
          lists && secret[field] !== undefined,
          `\`${field}\` has no meaning with \`${recursive === true ? 'recursive' : 'list'}\``,
        ] as const,
    ),
    ...OF_LISTINGS.map(
      (field) =>
        [!lists && secret[field] !== undefined, `\`${field}\` needs \`list\` or \`recursive\``] as const,
    ),
    [list === true && secret.parse !== undefined, '`parse` has no meaning with `list`'],
    ...reuseRules(secret),
    [max_secrets !== undefined && recursive !== true, '`max_secrets` needs `recursive`'],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}

function reuseRules({ reuse = false, min_ttl, max_age, wrap_ttl }: SecretFields): readonly Rule[] {
  if (!reuse) return [[max_age !== undefined, '`max_age` needs `reuse: true`']];
  return [
    [
      min_ttl === undefined && max_age === undefined,
      '`reuse` needs `min_ttl` or `max_age`: `max_age` for what has no end, as KV',
    ],
    [wrap_ttl !== undefined, '`reuse` and `wrap_ttl` exclude each other: a wrapping token opens once'],
  ];
}
