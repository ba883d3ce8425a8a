import { configJsonSchema } from '../config/config-schema.ts';
import { configReferenceMarkdown } from '../config/reference.ts';
import type { Io } from '../host/io.ts';

/** `vaultonce schema`: the JSON Schema of the config, or its reference for people. */
export async function schema(markdown: boolean, io: Io): Promise<void> {
  io.stdout.write(
    markdown
      ? await configReferenceMarkdown()
      : `${JSON.stringify(await configJsonSchema(), undefined, 2)}\n`,
  );
}
