import { fieldsOf, METHOD_NAMES } from '../auth/index.ts';
import { configFields } from '../config/config-definition.ts';
import { configJsonSchema, configReferenceMarkdown } from '../config/reference.ts';
import { SETTINGS } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import { pathOfOut } from './declared-variables.ts';
import { writePlainFiles } from './plain-files.ts';

export interface SchemaOptions {
  /** The reference for people. */
  readonly markdown?: true;
  readonly out?: string;
}

/**
 * `vaultonce schema`: the JSON Schema of the config, or its reference for people.
 * @throws RunError `usage` for a path that is none, `output` for a file that cannot be written
 */
export async function schema({ markdown, out }: SchemaOptions, io: Io): Promise<void> {
  const path = out === undefined ? undefined : pathOfOut(out, io.cwd);
  const config = configFields(await fieldsOf(METHOD_NAMES));
  const text = markdown
    ? configReferenceMarkdown(config, Object.values(SETTINGS))
    : `${JSON.stringify(configJsonSchema(config), undefined, 2)}\n`;
  if (path === undefined) io.stdout.write(text);
  else await writePlainFiles([{ path, where: '--out', text }], true, io.scope);
}
