import { fieldsOf, METHOD_NAMES } from '../auth/index.ts';
import { configFields } from '../config/config-definition.ts';
import { configJsonSchema, configReferenceMarkdown } from '../config/reference.ts';
import { SETTINGS } from '../config/settings.ts';
import type { Io } from '../host/io.ts';

/** `vaultonce schema`: the JSON Schema of the config, or its reference for people. */
export async function schema(markdown: boolean, io: Io): Promise<void> {
  const config = configFields(await fieldsOf(METHOD_NAMES));
  io.stdout.write(
    markdown
      ? configReferenceMarkdown(config, Object.values(SETTINGS))
      : `${JSON.stringify(configJsonSchema(config), undefined, 2)}\n`,
  );
}
