import { dotenv } from './dotenv.ts';
import { files } from './files.ts';
import type { Format, Later } from './format.ts';
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
} as const satisfies Record<string, Format | Format<Later>>;

export type FormatName = keyof typeof FORMATS;
