import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { typicalRun, type Typical } from './typical-run.ts';

/** Makes the code caches: the functions of a typical run are compiled, and what V8 made of them is kept. */

// V8 hashes names with a seed, which is part of the cache: with one and the same seed, builds are equal byte for byte. It is none
// of the flags that a cache depends on.
const START = ['--random-seed=1', join(import.meta.dirname, 'code-cache-run.mjs')];

async function keep(
  file: string,
  argsFor: (config: string) => readonly string[],
  typical?: Typical,
): Promise<void> {
  await typicalRun(({ config, cwd, env }) => {
    const of = { cwd, env: { ...env, CODE_CACHE_OF: file } };
    return promisify(execFile)(process.execPath, [...START, ...argsFor(config)], of);
  }, typical);
}

const render = (config: string): readonly string[] => ['render', '-c', config, '--allow-disk', '--quiet'];
await keep('vaultonce.js', render);
await keep('axios.js', render, { scheme: 'http' });
// Plain YAML is read without it.
await keep('yaml.js', render, { first: 'concurrency: &one 1\n' });
await keep('command-line.js', () => ['--help']);
