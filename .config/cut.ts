import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEPRECATED, type DeprecatedName } from '../src/config/deprecated-names.ts';
import { compareVersions, cutChangelog, problemsOfCut, type Cut } from './cut-changelog.ts';
import { root } from './paths.ts';

/**
 * Prepares a release: `cut.ts 0.2.0` makes the section of the version of what CHANGELOG.md has under [Unreleased], and puts the
 * version wherever the last one stands: package.json, the lock file, images, examples and guides. Nothing is written if it may
 * not. What it has written is committed and tagged by whoever has read it. `--date 2026-11-26` is not today.
 */

/** Where the name of an image has the version. */
const NAMING = ['README.md', 'Dockerfile', 'examples/**/*', '.config/injection.ts'];

function contentAfter({ from, to, date }: Cut): ReadonlyMap<string, string> {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const escaped = from.replaceAll('.', '\\.');
  const changed = new Map([['CHANGELOG.md', cutChangelog(read('CHANGELOG.md'), { from, to, date })]]);
  // The lock file has it twice, both before any package.
  const own = new RegExp(`("name": "vaultonce",\\s+"version": )"${escaped}"`, 'g');
  for (const file of ['package.json', 'package-lock.json'])
    changed.set(
      file,
      read(file).replaceAll(own, (_, before: string) => `${before}"${to}"`),
    );
  const image = new RegExp(`(\\bvaultonce:|image\\.version=")${escaped}(?![\\w.])`, 'g');
  for (const file of NAMING.flatMap((pattern) => globSync(pattern, { cwd: root }))) {
    if (!statSync(join(root, file)).isFile()) continue;
    const text = read(file);
    const named = text.replaceAll(image, (_, before: string) => `${before}${to}`);
    if (named !== text) changed.set(file, named);
  }
  return changed;
}

function problemsOf(cut: Cut): string[] {
  const names = Object.values<readonly DeprecatedName[]>({ ...DEPRECATED }).flat();
  return [
    ...problemsOfCut(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), cut),
    ...(/^\d{4}-\d\d-\d\d$/.test(cut.date) ? [] : ['a date is written as 2026-11-26']),
    ...names
      .filter(({ since }) => compareVersions(since, cut.to) > 0)
      .map(({ old, since }) => `${old} is deprecated since ${since}, which comes after ${cut.to}`),
  ];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { date: { type: 'string', default: new Date().toISOString().slice(0, 10) } },
});
const { version: from } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const cut = { from, to: positionals[0] ?? '', date: values.date };
const problems = problemsOf(cut);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
for (const [file, text] of contentAfter(cut)) {
  writeFileSync(join(root, file), text);
  console.log(file);
}
