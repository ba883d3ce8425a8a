import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Real readers of the formats, each of which reads a whole file at once, because starting it takes long. */

type Texts = Readonly<Record<string, string>>;

function withFile<Result>(name: string, content: Uint8Array, use: (path: string) => Result): Result {
  const directory = mkdtempSync(join(tmpdir(), 'vaultonce-format-'));
  try {
    const path = join(directory, name);
    writeFileSync(path, content);
    return use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Which of these programs are on this machine. */
export function installed(...programs: readonly string[]): string[] {
  return programs.filter((program) => spawnSync(program, ['-c', ':']).error === undefined);
}

/**
 * What a program gets that a shell starts after it has sourced the file.
 * @throws when the shell fails, or prints anything of its own
 */
export function readWithShell(shell: string, content: Uint8Array): Texts {
  return withFile('env.sh', content, (path) => {
    const script = '. "$0" && exec /usr/bin/env -0';
    const { stdout, stderr, status } = spawnSync(shell, ['-c', script, path], {
      encoding: 'utf8',
      env: {},
      // With a socket for its input, Debian's bash takes itself for a remote shell, and reads ~/.bashrc.
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0 || stderr !== '') throw new Error(`${shell} ended with ${String(status)}: ${stderr}`);
    const variables = stdout.split('\0').slice(0, -1);
    return Object.fromEntries(variables.map((line) => splitAt(line, line.indexOf('='))));
  });
}

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index + 1)];
}

/** The entries that kubectl makes of an env file, without a cluster; undefined: it is not installed. */
export function readWithKubectl(content: Uint8Array): Texts | undefined {
  return withFile('x.env', content, (path) => {
    const args = [
      'create',
      'secret',
      'generic',
      'x',
      `--from-env-file=${path}`,
      '--dry-run=client',
      '-ojson',
    ];
    const { stdout, error } = spawnSync('kubectl', args, { encoding: 'utf8' });
    if (error !== undefined) return undefined;
    const { data } = JSON.parse(stdout) as { data: Texts };
    const entries = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]);
    return Object.fromEntries(entries) as Texts;
  });
}

/** Running a source file takes a JDK; a runtime alone cannot. */
export function hasJava(): boolean {
  return spawnSync('javac', ['-version']).status === 0;
}

export function readWithJava(content: Uint8Array): Map<string, string> {
  return withFile('x.properties', content, (path) => {
    const program = join(import.meta.dirname, 'ReadProperties.java');
    const lines = execFileSync('java', [program, path], { encoding: 'utf8' }).split('\n').slice(0, -1);
    return new Map(
      lines.map((line) => splitAt(line, line.indexOf('='))).map(([k, v]) => [units(k), units(v)]),
    );
  });
}

/** The entries of a PKCS #12 store as Java sees them, each key proven to belong to its certificate. */
export function readKeystoreWithJava(path: string, password: string): string[] {
  const program = join(import.meta.dirname, 'ReadKeystore.java');
  return execFileSync('java', [program, path, password], { encoding: 'utf8' }).split('\n').slice(0, -1);
}

function units(hex: string): string {
  return hex.replace(/.{4}/g, (unit) => String.fromCharCode(parseInt(unit, 16)));
}

/** Runs a Python program that finds its input as `data`, and leaves its answer in `answer`. */
export function runPython(program: string, data: unknown): unknown {
  const whole = `import json, sys\ndata = json.load(sys.stdin)\n${program}\njson.dump(answer, sys.stdout)`;
  return JSON.parse(
    execFileSync('python3', ['-c', whole], {
      input: JSON.stringify(data),
      encoding: 'utf8',
      env: { ...process.env, PYTHONUTF8: '1' },
    }),
  ) as unknown;
}

export function pythonHas(module: string): boolean {
  return spawnSync('python3', ['-c', `import ${module}`]).status === 0;
}
