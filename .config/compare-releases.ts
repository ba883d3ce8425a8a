import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKSUMS } from './release-files.ts';

/** Fails where two directories that `release.ts` has made, on two machines, are not the same, and names the files. */

const directories = process.argv.slice(2);
if (directories.length !== 2) {
  console.error('usage: compare-releases.ts DIRECTORY DIRECTORY');
  process.exit(2);
}

const [first = new Map<string, string>(), second = new Map<string, string>()] = directories.map(
  (directory) =>
    new Map(
      readFileSync(join(directory, CHECKSUMS), 'utf8')
        .trim()
        .split('\n')
        .map((line) => [line.slice(66), line.slice(0, 64)] as const),
    ),
);
const different = [...new Set([...first.keys(), ...second.keys()])].filter(
  (name) => first.get(name) !== second.get(name),
);
for (const name of different) console.error(`compare: ${name} differs`);
if (different.length > 0) process.exitCode = 1;
else console.log(`${String(first.size)} files are the same, byte for byte`);
