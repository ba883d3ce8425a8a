import { join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { builtins } from './builtins.ts';
import { root } from './paths.ts';
import { stubs } from './stubs.ts';

/** What stands around it, as JavaScript. */
interface Frame {
  readonly banner?: { readonly js: string };
  readonly footer?: { readonly js: string };
}

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

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22.21',
  minify: true,
  // What is loaded late is part of the same file, too.
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * The program, without anything of the packages that it never uses: for Node and for the standalone binary.
 * @returns what is in `vaultonce.js`, and in what it loads from a file of its own
 */
export async function bundle(
  directory: string,
  frame: Frame = {},
): Promise<readonly [Metafile, ...Metafile[]]> {
  const main = await build({
    ...COMMON,
    ...frame,
    entryPoints: ['src/main.ts'],
    outfile: join(directory, 'vaultonce.js'),
    plugins: [stubs(root), builtins, separate],
    // Looking at it makes Node load it; axios only asks whether it is in a browser.
    define: { navigator: 'undefined' },
  });
  const aws = await build({
    ...COMMON,
    ...frame,
    entryPoints: [SEPARATE.source],
    outfile: join(directory, SEPARATE.file),
    // Its modules, not its CommonJS: a quarter of it is then left out.
    mainFields: ['module', 'main'],
    plugins: [builtins],
  });
  return [main.metafile, aws.metafile];
}
