import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cutChangelog, problemsOfCut, sectionOf } from '../../.config/cut-changelog.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const date = '2026-12-01';

const changelog = (...sections: readonly string[]): string =>
  `# Changelog\n\n## [Unreleased]\n\n${sections.join('\n\n')}\n\n## [0.1.0] - 2026-11-24\n\n### Added\n\n- First.\n\n[Unreleased]: https://github.com/vaultonce/vaultonce/compare/v0.1.0...HEAD\n[0.1.0]: https://github.com/vaultonce/vaultonce/releases/tag/v0.1.0\n`;
const ADDED = '### Added\n\n- More.';
const CHANGED = '### Changed\n\n- Better.';
const MIGRATING = '### Migrating from 0.1.0\n\n- Set it.';

describe('cutting a release', () => {
  const workspace = createWorkspace();
  after(() => {
    workspace.remove();
  });

  test('makes a section of what is unreleased, and leaves an empty one above it', () => {
    const cut = cutChangelog(changelog(ADDED, CHANGED), { from: '0.1.0', to: '0.2.0', date });
    assert.match(cut, /^## \[Unreleased\]\n\n## \[0\.2\.0\] - 2026-12-01\n\n### Added\n/m);
    assert.equal(sectionOf(cut, '0.2.0'), `${ADDED}\n\n${CHANGED}`);
    assert.equal(sectionOf(cut, '0.1.0'), '### Added\n\n- First.');
    assert.equal(sectionOf(cut, '0.3.0'), undefined);
    assert.match(
      cut,
      /^\[Unreleased\]: \S+\/compare\/v0\.2\.0\.\.\.HEAD\n\[0\.2\.0\]: \S+\/compare\/v0\.1\.0\.\.\.v0\.2\.0\n\[0\.1\.0\]: /m,
    );
  });

  for (const [what, text, from, to, problem] of [
    ['no version', changelog(ADDED), '0.1.0', 'v0.2.0', /without a v/],
    ['none at all', changelog(ADDED), '0.1.0', '', /written as 1\.2\.3/],
    ['the same version', changelog(ADDED), '0.1.0', '0.1.0', /does not come after 0\.1\.0/],
    ['an older one', changelog(ADDED), '0.10.0', '0.9.0', /does not come after/],
    ['nothing new', changelog('### Added'), '0.1.0', '0.2.0', /nothing under \[Unreleased\]/],
    ['no section', '# Changelog\n', '0.1.0', '0.2.0', /no section \[Unreleased\]/],
    ['a line twice', changelog(`${ADDED}\n- More.`), '0.1.0', '0.2.0', /says twice: - More\./],
    [
      'a section twice',
      changelog(CHANGED, ADDED, '### Changed\n\n- Else.'),
      '0.1.0',
      '0.2.0',
      /two sections Changed/,
    ],
    ['a patch that adds', changelog(ADDED), '0.1.0', '0.1.1', /adds something/],
    ['a patch that breaks', changelog(MIGRATING), '0.1.0', '0.1.1', /may ask nobody to migrate/],
    [
      'a minor one that breaks',
      changelog(MIGRATING.replace('0.1.0', '1.0.0')),
      '1.0.0',
      '1.1.0',
      /may ask nobody to migrate/,
    ],
    [
      'notes for another version',
      changelog(MIGRATING),
      '0.2.0',
      '0.3.0',
      /the version before 0\.3\.0 is 0\.2\.0/,
    ],
  ] as const) {
    test(`is refused: ${what}`, () => {
      assert.match(problemsOfCut(text, { from, to, date }).join('\n'), problem);
    });
  }

  test('may: a patch that mends, a minor version before 1.0 and a major one that break', () => {
    for (const [text, from, to] of [
      [changelog(CHANGED), '0.1.0', '0.1.1'],
      [changelog(MIGRATING, ADDED), '0.1.0', '0.2.0'],
      [changelog(MIGRATING.replace('0.1.0', '1.9.0')), '1.9.0', '2.0.0'],
    ] as const)
      assert.deepEqual(problemsOfCut(text, { from, to, date }), []);
  });

  const files = [
    'package.json',
    'package-lock.json',
    'CHANGELOG.md',
    'README.md',
    'Dockerfile',
    'examples',
    '.config',
    'src',
  ];
  const [, minor = '0'] = packageJson.version.split('.');
  const next = `0.${String(Number(minor) + 1)}.0`;
  const cutCopy = (...args: readonly string[]) =>
    spawnSync(process.execPath, [workspace.path('.config/cut.ts'), ...args], { encoding: 'utf8' });
  const copied = (name: string): string => readFileSync(workspace.path(name), 'utf8');

  test('the script puts the version wherever the last one was, or writes nothing', () => {
    for (const name of files) cpSync(join(root, name), workspace.path(name), { recursive: true });
    // Just after a release there is nothing to cut.
    workspace.write('CHANGELOG.md', changelog(ADDED).replaceAll('0.1.0', packageJson.version));
    const refused = cutCopy(packageJson.version);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /does not come after/);
    assert.equal(copied('package.json'), readFileSync(join(root, 'package.json'), 'utf8'));
    assert.match(cutCopy(next, '--date', 'today').stderr, /a date is written as/);

    const { status, stdout, stderr } = cutCopy(next, '--date', date);
    assert.equal(status, 0, stderr);
    for (const name of [
      'CHANGELOG.md',
      'package.json',
      'package-lock.json',
      'README.md',
      'Dockerfile',
      '.config/injection.ts',
    ])
      assert.ok(stdout.split('\n').includes(name), name);
    assert.equal((JSON.parse(copied('package.json')) as { version: string }).version, next);
    const lock = JSON.parse(copied('package-lock.json')) as {
      version: string;
      packages: Record<string, { version: string }>;
    };
    assert.deepEqual([lock.version, lock.packages['']?.version], [next, next]);
    assert.equal(sectionOf(copied('CHANGELOG.md'), next), ADDED);
    const left = globSync(['README.md', 'Dockerfile', 'examples/**/*'], { cwd: workspace.root })
      .filter((name) => statSync(workspace.path(name)).isFile())
      .filter(
        (name) =>
          copied(name).includes(`vaultonce:${packageJson.version}`) ||
          copied(name).includes(`version="${packageJson.version}"`),
      );
    assert.deepEqual(left, []);
    assert.ok(copied('Dockerfile').includes(`image.version="${next}"`));
  });
});

describe('the changelog', () => {
  const text = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');

  test('has the version of package.json, or that is what comes next', () => {
    assert.ok(sectionOf(text, packageJson.version) !== undefined);
  });

  test('has each line once, and could be cut', () => {
    const [major = 0, minor = 0] = packageJson.version.split('.').map(Number);
    const to = major === 0 ? `0.${String(minor + 1)}.0` : `${String(major + 1)}.0.0`;
    const problems = problemsOfCut(text, { from: packageJson.version, to, date });
    assert.deepEqual(
      problems.filter((problem) => !problem.includes('nothing under [Unreleased]')),
      [],
    );
  });
});
