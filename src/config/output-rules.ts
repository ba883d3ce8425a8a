/** An output as far as its fields depend on each other. */
interface OutputFields {
  readonly path?: string | undefined;
  readonly kubernetes_secret?: { readonly key?: string | undefined } | undefined;
  readonly mode?: number | undefined;
  readonly owner?: number | undefined;
  readonly group?: number | undefined;
  readonly directory_mode?: number | undefined;
  readonly allow_disk?: boolean | undefined;
  readonly template?: string | undefined;
  readonly contents?: string | undefined;
  readonly value?: object | undefined;
  readonly token?: boolean | undefined;
  readonly wrap_ttl?: number | undefined;
  readonly min_ttl?: number | undefined;
  readonly format?: string | undefined;
  readonly secret?: string | readonly string[] | undefined;
  readonly key?: string | undefined;
  readonly decode?: string | undefined;
  readonly keys?: object | undefined;
  readonly on_conflict?: string | undefined;
  readonly parts?: readonly string[] | undefined;
  readonly password?: object | undefined;
  readonly password_file?: string | undefined;
  readonly password_value?: object | undefined;
  readonly friendly_name?: string | undefined;
}

/** The format of an output without a template; naming a key means `raw`. */
export function formatOf<Format extends string>({
  format,
  key,
}: {
  format?: Format | undefined;
  key?: string | undefined;
}) {
  return format ?? (key === undefined ? undefined : 'raw');
}

/** What is wrong with the combination of an output's fields. */
export function outputProblems(output: OutputFields): string[] {
  const format = formatOf(output);
  const ofPlace = placeProblems(output, format);
  if (ofPlace.length > 0) return ofPlace;
  const isToken = output.token === true;
  const given = [output.template, output.contents, output.value, format, isToken || undefined].filter(
    (source) => source !== undefined,
  );
  if (given.length !== 1) {
    return [
      'needs exactly one of `template`, `contents`, `value`, `token`, `format` (or `key`, which means `format: raw`)',
    ];
  }
  const ofCertificates = certificateProblems(output, format);
  if (ofCertificates.length > 0) return ofCertificates;
  if (isToken) return tokenProblems(output);
  const ofTokens = (['wrap_ttl', 'min_ttl'] as const).filter((field) => output[field] !== undefined);
  if (ofTokens.length > 0) {
    return ofTokens.map(
      (field) => `\`${field}\` needs \`token: true\`; that of a secret belongs to the secret`,
    );
  }
  if (output.value !== undefined) return valueProblems(output);
  return format === undefined ? templateProblems(output) : formatProblems(output, format);
}

const OF_FILES = ['mode', 'owner', 'group', 'directory_mode', 'allow_disk'] as const;

/** Where it goes. */
function placeProblems(output: OutputFields, format: string | undefined): string[] {
  const { path, kubernetes_secret: secret } = output;
  if ((path === undefined) === (secret === undefined)) return ['needs `path` or `kubernetes_secret`'];
  if (secret === undefined) return [];
  const problems = OF_FILES.filter((field) => output[field] !== undefined).map(
    (field) => `\`${field}\` has no meaning for a \`kubernetes_secret\``,
  );
  if (format === 'files' && secret.key !== undefined)
    problems.push('`format: files` makes an entry of each key: `kubernetes_secret` has no `key` then');
  if (format !== 'files' && secret.key === undefined)
    problems.push('`kubernetes_secret` needs `key`, the name of the entry, or `format: files`');
  return problems;
}

const PASSWORDS = ['password', 'password_file', 'password_value'] as const;

/** What only some formats have. */
function certificateProblems(output: OutputFields, format: string | undefined): string[] {
  const { parts } = output;
  const passwords = PASSWORDS.filter((field) => output[field] !== undefined);
  if (format === 'pkcs12') {
    const rules: readonly (readonly [boolean, string])[] = [
      [passwords.length !== 1, `\`format: pkcs12\` needs exactly one of \`${PASSWORDS.join('`, `')}\``],
      [
        parts?.includes('key') === true && !parts.includes('certificate'),
        'a key needs its `certificate` in `parts`',
      ],
    ];
    return rules.filter(([broken]) => broken).map(([, problem]) => problem);
  }
  const fields = [...passwords, ...(output.friendly_name === undefined ? [] : ['friendly_name'])];
  return [
    ...(parts === undefined || format === 'pem'
      ? []
      : ['`parts` is for the formats `pem` and `pkcs12` only']),
    ...fields.map((field) => `\`${field}\` is for \`format: pkcs12\` only`),
  ];
}

function tokenProblems(output: OutputFields): string[] {
  const unused = (['secret', 'keys', 'decode', 'on_conflict'] as const).filter(
    (field) => output[field] !== undefined,
  );
  const problems = unused.map((field) => `\`${field}\` has no meaning for a \`token\``);
  return output.path?.endsWith('/') === true
    ? [...problems, 'a token is one file: the path must not end with a slash']
    : problems;
}

function valueProblems(output: OutputFields): string[] {
  const unused = (['secret', 'keys', 'on_conflict'] as const).filter((field) => output[field] !== undefined);
  const problems = unused.map(
    (field) => `\`${field}\` has no meaning for a \`value\`, which names its secret and its key itself`,
  );
  return output.path?.endsWith('/') === true
    ? [...problems, 'a value is one file: the path must not end with a slash']
    : problems;
}

function templateProblems(output: OutputFields): string[] {
  const unused = (['secret', 'keys', 'decode', 'on_conflict'] as const).filter(
    (field) => output[field] !== undefined,
  );
  const problems = unused.map(
    (field) => `\`${field}\` has no meaning for a template, which names its secrets itself`,
  );
  return output.path?.endsWith('/') === true
    ? [...problems, 'a template writes one file: the path must not end with a slash']
    : problems;
}

function formatProblems(output: OutputFields, format: string): string[] {
  const { secret, key, keys, decode, on_conflict, path } = output;
  const several = Array.isArray(secret) && secret.length > 1;
  const rules: readonly (readonly [boolean, string])[] = [
    [secret === undefined, 'needs `secret:`, the name of a declared secret'],
    [format === 'raw' && key === undefined, '`format: raw` needs `key:`'],
    [format !== 'raw' && key !== undefined, '`key` is for `format: raw` only'],
    [format === 'raw' && several, '`format: raw` takes one secret'],
    [format === 'raw' && keys !== undefined, '`keys` has no meaning for `format: raw`, which takes one key'],
    [
      decode !== undefined && format !== 'raw' && format !== 'files',
      '`decode` is for `value` and the formats `raw` and `files` only',
    ],
    [on_conflict !== undefined && !several, '`on_conflict` is for several secrets only'],
    [
      format !== 'files' && path?.endsWith('/') === true,
      'only `format: files` writes a directory: the path must not end with a slash',
    ],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}
