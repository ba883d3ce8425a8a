// Runs the bundle as bin does, and writes the code cache of one of its files when the run is over: byte for byte the same one,
// wherever and whenever the same bundle is built.
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

// Whether a function has been compiled to machine code, which depends on the time, would be noted in it. The flags that a
// cache depends on are those at its end.
setFlagsFromString('--no-sparkplug');

// What is in the environment is the program's.
const { CODE_CACHE_OF: wanted } = process.env;
delete process.env.CODE_CACHE_OF;

const dist = new URL('../dist/', import.meta.url);
const compiled = new Map();
const run = (name, module) => {
  const source = readFileSync(new URL(name, dist), 'latin1');
  // The file is named in the cache, and named anew by whoever loads it.
  const script = new Script(source, { filename: name });
  compiled.set(name, { script, source });
  script.runInThisContext()(load, module, module.exports);
  return module.exports;
};
const load = (name) =>
  name.startsWith('./') ? run(name.slice('./'.length), { exports: {} }) : process.getBuiltinModule(name);
process.on('exit', (code) => {
  if (code !== 0) return;
  setFlagsFromString('--sparkplug');
  const { script, source } = compiled.get(wanted);
  // The mark that the file ends in: bin takes no cache of another build.
  const cache = Buffer.concat([script.createCachedData(), Buffer.from(source.slice(-16))]);
  writeFileSync(new URL(wanted.replace(/\.js$/, '.cache'), dist), cache);
});
// A stage that takes long lets others have their turn, which would be compiled, too: on a busy machine only.
process.uptime = () => 0;
run('vaultonce.js', { exports: {} });
