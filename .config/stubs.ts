import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * What packages load and this program never uses, by package and by the name that it imports it with. Of axios only the
 * Node adapter is needed: no forms, no followed redirects (`maxRedirects: 0`), proxies by the agent's `proxyEnv`, no
 * compression, no HTTP/2. Of commander no subcommands in files of their own, of ora no other spinners. The stubs have just what is touched when the
 * package is loaded.
 */
const STUBS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  axios: {
    'form-data': 'export default class FormData {}',
    'follow-redirects': 'export default { http: {}, https: {} };',
    'proxy-from-env': "export const getProxyForUrl = () => '';",
    'https-proxy-agent': 'export default class HttpsProxyAgent {}',
    http2: 'export default {};',
    // Only for an https address; plain HTTP should not pay for TLS.
    https: `const https = () => require('node:https');
      export default { get Agent() { return https().Agent; }, get request() { return https().request; }, get globalAgent() { return https().globalAgent; } };`,
    zlib: 'export default { constants: {} };',
    crypto: 'export default {};',
    // Only for forms; loading it takes 2 ms, because Node then loads all that it offers, workers among it.
    util: 'export default {};',
  },
  commander: {
    'node:child_process': 'export default {};',
    // Only to measure colours in a help text.
    'node:util': `export const stripVTControlCharacters = (text) => require('node:util').stripVTControlCharacters(text);`,
  },
  // Its own services for debugging, which nobody serves, come from .proto files.
  '@grpc/grpc-js': { '@grpc/proto-loader': 'export const loadSync = undefined;' },
  // Of ninety spinners the one that is shown.
  ora: {
    'cli-spinners': `export default { dots: { interval: 80, frames: [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'] } };`,
  },
};

/**
 * What is written otherwise in a package, by file: text and what goes in its place. The first `\p{…}` of a run makes V8 read
 * Unicode's tables, which takes a millisecond; the names of our options' values are ASCII.
 */
const REWRITTEN: Readonly<Record<string, readonly [string, string]>> = {
  'commander/lib/option.js': ['/\\p{ID_Continue}\\.\\.\\.[>\\]]$/u', '/\\w\\.\\.\\.[>\\]]$/'],
};

/** The packages in the program itself. */
const OF_THE_PROGRAM = ['ora'];

/**
 * Replaces them.
 * @param mustMeet the build fails when one of these packages no longer imports what is replaced: its shape has then changed
 */
export function stubs(root: string, mustMeet: readonly string[] = OF_THE_PROGRAM): Plugin {
  const directoryOf = (name: string): string => join(root, 'node_modules', name);
  return {
    name: 'stubs',
    setup(build) {
      const wanted = mustMeet.flatMap((name) =>
        Object.keys(STUBS[name] ?? {}).map((path) => `${name}: ${path}`),
      );
      const met = new Set<string>();
      build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        const name = Object.keys(STUBS).find((candidate) => importer.startsWith(directoryOf(candidate)));
        const contents = name === undefined ? undefined : STUBS[name]?.[path];
        if (name === undefined || contents === undefined) return undefined;
        met.add(`${name}: ${path}`);
        return { path, namespace: 'stub', pluginData: contents, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: 'stub' }, ({ pluginData }) => ({
        contents: pluginData as string,
      }));
      const files = Object.keys(REWRITTEN).map((file) => file.replaceAll(/[./]/g, '\\$&'));
      build.onLoad({ filter: new RegExp(`node_modules/(?:${files.join('|')})$`) }, ({ path }) => {
        const [old, replacement] = REWRITTEN[relative(join(root, 'node_modules'), path)] ?? ['', ''];
        const source = readFileSync(path, 'utf8');
        if (!source.includes(old))
          return { errors: [{ text: `${old} is not in ${path}: look at .config/stubs.ts` }] };
        return { contents: source.replace(old, () => replacement), loader: 'js' };
      });
      build.onEnd(() => {
        const missed = wanted.filter((stub) => !met.has(stub));
        if (missed.length === 0) return undefined;
        return { errors: [{ text: `no longer imported (${missed.join(', ')}): look at .config/stubs.ts` }] };
      });
    },
  };
}
