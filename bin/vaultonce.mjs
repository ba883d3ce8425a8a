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
  // Beside bin/. What `node:path` would do takes a quarter of a millisecond here.
  const dist = `${import.meta.dirname.slice(0, -'bin'.length)}dist/`;
  const bundle = `${dist}vaultonce.js`;
  // One after the other in the same memory: the kernel gives a page at its first use, which costs more than copying.
  const memory = Buffer.allocUnsafeSlow(4 * 1024 * 1024);
  let source;
  try {
    // esbuild writes ASCII; decoding it as UTF-8 would only take longer.
    source = readInto(fs, memory, bundle).latin1Slice();
  } catch (error) {
    process.stderr.write(
      `vaultonce: error: ${bundle} cannot be read (${error.code})\n  → run \`npm run build\`\n`,
    );
    process.exitCode = 1;
    return;
  }
  const run = (code, filename, module) => {
    const cachedData = readCache(fs, filename.replace(/\.js$/, '.cache'), code, memory);
    new vm.Script(code, { filename, cachedData }).runInThisContext()(load, module, module.exports);
    return module.exports;
  };
  // What the bundle can require: Node's own modules, and what lies beside it because few need it.
  const load = (name) => {
    if (!name.startsWith('./')) return process.getBuiltinModule(name);
    const filename = dist + name.slice('./'.length);
    return run(fs.readFileSync(filename, 'latin1'), filename, { exports: {} });
  };
  run(source, bundle, { exports: {} });
}

// Code that is compiled already. It belongs to one version of Node; V8 ignores it in others. But V8 knows the source by
// its length only and would run the code of another build, so both files end in the mark of their build.
function readCache(fs, file, source, memory) {
  const MARK_LENGTH = 16;
  try {
    const cache = readInto(fs, memory, file);
    if (cache.latin1Slice(cache.length - MARK_LENGTH) !== source.slice(-MARK_LENGTH)) return undefined;
    return cache.subarray(0, -MARK_LENGTH);
  } catch {
    return undefined;
  }
}

function readInto(fs, memory, file) {
  const descriptor = fs.openSync(file);
  try {
    let length = 0;
    let count;
    do {
      count = fs.readSync(descriptor, memory, length, memory.length - length, null);
      length += count;
    } while (count > 0);
    return memory.subarray(0, length);
  } finally {
    fs.closeSync(descriptor);
  }
}
