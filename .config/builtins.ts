import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

/**
 * Imports Node's own modules without esbuild's wrapper around CommonJS, which copies every property of a module each
 * time it is imported: a millisecond or two of every run.
 */
export const builtins: Plugin = {
  name: 'builtins',
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call' ? { path: name, external: true } : { path: name, namespace: 'builtin' };
    });
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: moduleOf(path) }));
  },
};

function moduleOf(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) =>
    /^[a-z_$][\w$]*$/i.test(name),
  );
  // What is marked as pure is dropped unless something imports it.
  const lines = names.map((name) => `const $${name} = /* @__PURE__ */ (() => builtin.${name})();`);
  return [
    // That module is loaded only to give the global.
    path === 'node:process' ? 'const builtin = process;' : `const builtin = require('${path}');`,
    'export default builtin;',
    ...lines,
    `export { ${names.map((name) => `$${name} as ${name}`).join(', ')} };`,
  ].join('\n');
}
