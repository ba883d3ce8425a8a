import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { appendFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, CACHED } from './bundle.ts';
import { NOTICES, noticesOf, PACKAGES_FILE, packagesIn } from './notices.ts';
import { dist } from './paths.ts';

/** Ends the bundle in the mark of its build, by which bin knows the code cache that belongs to it. */
function mark(file: string): void {
  appendFileSync(file, `//${hash('sha256', readFileSync(file)).slice(0, 16)}`);
}

// Files that an older build had would be part of the package. The standalone binaries stay: they have a build of their own.
for (const name of [
  ...globSync('*.js', { cwd: dist }),
  ...globSync('*.cache', { cwd: dist }),
  'meta.json',
  PACKAGES_FILE,
  NOTICES,
])
  rmSync(join(dist, name), { force: true });
mkdirSync(dist, { recursive: true });
// bin compiles them, the main one with the code cache that is made after it: scripts, as expressions.
const metafiles = await bundle(dist, 'node', {
  banner: { js: '(function (require, module, exports) {' },
  footer: { js: '})' },
});
for (const name of CACHED) mark(join(dist, name));
writeFileSync(join(dist, 'meta.json'), JSON.stringify(metafiles[0]));
writeFileSync(join(dist, NOTICES), noticesOf(metafiles));
writeFileSync(join(dist, PACKAGES_FILE), JSON.stringify(packagesIn(metafiles)));
execFileSync(process.execPath, [join(import.meta.dirname, 'code-cache.ts')], { stdio: 'inherit' });
