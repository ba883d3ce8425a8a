import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { builtins } from './builtins.ts';
import { stubs } from './stubs.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** One script for everything, as an expression: bin compiles it with the code cache that is made after it. */
async function bundle(): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/vaultonce.js',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22.21',
    minify: true,
    // bin compiles a script, not a module: it has no import().
    supported: { 'dynamic-import': false },
    legalComments: 'none',
    banner: { js: '(function (require, module, exports) {' },
    footer: { js: '})' },
    metafile: true,
    logLevel: 'warning',
    plugins: [stubs(root), builtins],
    // Looking at it makes Node load it; axios only asks whether it is in a browser.
    define: { navigator: 'undefined' },
  });
  return metafile;
}

/** Ends the bundle in the mark of its build, by which bin knows the code cache that belongs to it. */
function mark(file: string): void {
  appendFileSync(file, `//${hash('sha256', readFileSync(file)).slice(0, 16)}`);
}

/** The licences of all packages in the bundle; their comments are not in it. */
function collectLicences({ inputs }: Metafile): string {
  const packages = new Set(
    Object.keys(inputs).flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  );
  return [...packages].sort().map(licenceOf).join('\n');
}

function licenceOf(name: string): string {
  const directory = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    version: string;
    license: string;
  };
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(directory, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n\n${'-'.repeat(80)}\n`;
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
const metafile = await bundle();
mark(join(dist, 'vaultonce.js'));
writeFileSync(join(dist, 'meta.json'), JSON.stringify(metafile));
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), collectLicences(metafile));
execFileSync(process.execPath, [join(import.meta.dirname, 'code-cache.ts')], { stdio: 'inherit' });
