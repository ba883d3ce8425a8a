import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ownPackage } from './npm-packages.ts';

/** Whether a binary is what its name says, starts on this machine, and renders an output: `smoke.ts BINARY`. It takes no server. */

const [given] = process.argv.slice(2);
if (given === undefined) {
  console.error('usage: smoke.ts BINARY');
  process.exit(2);
}
const program = resolve(given);
const directory = mkdtempSync(join(tmpdir(), 'vaultonce-smoke-'));

function run(...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: directory,
    encoding: 'utf8',
    env: {},
  });
  if (status === 0) return stdout.trim();
  throw new Error(`${program} ${args[0] ?? ''}: exit ${String(status)}\n${stderr}`, { cause: error });
}

function mustBe(what: string, found: string, wanted: string): void {
  if (found !== wanted) throw new Error(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

try {
  // Artefacts of a workflow have lost their modes.
  chmodSync(program, 0o755);
  const { version, target } = JSON.parse(run('version', '--json')) as { version: string; target: string };
  mustBe('the version', version, ownPackage().version);
  mustBe('the target', `vaultonce-${target}`, basename(program));
  writeFileSync(join(directory, 'fixtures.yaml'), 'web: { password: p=ss }\n');
  writeFileSync(
    join(directory, 'vaultonce.yaml'),
    'secrets: { web: secret/web }\noutputs: [{ path: out/password, contents: "{{web.password}}" }]\noutput: { allow_disk: true }\n',
  );
  run('render', '--fixtures', 'fixtures.yaml');
  mustBe('the output', readFileSync(join(directory, 'out/password'), 'utf8'), 'p=ss');
  console.log(`${given} works`);
} finally {
  rmSync(directory, { recursive: true });
}
