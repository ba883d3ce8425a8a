import { statSync } from 'node:fs';
import { join } from 'node:path';

/** The bundle's budget: what is bigger starts slower. Raise it knowingly, with the start-up measured before and after. */
const LARGEST_KIB = {
  // What a run does not use is neither compiled nor evaluated: from 458 to 525 KiB, a run of one secret takes the same instructions
  // within what they vary, one of a hundred 3 % more.
  'vaultonce.js': 455,
  // Loaded for HTTP/1.1 on Node: without TLS, through a proxy, for APIs other than the server's.
  'axios.js': 52,
  // Loaded by `auth: { method: aws }` alone, and only if there are no keys in the config or the environment.
  'aws-sdk.js': 300,
  // Loaded by `format: pkcs12` alone.
  'pkcs12.js': 450,
  // Loaded when there is something wrong with a config.
  'zod-schema.js': 35,
  // Loaded for YAML that is not written as most configs are, and when there is a mistake in it.
  'yaml.js': 50,
  // Loaded by `watch` alone, with a copy of the pipeline.
  'watch.js': 410,
  // Loaded by `csi` alone, with a copy of the pipeline; a quarter of it is gRPC.
  'csi.js': 695,
  // Loaded by `schema` alone.
  'reference.js': 16,
  // Loaded with it.
  'words.js': 6,
  // Loaded when a config or a template does not parse.
  'other-languages.js': 11,
  // Loaded when the API of a cluster refuses a Secret.
  'refusal-meaning.js': 4,
  // Loaded when a login is refused.
  'refusals.js': 8,
  // Loaded by `manifest` alone; half of it writes YAML.
  'manifest.js': 78,
  // Loaded by `completion` alone.
  'completion.js': 6,
  // Loaded when a connection fails in ways that another handshake explains.
  'handshakes.js': 4,
  // Loaded by `migrate` alone.
  'migrate.js': 95,
  // Loaded by command lines that ask for help, have something wrong, or something unusual.
  'command-line.js': 50,
  // Loaded by `--env-lines` alone.
  'variable-lines.js': 12,
  // Loaded by `version` alone.
  'version.js': 3,
};

for (const [name, largest] of Object.entries(LARGEST_KIB)) {
  const kib = Math.ceil(statSync(join(import.meta.dirname, '../dist', name)).size / 1024);
  console.log(`dist/${name}: ${String(kib)} of ${String(largest)} KiB`);
  if (kib > largest) process.exitCode = 1;
}
