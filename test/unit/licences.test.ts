import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { licenceProblems, type Lock } from '../../.config/licences.ts';
import { noticesOfBun, packagesIn } from '../../.config/notices.ts';
import packageJson from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const lock = (): Lock => JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
const text = (name: string): string => readFileSync(join(root, name), 'utf8');

describe('licences', () => {
  test('of all packages are allowed', () => {
    assert.deepEqual(licenceProblems(lock()), []);
  });

  const withLicence = (path: string, license: string | undefined): string[] => {
    const { packages } = lock();
    const { dev = false, version = '' } = packages[path] ?? {};
    const one = { dev, version, ...(license === undefined ? {} : { license }) };
    return licenceProblems({ packages: { ...packages, [path]: one } });
  };

  test('one that is not allowed is named, with its package, its place and what needs it', () => {
    const { version } = lock().packages['node_modules/mimic-function'] ?? {};
    assert.deepEqual(withLicence('node_modules/mimic-function', 'GPL-3.0-only'), [
      `mimic-function ${String(version)} has the licence GPL-3.0-only, which is not allowed for what is shipped (node_modules/mimic-function, needed by ora > cli-cursor > restore-cursor > onetime)`,
    ]);
    assert.deepEqual(withLicence('node_modules/prettier', undefined), [
      `prettier ${packageJson.devDependencies.prettier} names no licence, which is not allowed for tools (node_modules/prettier, needed by package.json)`,
    ]);
  });

  test('tools may have some that what is shipped may not', () => {
    assert.deepEqual(withLicence('node_modules/prettier', 'CC0-1.0'), []);
    assert.equal(withLicence('node_modules/axios', 'CC0-1.0').length, 1);
  });

  test('of an expression one of several is enough, or all', () => {
    for (const [expression, isAllowed] of [
      ['(MIT OR GPL-3.0-only)', true],
      ['GPL-2.0-only OR Apache-2.0 AND MIT', true],
      ['MIT AND GPL-3.0-only', false],
      ['(MIT AND (GPL-3.0-only OR ISC))', false],
      ['SEE LICENSE IN LICENSE.md', false],
      ['UNLICENSED', false],
    ] as const)
      assert.equal(withLicence('node_modules/axios', expression).length === 0, isAllowed, expression);
  });

  test('go with the package: each that is bundled, with its version and a text', () => {
    const notices = text('dist/THIRD-PARTY-LICENSES.txt');
    const main = JSON.parse(text('dist/meta.json')) as Parameters<typeof packagesIn>[0][number];
    const bundled = packagesIn([main]);
    assert.ok(bundled.includes('node_modules/ora') && bundled.includes('node_modules/mustache'));
    const others = ['axios', 'commander', 'js-yaml', 'pkijs', '@aws-sdk/credential-provider-node', 'zod'];
    for (const path of [...bundled, ...others.map((name) => `node_modules/${name}`)]) {
      const { name, version, license } = JSON.parse(text(`${path}/package.json`)) as Record<string, string>;
      assert.ok(
        notices.split('\n').includes(`${String(name)} ${String(version)} (${String(license)})`),
        path,
      );
    }
    for (const block of notices.split(`${'-'.repeat(80)}\n`).slice(0, -1))
      assert.ok(block.trim().split('\n').length > 5, block.slice(0, 200));
  });

  test('go with the binary: of Bun, and of all that is linked into it', () => {
    const notices = noticesOfBun();
    assert.match(notices, new RegExp(`^bun ${packageJson.devDependencies.bun.replaceAll('.', '\\.')} `));
    for (const name of ['JavaScriptCore', 'boringssl', 'mimalloc', 'tinycc', 'libicu', 'uWebsockets'])
      assert.ok(notices.includes(name), name);
    for (const title of [
      'GNU LIBRARY GENERAL PUBLIC LICENSE',
      'GNU LESSER GENERAL PUBLIC LICENSE',
      'Apache License',
    ])
      assert.ok(notices.includes(title), title);
    assert.equal(packageJson.devDependencies.bun, packageJson.devDependencies['bun-types']);
  });
});
