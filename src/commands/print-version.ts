import { METHOD_NAMES } from '../auth/index.ts';
import { VERSION } from '../base/version.ts';
import { FORMAT_NAMES as HANDOVERS } from '../deliver/variables/format-names.ts';
import { ENGINES } from '../engines/index.ts';
import { FORMAT_NAMES } from '../formats/index.ts';
import type { Io } from '../host/io.ts';

/** `vaultonce version`: what this program is and can do, for people or as JSON. */
export async function version(json: boolean, commands: readonly string[], io: Io): Promise<void> {
  const { versionText } = await import('./version-text.ts');
  const features = {
    commands,
    auth: METHOD_NAMES,
    engines: Object.keys(ENGINES),
    formats: FORMAT_NAMES,
    env_formats: HANDOVERS,
  };
  io.stdout.write(versionText(VERSION, features, json));
}
