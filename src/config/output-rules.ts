import { formatNamed, type FormatName } from '../formats/index.ts';
import {
  directoryFormats,
  foreignOptions,
  formatKeys,
  formatNameOf,
  implyingOptions,
  optionProblems,
  type OutputKeys,
} from '../formats/options.ts';
import { needs, type Combination } from '../shape/combination.ts';

/** An output as far as its fields depend on each other. */
interface OutputFields {
  readonly path?: string | undefined;
  readonly kubernetes_secret?:
    | {
        readonly key?: string | undefined;
        readonly owner_references?:
          readonly { readonly uid: string; readonly controller?: boolean | undefined }[] | undefined;
      }
    | undefined;
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
  readonly format?: FormatName | undefined;
  readonly secret?: string | readonly string[] | undefined;
  readonly keys?: object | undefined;
  readonly on_conflict?: string | undefined;
}

/** What an output may have instead of a format. */
const OTHER_CONTENT = ['template', 'contents', 'value', 'token'];

/** Which fields go together. */
export const OUTPUT_COMBINATIONS: readonly Combination[] = [
  {
    kind: 'alternatives',
    of: ['path', 'kubernetes_secret'],
    isRequired: true,
    problem: 'needs `path` or `kubernetes_secret`',
    problemOfSeveral: 'has both `path` and `kubernetes_secret`: keep one of them',
  },
  {
    kind: 'alternatives',
    of: [...OTHER_CONTENT, formatKeys()],
    isRequired: true,
    problem: `needs exactly one of \`template\`, \`contents\`, \`value\`, \`token\`, \`format\` (or ${implyingOptions()})`,
  },
  ...['wrap_ttl', 'min_ttl'].map((field) =>
    needs([field], ['token'], `\`${field}\` needs \`token: true\`; that of a secret belongs to the secret`),
  ),
  // Beside another content it is the format that is wrong.
  needs(formatKeys(), ['secret', ...OTHER_CONTENT], 'needs `secret:`, the name of a declared secret'),
];

/**
 * What else is wrong with the combination of an output's fields.
 * @param known where there is one, it is not clear what the output is, or where it goes
 */
export function outputProblems(output: OutputFields, known: readonly string[] = []): string[] {
  if (known.length > 0) return [];
  const keys = output as OutputKeys;
  const format = formatNameOf({ ...keys, format: output.format });
  const ofPlace = placeProblems(output, format);
  if (ofPlace.length > 0) return ofPlace;
  const foreign = foreignOptions(keys, format ?? (output.value === undefined ? '' : 'value'));
  if (foreign.length > 0) return foreign;
  if (output.token === true) return tokenProblems(output);
  if (output.value !== undefined) return valueProblems(output);
  return format === undefined ? templateProblems(output) : formatProblems(output, format);
}

/** What all formats have. */
const OF_FORMATS = ['secret', 'keys', 'on_conflict'] as const;
const OF_FILES = ['mode', 'owner', 'group', 'directory_mode', 'allow_disk'] as const;

/** Where it goes. */
function placeProblems(output: OutputFields, format: FormatName | undefined): string[] {
  const { kubernetes_secret: secret } = output;
  if (secret === undefined) return [];
  const problems = OF_FILES.filter((field) => output[field] !== undefined).map(
    (field) => `\`${field}\` has no meaning for a \`kubernetes_secret\``,
  );
  const isDirectory = format !== undefined && formatNamed(format).target === 'directory';
  if (isDirectory && secret.key !== undefined)
    problems.push(
      `\`format: ${format}\` makes an entry of each key: \`kubernetes_secret\` must not have a \`key\``,
    );
  const { owner_references: owners = [] } = secret;
  if (owners.filter(({ controller }) => controller === true).length > 1)
    problems.push('only one of `owner_references` can be the `controller`');
  if (new Set(owners.map(({ uid }) => uid)).size < owners.length)
    problems.push('two of `owner_references` have the same `uid`');
  if (!isDirectory && secret.key === undefined)
    problems.push(`\`kubernetes_secret\` needs \`key\`, the name of the entry, or ${directoryFormats()}`);
  return problems;
}

function tokenProblems(output: OutputFields): string[] {
  const unused = OF_FORMATS.filter((field) => output[field] !== undefined);
  const problems = unused.map((field) => `\`${field}\` has no meaning for a \`token\``);
  return output.path?.endsWith('/') === true
    ? [...problems, 'a token is one file: the path must not end with a slash']
    : problems;
}

function valueProblems(output: OutputFields): string[] {
  const unused = OF_FORMATS.filter((field) => output[field] !== undefined);
  const problems = unused.map(
    (field) => `\`${field}\` has no meaning for a \`value\`, which names its secret and its key itself`,
  );
  return output.path?.endsWith('/') === true
    ? [...problems, 'a value is one file: the path must not end with a slash']
    : problems;
}

function templateProblems(output: OutputFields): string[] {
  const unused = OF_FORMATS.filter((field) => output[field] !== undefined);
  const problems = unused.map(
    (field) => `\`${field}\` has no meaning for a template, which names its secrets itself`,
  );
  return output.path?.endsWith('/') === true
    ? [...problems, 'a template writes one file: the path must not end with a slash']
    : problems;
}

function formatProblems(output: OutputFields, name: FormatName): string[] {
  const { secret, keys, on_conflict, path } = output;
  const { target, ...format } = formatNamed(name);
  const several = Array.isArray(secret) && secret.length > 1;
  const takesKey = 'keyOf' in format;
  const rules: readonly (readonly [boolean, string])[] = [
    [takesKey && several, `\`format: ${name}\` takes one secret`],
    [takesKey && keys !== undefined, `\`keys\` has no meaning for \`format: ${name}\`, which takes one key`],
    [on_conflict !== undefined && !several, '`on_conflict` is for several secrets only'],
    [
      target === 'file' && path?.endsWith('/') === true,
      `only ${directoryFormats()} writes a directory: the path must not end with a slash`,
    ],
  ];
  return [
    ...rules.filter(([broken]) => broken).map(([, problem]) => problem),
    ...optionProblems(name, output as OutputKeys),
  ];
}
