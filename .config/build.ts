import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { packagesIn, PACKAGES_FILE } from './bundled-packages.ts';
import { bundle, BUNDLES } from './bundle.ts';
import { dist, root } from './paths.ts';

/** Ends the bundle in the mark of its build, by which bin knows the code cache that belongs to it. */
function mark(file: string): void {
  appendFileSync(file, `//${hash('sha256', readFileSync(file)).slice(0, 16)}`);
}

/** The licences of all packages in the bundles; their comments are not in it. */
function collectLicences(metafiles: readonly Metafile[]): string {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const packages = new Set(
    inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  );
  const licences = [...packages].sort().map(licenceOf);
  // Many have the same one.
  return [...Map.groupBy(licences, ({ text }) => text)]
    .map(([text, same]) => `${same.map(({ title }) => title).join('\n')}\n\n${text}\n\n${'-'.repeat(80)}\n`)
    .join('\n');
}

interface Licence {
  /** Of the package: name, version and the name of its licence. */
  readonly title: string;
  readonly text: string;
}

function licenceOf(name: string): Licence {
  const directory = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    version: string;
    license: string;
  };
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(directory, file), 'utf8').trim();
  return { title: `${name} ${version} (${license})`, text };
}

// The standalone binaries stay: they have a build of their own.
for (const name of [...BUNDLES, 'vaultonce.cache', 'meta.json', PACKAGES_FILE, 'THIRD-PARTY-LICENSES.txt'])
  rmSync(join(dist, name), { force: true });
mkdirSync(dist, { recursive: true });
// bin compiles them, the main one with the code cache that is made after it: scripts, as expressions.
const metafiles = await bundle(dist, 'node', {
  banner: { js: '(function (require, module, exports) {' },
  footer: { js: '})' },
});
mark(join(dist, 'vaultonce.js'));
writeFileSync(join(dist, 'meta.json'), JSON.stringify(metafiles[0]));
writeFileSync(join(dist, PACKAGES_FILE), JSON.stringify(packagesIn(metafiles)));
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), collectLicences(metafiles));
execFileSync(process.execPath, [join(import.meta.dirname, 'code-cache.ts')], { stdio: 'inherit' });
