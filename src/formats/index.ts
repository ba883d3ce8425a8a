import { dotenv } from './dotenv.ts';
import { envFile } from './env-file.ts';
import { files } from './files.ts';
import type { AnyFormat, Format, Later } from './format.ts';
import { ini } from './ini.ts';
import { json } from './json.ts';
import { pem } from './pem.ts';
import { pkcs12 } from './pkcs12.ts';
import { properties } from './properties.ts';
import { raw } from './raw.ts';
import { shell } from './shell.ts';
import { toml } from './toml.ts';
import { yaml } from './yaml.ts';

/** Every format, by the name that `format:` has. */
export const FORMATS = {
  dotenv,
  'env-file': envFile,
  shell,
  json,
  yaml,
  toml,
  properties,
  ini,
  pem,
  pkcs12,
  raw,
  files,
} as const satisfies Readonly<Record<string, AnyFormat>>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

/** What each of them is. */
export function formatMeanings(): Readonly<Record<FormatName, string>> {
  const meanings = FORMAT_NAMES.map((name) => [name, FORMATS[name].about]);
  return Object.fromEntries(meanings) as Record<FormatName, string>;
}

/** The options of an output, as its format reads them. */
export type FormatOptions = {
  [Name in FormatName]: (typeof FORMATS)[Name] extends Format<infer Options, Uint8Array | Later>
    ? Options
    : never;
}[FormatName];

export function formatNamed(name: FormatName): AnyFormat {
  return FORMATS[name];
}
