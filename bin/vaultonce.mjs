#!/usr/bin/env node
// Starts the bundle. The syntax is old on purpose: an old Node has to get as far as the message.

const [major, minor] = process.versions.node.split('.').map(Number);

// Below these the HTTP agent has no `proxyEnv`.
if (major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21)) {
  start();
} else {
  process.stderr.write(
    `vaultonce: error: Node.js ${process.versions.node} is too old\n` +
      '  → install Node.js 24 (24.5 or later), or 22 (22.21 or later)\n',
  );
  process.exitCode = 2;
}

function start() {
  // Cheaper than import: nothing but what is used is loaded.
  const fs = process.getBuiltinModule('node:fs');
  const vm = process.getBuiltinModule('node:vm');
  const bundle = new URL('../dist/vaultonce.js', import.meta.url);
  let source;
  try {
    // esbuild writes ASCII; decoding it as UTF-8 would only take longer.
    source = fs.readFileSync(bundle, 'latin1');
  } catch (error) {
    process.stderr.write(
      `vaultonce: error: ${bundle.pathname} cannot be read (${error.code})\n  → run \`npm run build\`\n`,
    );
    process.exitCode = 1;
    return;
  }
  const script = new vm.Script(source, { filename: bundle.pathname, cachedData: readCache(fs) });
  script.runInThisContext()(process.getBuiltinModule, { exports: {} }, {});
}

// Code that is compiled already. It belongs to one version of Node; V8 ignores it in others.
function readCache(fs) {
  try {
    return fs.readFileSync(new URL('../dist/vaultonce.cache', import.meta.url));
  } catch {
    return undefined;
  }
}
