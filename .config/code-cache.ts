import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { typicalRun } from './typical-run.ts';

/** Makes the code cache: the functions of a typical run are compiled, and what V8 made of them is kept. */

// V8 hashes names with a seed, which is part of the cache: with one and the same seed, builds are equal byte for byte. It is none
// of the flags that a cache depends on.
const start = ['--random-seed=1', join(import.meta.dirname, 'code-cache-run.mjs')];
await typicalRun(({ config, ...at }) => {
  const args = ['render', '-c', config, '--allow-disk', '--quiet'];
  return promisify(execFile)(process.execPath, [...start, ...args], at);
});
