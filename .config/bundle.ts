import { build, type Metafile } from 'esbuild';
import { builtins } from './builtins.ts';
import { root } from './paths.ts';
import { stubs } from './stubs.ts';

/** What stands around it, as JavaScript. */
interface Frame {
  readonly banner?: { readonly js: string };
  readonly footer?: { readonly js: string };
}

/** The program in one file, without anything of the packages that it never uses: for Node and for the standalone binary. */
export async function bundle(outfile: string, runtime: 'node' | 'bun', frame: Frame = {}): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22.21',
    minify: true,
    // What is loaded late is part of the one file, too.
    supported: { 'dynamic-import': false },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [stubs(root), builtins],
    // Looking at it makes Node load it; axios only asks whether it is in a browser.
    define: {
      navigator: 'undefined',
      // What is for Bun alone is no part of the bundle for Node.
      ...(runtime === 'node' ? { 'process.versions.bun': 'undefined' } : {}),
    },
    ...frame,
  });
  return metafile;
}
