import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { builtins } from './builtins.ts';
import { stubs } from './stubs.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** Scripts as expressions: bin compiles the main one with the code cache that is made after it. */
const SCRIPT = {
  absWorkingDir: root,
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
} satisfies BuildOptions;

/** What is loaded from a file of its own, because few need it and it is large. */
const SEPARATE = { source: 'src/auth/aws/sdk.ts', file: 'aws-sdk.js' };

const separate: Plugin = {
  name: 'separate',
  setup(building) {
    building.onResolve({ filter: /\/sdk\.ts$/ }, ({ path, resolveDir }) =>
      join(resolveDir, path) === join(root, SEPARATE.source)
        ? { path: `./${SEPARATE.file}`, external: true }
        : undefined,
    );
  },
};

async function bundle(): Promise<readonly Metafile[]> {
  const main = await build({
    ...SCRIPT,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/vaultonce.js',
    plugins: [stubs(root), builtins, separate],
    // Looking at it makes Node load it; axios only asks whether it is in a browser.
    define: { navigator: 'undefined' },
  });
  const aws = await build({
    ...SCRIPT,
    entryPoints: [SEPARATE.source],
    outfile: `dist/${SEPARATE.file}`,
    // Its modules, not its CommonJS: a quarter of it is then left out.
    mainFields: ['module', 'main'],
    plugins: [builtins],
  });
  return [main.metafile, aws.metafile];
}

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
const metafiles = await bundle();
mark(join(dist, 'vaultonce.js'));
writeFileSync(join(dist, 'meta.json'), JSON.stringify(metafiles[0]));
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), collectLicences(metafiles));
execFileSync(process.execPath, [join(import.meta.dirname, 'code-cache.ts')], { stdio: 'inherit' });
