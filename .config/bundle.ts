import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { buildFacts } from './build-facts.ts';
import { builtins } from './builtins.ts';
import { root } from './paths.ts';
import { stubs } from './stubs.ts';

/** What stands around it, as JavaScript. */
interface Frame {
  readonly banner?: { readonly js: string };
  readonly footer?: { readonly js: string };
}

/** The one that differs between builds of the same files. */
const VERSION_FILE = 'version.js';

/** What is loaded from a file of its own, because few need it and it is large: the file, and the module that it is made of. */
const SEPARATE: Readonly<Record<string, string>> = {
  'axios.js': 'src/http/axios-adapter.ts',
  'aws-sdk.js': 'src/auth/aws/sdk.ts',
  'pkcs12.js': 'src/formats/pkcs12/keystore.ts',
  'zod-schema.js': 'src/shape/zod-schema.ts',
  'yaml.js': 'src/config/yaml-document.ts',
  'reference.js': 'src/config/reference.ts',
  'words.js': 'src/config/words-of-others.ts',
  'other-languages.js': 'src/config/recognise.ts',
  'refusal-meaning.js': 'src/publish/cluster/refusal-meaning.ts',
  'refusals.js': 'src/session/refusals.ts',
  'manifest.js': 'src/manifest/manifest-text.ts',
  'completion.js': 'src/commands/completion/script.ts',
  'handshakes.js': 'src/http/handshakes.ts',
  'migrate.js': 'src/migrate/migrate-files.ts',
  'command-line.js': 'src/cli/commander-tree.ts',
  'variable-lines.js': 'src/migrate/variable-lines.ts',
  [VERSION_FILE]: 'src/commands/version-text.ts',
};

/** What is in files of its own for one runtime alone. */
const OF_RUNTIME: Readonly<Record<'node' | 'bun', Readonly<Record<string, string>>>> = {
  // What stays after its first run has all that it needs with it, with copies of what the program has, too: so the one-shot run is no
  // larger by it. In the standalone binary, where what is not used is compiled and costs nothing, copies would take 2 MB of memory.
  node: { 'watch.js': 'src/watch/start.ts', 'csi.js': 'src/csi/start.ts' },
  // What goes before the program, and the modules by which the program takes over what that has begun and seen.
  bun: {
    'first.js': 'src/cli/connect-first.ts',
    'first-connection.js': 'src/http/first-connection.ts',
    'inherited-descriptors.js': 'src/host/inherited-descriptors.ts',
  },
};

/** The packages that must have what is replaced in them, where it is not the same as in the program. */
const MUST_MEET: Readonly<Record<string, readonly string[]>> = {
  'axios.js': ['axios'],
  'watch.js': [],
  'csi.js': ['@grpc/grpc-js'],
  'command-line.js': ['commander'],
  'first.js': [],
  'first-connection.js': [],
  'inherited-descriptors.js': [],
};

/** All files of code that a build makes, the program first. */
export const BUNDLES: readonly string[] = [
  'vaultonce.js',
  ...Object.keys(SEPARATE),
  ...Object.keys(OF_RUNTIME.node),
];

/** Those that come with a code cache on Node. */
export const CACHED: readonly string[] = ['vaultonce.js', 'axios.js', 'yaml.js', 'command-line.js'];

/** The caches, which bin looks for by the name of the bundle. */
export const CACHES: readonly string[] = CACHED.map((name) => name.replace(/\.js$/, '.cache'));

/** Leaves of our package.json what the program uses. */
const ownPackage: Plugin = {
  name: 'own-package',
  setup(building) {
    const file = join(root, 'package.json');
    building.onLoad({ filter: /[\\/]package\.json$/ }, ({ path }) => {
      if (path !== file) return undefined;
      const { version, bugs } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
      return { contents: JSON.stringify({ version, bugs }), loader: 'json' };
    });
  },
};

const separate = (files: Readonly<Record<string, string>>): Plugin => ({
  name: 'separate',
  setup(building) {
    building.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      const wanted = join(resolveDir, path);
      const found = Object.entries(files).find(([, source]) => wanted === join(root, source));
      return found === undefined ? undefined : { path: `./${found[0]}`, external: true };
    });
  },
});

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22.21',
  minify: true,
  supported: {
    // What is loaded late is part of the same file, too.
    'dynamic-import': false,
    // Literals, which are parsed once; esbuild would have them made anew each time, for older versions of Unicode.
    'regexp-unicode-property-escapes': true,
    'regexp-set-notation': true,
  },
  define: {
    // Looking at it makes Node load it; axios only asks whether it is in a browser.
    navigator: 'undefined',
    // Where a package looks for files that are not here; it would be a directory of the build.
    __dirname: '"/"',
  },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * The program, without anything of the packages that it never uses: for Node and for the standalone binary.
 * @param more go before the others
 * @returns what is in `vaultonce.js`, and in each file that it loads when it needs it
 */
export async function bundle(
  directory: string,
  runtime: 'node' | 'bun',
  frame: Frame = {},
  more: readonly Plugin[] = [],
): Promise<readonly [Metafile, ...Metafile[]]> {
  const own = OF_RUNTIME[runtime];
  const whole = (source: string, file: string): Promise<{ readonly metafile: Metafile }> =>
    build({
      ...COMMON,
      ...frame,
      entryPoints: [source],
      outfile: join(directory, file),
      plugins: [
        ...more,
        stubs(root, MUST_MEET[file]),
        builtins,
        separate({ ...SEPARATE, ...own }),
        ownPackage,
      ],
      define: {
        ...COMMON.define,
        // What is for Bun alone is no part of the bundle for Node.
        ...(runtime === 'node' ? { 'process.versions.bun': 'undefined' } : {}),
      },
    });
  const main = await whole('src/main.ts', 'vaultonce.js');
  const ofBuild = {
    VAULTONCE_BUILD: JSON.stringify(buildFacts()),
    // What is compiled for several targets gets its own then.
    ...(runtime === 'node' ? { VAULTONCE_TARGET: '"node"' } : {}),
  };
  const others = Object.entries(SEPARATE).map(([file, source]) =>
    build({
      ...COMMON,
      ...frame,
      entryPoints: [source],
      outfile: join(directory, file),
      // The modules of packages, not their CommonJS: a quarter of the AWS SDK is then left out.
      mainFields: ['module', 'main'],
      plugins: [...more, stubs(root, MUST_MEET[file] ?? []), builtins],
      define: { ...COMMON.define, ...(file === VERSION_FILE ? ofBuild : {}) },
    }),
  );
  const owned = Object.entries(own).map(([file, source]) => whole(source, file));
  return [main.metafile, ...(await Promise.all([...others, ...owned])).map(({ metafile }) => metafile)];
}
