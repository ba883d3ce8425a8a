// Runs the bundle as bin does, and writes its code cache when the run is over: byte for byte the same one, wherever and whenever
// the same bundle is built.
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

// Whether a function has been compiled to machine code, which depends on the time, would be noted in it. The flags that a
// cache depends on are those at its end.
setFlagsFromString('--no-sparkplug');

const bundle = new URL('../dist/vaultonce.js', import.meta.url);
const source = readFileSync(bundle, 'latin1');
// The file is named in the cache, and named anew by whoever loads it.
const script = new Script(source, { filename: 'vaultonce.js' });
process.on('exit', (code) => {
  if (code !== 0) return;
  setFlagsFromString('--sparkplug');
  // The mark that the bundle ends in: bin takes no cache of another build.
  const cache = Buffer.concat([script.createCachedData(), Buffer.from(source.slice(-16))]);
  writeFileSync(new URL('../dist/vaultonce.cache', import.meta.url), cache);
});
// A stage that takes long lets others have their turn, which would be compiled, too: on a busy machine only.
process.uptime = () => 0;
script.runInThisContext()(process.getBuiltinModule, { exports: {} }, {});
