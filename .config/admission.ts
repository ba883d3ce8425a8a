import { spawnSync } from 'node:child_process';
import { ADMISSION_PROGRAM, ADMISSION_SOURCE } from '../test/support/admission-code.ts';

/** Builds the program that the tests of policies use where it is there: it takes Go, and some minutes the first time. */
const { status, error } = spawnSync('go', ['build', '-o', ADMISSION_PROGRAM, '.'], {
  cwd: ADMISSION_SOURCE,
  stdio: 'inherit',
});
if (error) console.log(`go cannot be started (${error.message}): install Go 1.26 or later`);
process.exitCode = status ?? 1;
