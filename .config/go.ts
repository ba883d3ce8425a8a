import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { DRIVER } from '../test/support/csi-driver.ts';
import { buildGoProgram, goEnvironment } from '../test/support/go-program.ts';
import { root } from './paths.ts';

/** Holds Go code to its own rules, where there is Go: the format of all, and `go vet` of the driver of the tests. */

const sources = globSync('test/**/*.go', { cwd: root });
const { error, stdout, stderr, status } = spawnSync('gofmt', ['-l', ...sources], {
  cwd: root,
  encoding: 'utf8',
});
if (error) console.log(`left out: gofmt cannot be started (${error.message})`);
else {
  process.stdout.write(stdout + stderr);
  if (stdout !== '') console.log('gofmt -w formats these files');
  process.exitCode = status !== 0 || stdout !== '' ? 1 : 0;
  const missing = await buildGoProgram(DRIVER, console.log);
  if (missing !== undefined) console.log(`left out: go vet ${missing}`);
  else {
    const vetted = spawnSync('go', ['vet', '.'], {
      cwd: DRIVER.source,
      env: goEnvironment(),
      stdio: 'inherit',
    });
    if (vetted.status !== 0) process.exitCode = 1;
  }
}
