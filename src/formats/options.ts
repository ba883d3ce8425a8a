import type { ObjectDefinition } from '../shape/definition.ts';
import type { decodeOption } from './decode.ts';
import { FORMAT_NAMES, formatNamed, type FormatName, type FormatOptions } from './index.ts';

/** An output as the config has it: what is not an option of a format is ignored. */
export type OutputKeys = Readonly<Record<string, unknown>>;

const NONE: ObjectDefinition = { kind: 'object', members: {}, needed: [], combinations: [], check: () => [] };

function optionsIn(name: FormatName): ObjectDefinition {
  return formatNamed(name).options ?? NONE;
}

/** The names of the formats that have each option. */
const OWNERS: ReadonlyMap<string, readonly FormatName[]> = FORMAT_NAMES.reduce((owners, name) => {
  for (const option of Object.keys(optionsIn(name).members))
    owners.set(option, [...(owners.get(option) ?? []), name]);
  return owners;
}, new Map<string, readonly FormatName[]>());

/** Options that are not for formats alone. */
const OTHER_OWNERS: Readonly<Record<string, string>> = { decode: 'value' };

/** As far as anything but their format reads them. */
interface OptionMembers {
  readonly decode: typeof decodeOption;
}

/** The options of all formats as keys of an output, where each is optional. */
export function optionMembers(): OptionMembers {
  const members = [...OWNERS].map(([option, owners]) => {
    const member = owners.map((name) => optionsIn(name).members[option]).find((one) => one !== undefined);
    const whose = [OTHER_OWNERS[option] ?? [], owners].flat().map(quoted);
    const description = `For ${listed(whose)}: ${member?.description ?? ''}`;
    return [option, { ...member, isOptional: true, fallback: undefined, description }] as const;
  });
  return Object.fromEntries(members) as unknown as OptionMembers;
}

/** The options that imply a format. */
const IMPLYING: readonly (readonly [option: string, name: FormatName])[] = FORMAT_NAMES.flatMap((name) => {
  const { impliedBy } = formatNamed(name);
  return impliedBy === undefined ? [] : [[impliedBy, name] as const];
});

/** The name of the format of an output, named or implied. Undefined: its content is something else. */
export function formatNameOf(
  output: OutputKeys & { readonly format?: FormatName | undefined },
): FormatName | undefined {
  return output.format ?? IMPLYING.find(([option]) => output[option] !== undefined)?.[1];
}

/** The keys of an output that choose its format: `format`, and options that imply one. */
export function formatKeys(): readonly string[] {
  return ['format', ...IMPLYING.map(([option]) => option)];
}

/** `key`, which means `format: raw`: the options that choose a format. */
export function implyingOptions(): string {
  return IMPLYING.map(([option, name]) => `\`${option}\`, which means \`format: ${name}\``).join(', or ');
}

/**
 * Options that belong to another format.
 * @param owner the format, or what the output has instead
 */
export function foreignOptions(output: OutputKeys, owner: string): string[] {
  // Most outputs have none.
  if (!Object.keys(output).some((key) => OWNERS.has(key))) return [];
  return [...OWNERS]
    .filter(([option]) => output[option] !== undefined)
    .filter(([option, owners]) => OTHER_OWNERS[option] !== owner && !owners.some((name) => name === owner))
    .map(([option, owners]) => `\`${option}\` is for ${ownersText(owners, OTHER_OWNERS[option])} only`);
}

/** What is wrong with the options of a format. */
export function optionProblems(name: FormatName, output: OutputKeys): string[] {
  const { members, needed, check } = optionsIn(name);
  const missing = needed.filter(
    (option) => output[option] === undefined && members[option]?.fallback === undefined,
  );
  if (missing.length > 0) return missing.map((option) => `\`format: ${name}\` needs \`${option}:\``);
  return [...check(optionsOf(name, output) as never)];
}

/** The options of a valid output, in the order of their format. */
export function optionsOf(name: FormatName, output: OutputKeys): FormatOptions {
  const options = Object.entries(optionsIn(name).members).map(([option, { fallback }]) => [
    option,
    output[option] ?? fallback,
  ]);
  return Object.fromEntries(options) as FormatOptions;
}

/** `format: files`, or several of them: those that write a directory. */
export function directoryFormats(): string {
  const names = FORMAT_NAMES.filter((name) => formatNamed(name).target === 'directory');
  return names.map((name) => `\`format: ${name}\``).join(' or ');
}

function ownersText(owners: readonly FormatName[], other: string | undefined): string {
  const formats =
    owners.length === 1 ? `\`format: ${owners.join('')}\`` : `the formats ${listed(owners.map(quoted))}`;
  return other === undefined ? formats : `\`${other}\` and ${formats}`;
}

function quoted(name: string): string {
  return `\`${name}\``;
}

function listed(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), names.at(-1)].filter((part) => part !== '').join(' and ');
}
