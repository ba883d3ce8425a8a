import { execFile, type ExecFileException } from 'node:child_process';
import { hash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { ownPackage } from './npm-packages.ts';

/**
 * Publishes the packages of a release, `dist/release` or the directory that is named. First those of the targets, then `vaultonce`: at no
 * time does it name a package that is not there. What is there already, byte for byte, is left alone, so that it can be repeated
 * after a failure. `--provenance` has npm say where they come from, which it can only in a CI job.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { provenance: { type: 'boolean', default: false } },
});
const [directory = 'dist/release'] = positionals;
const { name: main, version } = ownPackage();

interface Tarball {
  readonly file: string;
  readonly name: string;
  readonly integrity: string;
}

function tarballs(): Tarball[] {
  const prefix = `${main}-`;
  const suffix = `-${version}.tgz`;
  const ofTargets = globSync(`${prefix}*${suffix}`, { cwd: directory }).sort();
  const ofMain = `${prefix}${version}.tgz`;
  return [...ofTargets, ofMain].map((file) => ({
    file: join(directory, file),
    name: file === ofMain ? main : `@${main}/${file.slice(prefix.length, -suffix.length)}`,
    integrity: `sha512-${hash('sha512', readFileSync(join(directory, file)), 'base64')}`,
  }));
}

async function npm(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args);
  return stdout.trim();
}

/** @returns undefined where this version is not there */
async function publishedIntegrity(name: string): Promise<string | undefined> {
  try {
    return (await npm('view', `${name}@${version}`, 'dist.integrity')) || undefined;
  } catch (error) {
    if (/\bE404\b/.test((error as ExecFileException).stderr ?? '')) return undefined;
    throw error;
  }
}

function fail(lines: readonly string[]): never {
  for (const line of lines) console.error(`publish: ${line}`);
  return process.exit(1);
}

/** Before anything is published. */
async function unpublished(all: readonly Tarball[]): Promise<Tarball[]> {
  const found = await Promise.all(all.map(({ name }) => publishedIntegrity(name)));
  const others = all.filter(
    ({ integrity }, index) => found[index] !== undefined && found[index] !== integrity,
  );
  if (others.length > 0)
    fail(others.map(({ name }) => `${name}@${version} is there already, and is another one`));
  return all.filter((_, index) => found[index] === undefined);
}

const all = tarballs();
const left = await unpublished(all);
for (const { name } of all.filter((one) => !left.includes(one)))
  console.log(`${name}@${version} is there already`);
for (const [index, { file, name }] of left.entries()) {
  try {
    await npm('publish', file, '--access', 'public', ...(values.provenance ? ['--provenance'] : []));
  } catch (error) {
    const { stderr = '' } = error as ExecFileException;
    const rest = left.slice(index).map((one) => one.name);
    fail([...stderr.trim().split('\n'), `not published: ${rest.join(', ')}: repeat it, which goes on here`]);
  }
  console.log(`published ${name}@${version}`);
}
