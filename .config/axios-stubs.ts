import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * What axios loads and this program never uses, by the name that axios imports it with. Only its Node adapter is
 * needed: no forms, no followed redirects (`maxRedirects: 0`), proxies by the agent's `proxyEnv`, no compression, no
 * HTTP/2. The stubs have just what axios touches when it is loaded.
 */
const STUBS: Readonly<Record<string, string>> = {
  'form-data': 'export default class FormData {}',
  'follow-redirects': 'export default { http: {}, https: {} };',
  'proxy-from-env': "export const getProxyForUrl = () => '';",
  'https-proxy-agent': 'export default class HttpsProxyAgent {}',
  http2: 'export default {};',
  zlib: 'export default { constants: {} };',
  crypto: 'export default {};',
  './xhr.js': 'export default null;',
  './fetch.js': 'export const getFetch = () => null; export default null;',
};

/** Replaces them, and fails the build when axios no longer imports one: its shape has then changed. */
export function axiosStubs(root: string): Plugin {
  const axiosDirectory = join(root, 'node_modules/axios');
  return {
    name: 'axios-stubs',
    setup(build) {
      const met = new Set<string>();
      // The package's entry for Node is one file, whose parts cannot be replaced.
      build.onResolve({ filter: /^axios$/ }, () => ({ path: join(axiosDirectory, 'index.js') }));
      build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        if (!importer.startsWith(axiosDirectory) || !Object.hasOwn(STUBS, path)) return undefined;
        met.add(path);
        return { path, namespace: 'axios-stub', sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: 'axios-stub' }, ({ path }) => ({
        contents: STUBS[path] ?? '',
      }));
      build.onEnd(() => {
        const missed = Object.keys(STUBS).filter((path) => !met.has(path));
        if (missed.length === 0) return undefined;
        return {
          errors: [{ text: `axios no longer imports ${missed.join(', ')}: look at .config/axios-stubs.ts` }],
        };
      });
    },
  };
}
