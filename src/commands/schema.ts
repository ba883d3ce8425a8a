import { configJsonSchema, configReferenceMarkdown } from '../config/json-schema.ts';
import type { Io } from '../io.ts';

/** `vaultonce schema`: the JSON Schema of the config, or its reference for people. */
export function schema(markdown: boolean, io: Io): void {
  io.stdout.write(
    markdown ? configReferenceMarkdown() : `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  );
}
